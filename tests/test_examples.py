"""The examples run as they stand, and learn what they say they learn."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant.algorithms.policy_gradient.ppo import PPO
from operant.envs.registry import native

EXAMPLES = Path(__file__).parents[1] / "examples"
PICTURES = {  # figures in each executed notebook
    "dqn_and_its_parts": 6,
    "from_chains_to_q_learning": 5,
    "from_characters_to_preferences": 1,
    "from_ddpg_to_sac": 4,
    "honest_comparisons": 3,
    "in_a_notebook": 3,
    "policies_and_reinforce": 4,
    "ppo_from_its_equations": 4,
    "your_own_algorithm": 1,
    "your_own_environment": 3,
    "pong_from_the_first_frame": 6,
}
TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"


def example(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_an_algorithm_of_the_users_own_learns():
    agent = example("own_algorithm")["main"](40_000, progress_bar=False)
    assert agent.evaluate(20).mean > 100  # the random policy: 22


def test_the_network_of_an_own_algorithm_is_interchangeable_with_the_librarys():
    mine = example("own_algorithm")["RewardWeighted"]
    fourier = example("own_network")["Fourier"](4, 64, jax.random.key(0))
    for network in (operant.Network(hidden_sizes=(8,)), {"hidden_sizes": (8,)}, fourier):
        for cls in (mine, PPO):
            algorithm = cls(network=network)
            assert (
                algorithm.network == operant.Network(hidden_sizes=(8,)) or algorithm.network.module is fourier
            )
            jax.eval_shape(
                lambda key, made=algorithm: made.init(native("CartPole-v1").spec, key), jax.random.key(0)
            )


def test_a_gymnasium_environment_of_the_users_own_is_learnt():
    agent = example("own_gymnasium_environment")["main"](30_000, progress_bar=False)
    random = agent.random().evaluate(50, deterministic=False)
    assert agent.evaluate(50).mean > random.mean + 1


def test_a_native_environment_of_the_users_own_is_learnt():
    agent = example("own_environment")["main"](15_000, progress_bar=False)  # with no twin in Python
    assert agent.evaluate(50).mean > -1  # the random policy: −3


def test_a_wrapper_of_the_users_own_is_the_same_on_both_sides():
    made = example("own_wrapper")
    agent = made["main"](2_000, progress_bar=False)
    wrapper = made["Coarse"](0.2)
    seen, _ = wrapper.gymnasium(gym.make("CartPole-v1")).reset(seed=0)
    np.testing.assert_allclose(seen / 0.2, np.round(seen / 0.2), atol=1e-6)
    environment = wrapper.native(native("CartPole-v1"))
    seen = np.asarray(environment.observation(environment.reset(environment.sample_noise(jax.random.key(0)))))
    np.testing.assert_allclose(seen / 0.2, np.round(seen / 0.2), atol=1e-6)
    with pytest.raises(ValueError, match=r"Coarse: step=-1: must be above 0."):
        operant.PPO("CartPole-v1", wrappers=[made["Coarse"](-1)])
    agent.close()


def test_a_network_of_the_users_own_learns():
    agent = example("own_network")["main"](2_000, progress_bar=False)
    before = example("own_network")["Fourier"](4, 64, jax.random.key(0))
    weights = agent.get_parameters()
    (frequencies,) = (value for name, value in weights.items() if value.shape == (4, 32))
    np.testing.assert_array_equal(frequencies, before.frequencies)  # they stay as they are
    assert not any(np.array_equal(value, before.mix.weight) for value in weights.values())


def test_a_curiosity_of_the_users_own_counts_every_step_once():
    agent = example("own_curiosity")["main"](6_000, progress_bar=False)
    assert agent.state.curiosity.visits.sum() == agent.step
    assert 10 < (agent.state.curiosity.visits > 0).sum() < 1024
    assert all(0 < row["rollout/intrinsic_reward"] <= 1 for row in agent.history)
    assert agent.name == "PPO with Hashed"


def test_the_docs_say_how_long_each_is():
    page = (EXAMPLES.parent / "docs" / "your_own.md").read_text()
    for path in EXAMPLES.glob("own_*.py"):
        lines = len(path.read_text().splitlines())
        assert re.search(rf"{path.name}\).*\| {lines} \|", page), f"{path.name} has {lines} lines"


def test_many_seeds(tmp_path):
    best = example("many_seeds")["main"](1_500, 2, tmp_path / "seeds.png", progress_bar=False)
    assert best.seed in (0, 1)
    assert (tmp_path / "seeds.png").stat().st_size > 0


def test_a_callback_stops_training():
    agent = example("callback")["main"](20_000, threshold=25.0, progress_bar=False)
    assert 0 < agent.step < 20_000
    assert agent.history[-1]["rollout/ep_rew_mean"] >= 25


@pytest.mark.full
def test_curiosity(tmp_path):
    agents = example("curiosity")["main"](2_000, tmp_path / "visits.png", progress_bar=False)
    assert [agent.name for agent in agents.values()] == ["PPO", "PPO with RND", "PPO with ICM"]
    assert (tmp_path / "visits.png").stat().st_size > 0


@pytest.mark.full
def test_double_dqn_overestimates_less(tmp_path):
    believed = example("overestimation")["main"](6_000, 3, tmp_path / "values.png", progress_bar=False)
    assert (believed["Double DQN"] > 0.2).all()  # every true value is 0
    assert (believed["DQN"] > believed["Double DQN"] + 0.2).all()
    assert (tmp_path / "values.png").stat().st_size > 0


@pytest.mark.full
def test_policies_are_searched(tmp_path):
    robot, pole = example("policy_search")["main"](2_000, 2, tmp_path / "vacuum.png", progress_bar=False)
    assert (robot.name, pole.name) == ("CEM", "ARS")
    assert (tmp_path / "vacuum.png").stat().st_size > 0


def test_planning(tmp_path):
    planning = example("planning")
    patient, more_patient, lake = planning["main"](tmp_path / "convergence.png")
    assert patient.policy.tolist() == [0, 0, 1]
    assert more_patient.policy.tolist() == [0, 2, 1]
    assert lake.values[0] == pytest.approx(0.542, abs=1e-3)
    assert (tmp_path / "convergence.png").stat().st_size > 0
    # Recursion over n steps is the n-th sweep of value iteration.
    naive, remembered = (planning["best_value"](8, 0.9, remember) for remember in (False, True))
    assert naive[0] == remembered[0] == pytest.approx(patient.history.values[8].max(axis=1)[0])
    assert remembered[1] <= 3 * 9 < naive[1]


@pytest.mark.slow
def test_the_tutorial_in_a_notebook_runs():
    seen = runpy.run_path(str(TUTORIALS / "in_a_notebook.py"))
    assert seen["score"].iqm > 3 * seen["score"].random.mean
    assert seen["comparison"].names == ("PPO", "A2C")


@pytest.mark.slow
def test_the_tutorial_from_chains_to_q_learning_runs(monkeypatch):
    figures = []
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: figures.append(1))
    seen = runpy.run_path(str(TUTORIALS / "from_chains_to_q_learning.py"))
    assert figures
    exact = seen[
        "patient"
    ].q_values  # what Q-learning comes to, slowly: the best actions are right long before the values
    learnt = np.where(np.isnan(seen["values"][-1]), -np.inf, seen["values"][-1])
    assert learnt.argmax(axis=1).tolist() == exact.argmax(axis=1).tolist()
    np.testing.assert_allclose(learnt[[0, 2], [0, 1]], exact[[0, 2], [0, 1]], rtol=0.15)
    assert np.asarray(seen["lake"].evaluate(100).mean) > 0.6  # the best policy: 0.74


@pytest.mark.slow
def test_the_tutorial_from_the_first_frame_to_pong_runs(tmp_path, monkeypatch):
    pytest.importorskip("ale_py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEPS", "1024")
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    seen = runpy.run_path(str(TUTORIALS / "pong_from_the_first_frame.py"))
    collected, points = seen["collected"], seen["points"]
    assert points.lost > 10 * points.won
    assert points.won - points.lost == sum(each.total_reward for each in collected.trajectories)
    assert len(seen["replay"]) == 4_000
    assert seen["returns"][0] == pytest.approx((0.99 ** np.arange(len(seen["rewards"]))) @ seen["rewards"])
    assert (seen["dqn"].step, seen["agent"].step) == (1024, 1024)
    assert -21 <= seen["score"].mean <= 21
    assert (tmp_path / "pong.mp4").exists()


@pytest.mark.parametrize("tutorial", sorted(TUTORIALS.glob("*.py")), ids=lambda path: path.stem)
def test_notebooks_are_executed_and_of_the_scripts_as_they_are(tutorial):
    notebook = json.loads(tutorial.with_suffix(".ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    blocks = tutorial.read_text().split("\n# %%\n")[1:]
    script = [block.split("\n# %% [markdown]")[0].strip() for block in blocks]
    assert ["".join(cell["source"]).strip() for cell in code] == script
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    warned = [line for output in outputs if output.get("name") == "stderr" for line in output["text"]]
    assert all(line.startswith("operant: ") for line in warned)  # what is done to a game is said there
    assert sum("image/png" in output.get("data", {}) for output in outputs) == PICTURES[tutorial.stem]
    assert tutorial.with_suffix(".ipynb").stat().st_size < 1_000_000


def test_the_executed_notebook_shows_faces_films_and_progress():
    notebook = json.loads((TUTORIALS / "in_a_notebook.ipynb").read_text())
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    pages = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
    for face in ("PPO on CartPole-v1, 4 seeds", "interquartile mean", "video/mp4;base64", "PPO against A2C"):
        assert any(face in page for page in pages)
    assert (
        sum("<progress" in page for page in pages) == 1
    )  # redrawn in place, whatever the length of training


def test_every_example_is_tested():
    text = Path(__file__).read_text()
    names = [path.stem for path in EXAMPLES.glob("*.py")]
    assert names
    assert all(f'example("{name}")' in text for name in names)


def test_the_readme_shows_code_that_runs(tmp_path, monkeypatch):
    readme = (EXAMPLES.parent / "README.md").read_text()
    code = (
        readme.split("```python\n")[1]
        .split("```")[0]
        .replace("100_000", "2_000")
        .replace("episodes=100", "episodes=2")
    )
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "cartpole.safetensors").exists()


@pytest.fixture(autouse=True)
def _quiet(capsys):
    yield
    capsys.readouterr()
