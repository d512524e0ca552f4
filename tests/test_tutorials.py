"""The tutorials run as they stand, with small budgets from their environment variables, and find what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """`run(name, STEPS=1000)` gives all names of a tutorial after it has run, and what it printed as `"printed"`."""

    def runs(name, **budgets):
        for key, value in budgets.items():
            monkeypatch.setenv(key, str(value))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(plt, "show", lambda: None)
        found = runpy.run_path(str(TUTORIALS / f"{name}.py"))
        return found | {"printed": capsys.readouterr().out}

    yield runs
    plt.close("all")


@pytest.mark.slow
def test_the_tutorial_on_policies_learns_and_agrees_with_the_library(run):
    seen = run("policies_and_reinforce", UPDATES=25, SEEDS=2, STEPS=2_000)
    for name in ("plain", "with_baseline"):
        lengths = np.asarray(seen[name])
        assert lengths.shape == (2, 25)
        assert lengths[:, -5:].mean() > 1.5 * lengths[:, :5].mean()
    noise = {name: np.asarray(gradients).std(0) for name, gradients in seen["samples"].items()}
    assert (noise["with the baseline J"] < 0.6 * noise["without a baseline"]).all()
    assert len(seen["score"]) == 2


@pytest.mark.slow
def test_the_tutorial_on_ppo_has_the_librarys_loss(run):
    seen = run("ppo_from_its_equations", SEEDS=2, STEPS=1_024)
    assert seen["metrics"]["train/clip_fraction"] > 0.5  # the clip is part of what was compared
    for length in seen["lengths"].values():
        assert length[1].shape == (2, 4)
    divergence = {name: values.mean() for name, (_, values) in seen["divergences"].items()}
    assert divergence["one epoch"] < divergence["PPO"] < divergence["no clip"]


@pytest.mark.full
def test_the_tutorial_on_comparisons_computes_what_the_library_does(run):
    seen = run("honest_comparisons", SEEDS=4, STEPS=2_000, EPISODES=2)
    assert seen["comparison"].names == ("baseline", "plain")
    assert seen["comparison"].probability_of_improvement[0] == seen["chance"]
    assert seen["expected_best"](seen["plain"], 50) > seen["plain"].mean()
    assert seen["sweep"].tested.seeds == (1000, 1001, 1002, 1003)
    assert 1e-3 <= seen["sweep"].best_values["learning_rate"] <= 1e-1


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:total_timesteps=")  # whole rollouts are taken
def test_the_tutorial_on_environments_agrees_with_itself_and_finds_every_mistake(run):
    seen = run("your_own_environment", SEEDS=2, STEPS=1_024)
    assert seen["compared"] > 100
    kinds = {name: report.kinds for name, report in seen["reports"].items()}
    assert kinds["OwnDice"] == ("seed",)
    assert not seen["reports"]["NotANumber"].ok
    assert not seen["reports"]["OutOfBounds"].ok
    assert any("truncated=True" in text for text in seen["reports"]["TimeIsUp"].advice)
    assert seen["printed"].count("nothing is wrong") == 3  # both capsules, and the one that only has advice
    assert set(seen["results"]) == {"all three", "height and fuel alone", "the last two of them"}


@pytest.mark.slow
def test_the_tutorial_on_algorithms_learns_the_right_values_and_goes_on_where_it_stopped(run):
    seen = run("your_own_algorithm", SEEDS=2, STEPS=600)
    assert seen["report"].ok
    assert np.allclose(seen["learnt_b"], seen["expected_b"], rtol=0.05)
    assert seen["part"].step < 500
    assert seen["resumed"].step == 1_000
    assert all(seen["same"])
    assert "SoftQ" in seen["printed"].split("leaves of the state")[1]  # what the command line says of the run


@pytest.mark.slow
def test_the_tutorial_on_dqn_has_the_librarys_targets(run):
    seen = run("dqn_and_its_parts", SEEDS=2, STEPS=800)
    assert len(seen["results"]) == 10
    for name, (steps, lengths) in seen["results"].items():
        assert lengths.shape == (2, len(steps)), name
        assert np.isfinite(seen["believed"][name][1]).all(), name
    assert float(np.abs(seen["gradient_by_target"][0][0]).max()) == 0
    assert [len(agent_curve[1]) for agent_curve in seen["curves"].values()] == [2, 2]


@pytest.mark.full
def test_the_tutorial_on_preferences_has_the_librarys_losses(run):
    seen = run("from_characters_to_preferences", EPOCHS=3, PAIRS=40, STEPS=1_152)
    assert seen["pairs"][0].keys() == {"prompt", "chosen", "rejected"}
    assert len(seen["pairs"]) == 40
    assert all(seen["liked"](pair["chosen"]) > seen["liked"](pair["rejected"]) for pair in seen["pairs"])
    assert "before learning: 0.693147, ln 2 = 0.693147" in seen["printed"]
    assert list(seen["tuned"]) == [0.0, 0.5, 2.0]


@pytest.mark.slow
def test_the_tutorial_on_continuous_control_has_the_librarys_density(run):
    seen = run("from_ddpg_to_sac", SEEDS=2, STEPS=600)
    assert set(seen["returns"]) == {"DDPG", "TD3", "SAC"}
    for steps, values in seen["returns"].values():
        assert values.shape == (2, len(steps))
        assert (values[:, -1] < 0).all()
    assert (
        np.asarray(seen["alphas"])[:, -1] < 1
    ).all()  # it begins at 1, and the first policy is random enough
