"""Learning curves and diagnostics: the lines and bands drawn are those of the numbers given."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

from operant.engine.log import RETURN, STEP
from operant.ops.intervals import iqm, iqm_interval
from operant.studio import style
from operant.studio.curves import VALUE, learning_curve, metrics_panel, read_metrics, series, smoothed

STEPS = np.arange(1, 41) * 1000
SEEDS = np.random.default_rng(0).normal(1.0, 3.0, size=(8, 40)).cumsum(axis=1)


def line(axes, label):
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found


def test_many_seeds_show_their_iqm_its_interval_and_each_seed():
    (axes,) = learning_curve({"PPO": (STEPS, SEEDS)}, title="PPO on CartPole-v1").axes
    np.testing.assert_array_equal(line(axes, "PPO").get_xdata(), STEPS)
    np.testing.assert_allclose(line(axes, "PPO").get_ydata(), iqm(SEEDS))
    thin = [drawn.get_ydata() for drawn in axes.lines if drawn.get_linewidth() < 1]
    np.testing.assert_allclose(thin, SEEDS)
    _, low, high = iqm_interval(SEEDS)
    corners = axes.collections[0].get_paths()[0].vertices
    at = {step: corners[corners[:, 0] == step, 1] for step in STEPS}
    np.testing.assert_allclose([at[step].min() for step in STEPS], low)
    np.testing.assert_allclose([at[step].max() for step in STEPS], high)
    assert axes.get_xlabel() == "environment steps"
    assert axes.get_ylabel() == "mean return of recent episodes"
    assert axes.get_title(loc="left") == "PPO on CartPole-v1"
    assert any(
        "interquartile mean of 8 seeds with its 95 % bootstrap interval;" in t.get_text() for t in axes.texts
    )
    (axes,) = learning_curve({"PPO": (STEPS, SEEDS[:3])}, title="PPO on CartPole-v1").axes
    assert any("too narrow for so few" in text.get_text() for text in axes.texts)
    assert axes.get_legend() is None


def test_one_seed_shows_its_values_and_their_moving_average():
    (axes,) = learning_curve({"DQN": (STEPS, SEEDS[0])}, title="DQN").axes
    assert not axes.collections
    np.testing.assert_allclose(axes.lines[0].get_ydata(), SEEDS[0])
    np.testing.assert_allclose(line(axes, "DQN").get_ydata(), smoothed(SEEDS[0]))
    assert any("one seed" in text.get_text() for text in axes.texts)


@pytest.mark.parametrize("values", [SEEDS[:1, :1], SEEDS[:, :1]], ids=["one seed", "seeds"])
def test_a_single_point_is_seen(values):
    (axes,) = learning_curve({"PPO": (STEPS[:1], values)}, title="PPO").axes
    assert line(axes, "PPO").get_marker() == "o"
    (axes,) = learning_curve({"PPO": (STEPS, SEEDS)}, title="PPO").axes
    assert line(axes, "PPO").get_marker() == "None"


def test_reference_lines_stand_at_their_levels():
    series = {"PPO": (STEPS, SEEDS)}
    (axes,) = learning_curve(series, title="t", threshold=475, reference={"random policy": 22.0}).axes
    levels = [drawn.get_ydata()[0] for drawn in axes.lines if list(drawn.get_xdata()) == [0, 1]]
    assert levels == [475, 22]
    assert {"threshold\n475", "random policy\n22"} <= {text.get_text() for text in axes.texts}


def test_several_series_are_told_apart_by_colour_and_legend():
    series = {f"run {i}": (STEPS, SEEDS + i) for i in range(6)}
    (axes,) = learning_curve(series, title="t").axes
    assert len({to_hex(line(axes, name).get_color()) for name in series}) == 6
    assert {text.get_text() for text in axes.get_legend().get_texts()} == set(series)


def test_a_missing_value_is_a_gap_and_not_a_number():
    values = SEEDS.copy()
    values[2, :3] = np.nan
    (axes,) = learning_curve({"PPO": (STEPS, values)}, title="t").axes
    assert np.isnan(line(axes, "PPO").get_ydata()).tolist() == [True] * 3 + [False] * 37


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"'PPO'.*\(8, 40\).*\(39,\)"):
        learning_curve({"PPO": (STEPS[1:], SEEDS)}, title="t")
    with pytest.raises(ValueError, match="at least one series"):
        learning_curve({}, title="t")


def test_the_picture_is_written_and_settings_are_left_as_they_were(tmp_path):
    path = tmp_path / "new" / "curve.png"
    with matplotlib.rc_context({"font.size": 21, "axes.labelsize": 30, "axes.spines.top": True}):
        before = dict(matplotlib.rcParams)
        figure = learning_curve({"PPO": (STEPS, SEEDS)}, title="t", path=path)
        assert dict(matplotlib.rcParams) == before
    assert path.read_bytes().startswith(b"\x89PNG")
    height, width = matplotlib.image.imread(path).shape[:2]
    assert (width, height) == tuple(int(inches * style.DPI) for inches in figure.get_size_inches())


def test_smoothing_is_the_centred_mean_of_the_known_values():
    values = np.random.default_rng(1).normal(size=30)
    values[[4, 5, 20]] = np.nan
    for window in (1, 4, 5):
        expected = [
            np.nanmean(part) if np.isfinite(part).any() else np.nan
            for k in range(30)
            for part in [values[max(0, k - window // 2) : k + window - window // 2]]
        ]
        np.testing.assert_allclose(smoothed(values, window), expected)


def test_diagnostics_have_one_panel_a_metric_with_its_known_values(tmp_path):
    kl = np.array([np.nan, 0.01, 0.02, 0.03])
    columns = {
        "time/total_timesteps": np.arange(4.0),
        "rollout/ep_rew_mean": np.ones(4),
        "train/zebra": np.ones(4),
        "train/value_loss": np.arange(4.0),
        "train/approx_kl": kl,
        "train/std": np.full(4, np.nan),
        "train/n_updates": np.arange(4.0),
    }
    panels = metrics_panel(columns, tmp_path / "panel.png").axes
    assert [axes.get_title(loc="left") for axes in panels] == [
        "approximate KL divergence",
        "value loss",
        "zebra",
    ]
    np.testing.assert_array_equal(panels[0].lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(panels[0].lines[0].get_ydata(), kl[1:])
    assert (tmp_path / "panel.png").exists()


def test_diagnostics_of_nothing_are_refused():
    with pytest.raises(ValueError, match="has not learnt anything yet"):
        metrics_panel({"time/total_timesteps": np.arange(3.0), "train/loss": np.full(3, np.nan)})


def test_metrics_are_read_with_gaps_and_without_text(tmp_path):
    (tmp_path / "metrics.csv").write_text("time/total_timesteps,train/loss,note\n1,,a\n2,0.5,b\n")
    columns = read_metrics(tmp_path / "metrics.csv")
    assert list(columns) == ["time/total_timesteps", "train/loss"]
    np.testing.assert_array_equal(columns["train/loss"], [np.nan, 0.5])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (950, "950"),
        (1000, "1k"),
        (12_500, "12.5k"),
        (3.5e6, "3.5M"),
        (-2e3, "−2k"),
        (3e-4, "0.0003"),
    ],
)
def test_short_numbers(value, text):
    assert style.short_number(value) == text


def test_importing_the_studio_does_not_import_matplotlib():
    code = (
        "import sys, operant.studio.curves, operant.studio.policy_map, operant.studio.video, "
        "operant.studio.report, operant.studio.action_probabilities; "
        "sys.exit('matplotlib' in sys.modules or 'operant.studio.h264' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_values_are_drawn_next_to_the_returns():
    returns, values = learning_curve(
        {"DQN": (STEPS, SEEDS)}, title="DQN on CartPole-v1", alongside={VALUE: {"DQN": (STEPS, 2 * SEEDS)}}
    ).axes
    np.testing.assert_allclose(line(returns, "DQN").get_ydata(), iqm(SEEDS))
    np.testing.assert_allclose(line(values, "DQN").get_ydata(), iqm(2 * SEEDS))
    assert values.get_ylabel() == "average largest Q of held-out states"
    assert values.get_xlabel() == returns.get_xlabel() == "environment steps"


def test_logged_rows_are_a_series_of_every_seed():
    rows = [{STEP: 10, RETURN: np.array([1.0, 2.0])}, {STEP: 20, RETURN: np.array([3.0, 4.0])}]
    steps, values = series(rows)
    assert (steps.tolist(), values.tolist()) == ([10, 20], [[1.0, 3.0], [2.0, 4.0]])
    assert series([{STEP: 10, RETURN: 1.0}, {STEP: 20, RETURN: 3.0}])[1].tolist() == [[1.0, 3.0]]
    # Of two seeds, and not there from the start:
    _, late = series([{STEP: 10}, {STEP: 20, RETURN: np.array([1.0, 2.0])}])
    np.testing.assert_array_equal(late, [[np.nan, 1.0], [np.nan, 2.0]])


def test_what_stays_the_same_but_for_rounding_is_a_line_in_the_middle():
    rate = 3e-4 * (1 + 1e-6 * np.arange(5))
    (axes,) = metrics_panel({STEP: np.arange(5), "train/learning_rate": rate}).axes
    assert axes.get_ylim() == pytest.approx((1.5e-4, 4.5e-4))
    (axes,) = metrics_panel({STEP: np.arange(5), "train/loss": rate * np.arange(1, 6)}).axes
    assert axes.get_ylim()[1] < 6 * 3e-4
