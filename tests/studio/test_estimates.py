"""Films with what a policy thinks next to each frame: the numbers are the agent's, and drawn at their frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import operant
from operant.cli import main
from operant.studio import style
from operant.studio.estimates import WIDTH, Estimates, with_estimates

SMALL: dict[str, Any] = {"network": {"hidden_sizes": (8,)}, "preset": None, "seed": 1}
FRAME = np.full((210, 160, 3), 90, np.uint8)


def blue(panel):
    """Where the panel has the colour of the best action's bar, or of the curve."""
    colour = np.array([int(style.BLUE[i : i + 2], 16) for i in (1, 3, 5)])
    return (np.abs(panel.astype(int) - colour) < 40).all(-1)


def drawn(estimates, names=()):
    return list(with_estimates([FRAME] * len(estimates), estimates, names))


def test_with_estimates_enlarges_frames_and_draws_next_to_them():
    (whole,) = drawn([Estimates(1.0, np.array([0.2, 0.8]))])
    assert whole.shape == (420, 320 + WIDTH, 3)
    assert whole.dtype == np.uint8
    assert (whole[:, :320] == 90).all()


def test_bars_of_probabilities_are_as_long_as_these_and_the_likeliest_is_in_colour():
    """Catches a bar in another action's row, and one that is scaled by the likeliest."""
    lengths = []
    for likely in (0.48, 0.9):
        (whole,) = drawn([Estimates(None, np.array([1 - likely - 0.05, likely, 0.05]))])
        rows, columns = np.nonzero(blue(whole[:, 320:]))
        lengths.append(np.ptp(columns))
        top = 14 + 22  # of the first row: the second one's middle is one and a half rows below
        assert rows.mean() == pytest.approx(top + 1.5 * 26, abs=2)
    assert lengths[1] == pytest.approx(0.9 / 0.48 * lengths[0], abs=3)


def test_bars_of_q_values_compare_within_a_state_by_the_scale_of_the_film():
    one, other = Estimates(7.0, np.array([7.0, 6.0]), True), Estimates(-3.0, np.array([-3.0, -5.0]), True)
    bars = [whole[200:, 320:] for whole in drawn([one, other])]
    lengths = [np.ptp(np.nonzero(blue(bar))[1]) for bar in bars]
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=3)


def test_the_curve_ends_at_its_frame_and_is_as_high_as_its_value():
    values = [0.0, 1.0, -1.0, 0.5]
    panels = [whole[:, 320:] for whole in drawn([Estimates(value, None) for value in values])]
    red = np.array([int(style.VERMILLION[i : i + 2], 16) for i in (1, 3, 5)])
    places = []
    for panel in panels:
        rows, columns = np.nonzero((np.abs(panel.astype(int) - red) < 40).all(-1))
        places.append((columns.mean(), rows.mean()))
    x, y = np.array(places).T
    np.testing.assert_allclose(np.diff(x), (WIDTH - 28) / 3, atol=1)
    top, bottom = 14 + 34, 14 + 34 + 110
    np.testing.assert_allclose(y, bottom - (bottom - top) * (np.array(values) + 1) / 2, atol=1)


@pytest.mark.parametrize("make", [operant.PPO, operant.DQN])
def test_estimates_of_a_film_are_what_the_agent_says_of_each_frames_state(make, tmp_path):
    """Catches estimates of the state before or after, also where every other frame has been dropped."""
    agent = make("CartPole-v1", **SMALL)
    film = agent.recording(episodes=40, with_estimates=True)
    assert film.every > 1
    frames = film.observations[:: film.every]
    assert film.estimates is not None
    assert len(film.estimates) == len(film.frames) == len(frames)
    for one, seen in zip(film.estimates, frames, strict=True):
        known = agent.q_values(seen) if make is operant.DQN else agent.action_probabilities(seen)
        np.testing.assert_allclose(one.choices, known, rtol=1e-5)
        value = known.max() if make is operant.DQN else agent.value(seen)
        assert one.value == pytest.approx(float(value), rel=1e-5)
        assert one.q_values == (make is operant.DQN)
    assert agent.action_names() == ["push left", "push right"]
    path = tmp_path / "film.mp4"
    assert agent.record(path, with_estimates=True).path == path
    assert path.stat().st_size > 1_000


def test_estimates_of_a_policy_that_remembers_are_of_what_it_has_seen():
    """Catches a memory that is begun anew for each frame: two equal observations would have one value."""
    small: dict[str, Any] = {**SMALL, "network": {"hidden_sizes": (8,), "memory": "gru", "memory_size": 8}}
    agent = operant.PPO("CartPole-v1", **small)
    film = agent.recording(with_estimates=True)
    assert film.estimates is not None
    first, later = film.estimates[0], film.estimates[5]
    assert first.value == pytest.approx(float(agent.value(film.observations[0])), rel=1e-5)
    assert first.value is not None
    assert abs(later.value - float(agent.value(film.observations[5]))) > 1e-4


def test_what_cannot_be_drawn_next_to_a_film_is_refused(tmp_path, capsys):
    film = tmp_path / "x.mp4"
    scripted = operant.ScriptedPolicy(lambda seen: 0, "CartPole-v1")
    with pytest.raises(ValueError, match="has learnt nothing that could be drawn"):
        scripted.record(film, with_estimates=True)
    with pytest.raises(ValueError, match="CEM on Pendulum-v1 has neither values nor probabilities"):
        operant.CEM("Pendulum-v1", preset=None).record(film, with_estimates=True)
    agent = operant.PPO("CartPole-v1", **SMALL)
    with pytest.raises(ValueError, match="only one of them"):
        agent.record(film, with_random=True, with_estimates=True)
    agent.save(tmp_path / "model.safetensors")
    model = str(tmp_path / "model.safetensors")
    assert main(["record", model, str(film), "--with-random", "--with-estimates"]) == 2
    assert "--with-random cannot be combined with --with-estimates" in capsys.readouterr().err
    assert main(["record", "scripted", str(film), "--with-estimates"]) == 2
    assert "has learnt nothing" in capsys.readouterr().err
    assert not film.exists()
    assert main(["record", model, str(film), "--with-estimates"]) == 0
    assert film.exists()
