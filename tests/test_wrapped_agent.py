"""Agents in wrapped environments: what is learnt from and what is reported, files, the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant.cli import main
from operant.cli.tables import environment
from operant.engine.run_directory import RunDirectory
from operant.envs.wrappers import WRAPPERS, Wrapper, as_wrappers
from operant.envs.wrappers.registry import to_json, to_text
from operant.envs.wrappers.rewards import RewardWrapper
from operant.types import Transition

SMALL = {"tilings": 2, "tiles": 4}
STACK = [operant.Repeat(2), operant.Discretize(5), operant.ClipReward(-1.0, 0.0)]
FLAGS = ("--preset", "none", "--tilings", "2", "--tiles", "4")


def potential(observation):
    return observation[0]


def shaped(gamma: float) -> operant.PotentialShaping:
    return operant.PotentialShaping(potential, gamma)


class Seen:
    """An observer that keeps everything."""

    def __init__(self) -> None:
        self.rows: list[Transition] = []

    def __call__(self, transition: Transition) -> None:
        self.rows.append(transition)

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture(scope="module")
def agent():
    return operant.LinearQ("Pendulum-v1", wrappers=STACK, **SMALL).learn(350, progress_bar=False)


def by_hand(agent, episodes: int, seed: int) -> list[float]:
    """Returns of Gymnasium's own Pendulum: each choice is a torque, taken twice, until 200 steps are over."""
    env, returns = gym.make("Pendulum-v1"), []
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        returns.append(0.0)
        for _ in range(100):
            torque = -1.6 + 0.8 * int(agent.predict(observation))
            for _ in range(2):
                observation, reward, _, _, _ = env.step(np.array([torque], np.float32))
                returns[-1] += float(reward)
    return returns


def test_scores_are_of_the_environments_own_rewards_in_its_wrappers(agent):
    score = agent.evaluate(3, seed=50)
    np.testing.assert_allclose(score.returns, by_hand(agent, 3, 50), rtol=1e-5)
    np.testing.assert_array_equal(score.lengths, 100)
    assert agent.spec.max_episode_steps == 100
    assert (
        agent.title
        == "LinearQ on Pendulum-v1 (native twin, repeat:2, discretize:5, clip-reward:-1.0:0.0; 1 environment)"
    )


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_what_is_learnt_from_is_clipped_and_what_is_reported_is_not(backend):
    seen = Seen()
    agent = operant.LinearQ("Pendulum-v1", wrappers=STACK, backend=backend, **SMALL)
    agent.learn(210, progress_bar=False, observers=[seen], log_interval=210)
    reward, raw = (
        np.concatenate([getattr(row, name) for row in seen.rows])[:, 0] for name in ("reward", "raw_reward")
    )
    np.testing.assert_array_equal(reward, np.clip(raw, -1, 0))
    assert (reward != raw).mean() > 0.5
    whole = np.add.reduceat(raw.astype(np.float64), [0, 100])  # two episodes, and the start of a third
    reported = agent.history[-1]["rollout/ep_rew_mean"]
    assert reported == pytest.approx((raw[:100].sum() + raw[100:200].sum()) / 2, rel=1e-5)
    assert len(whole) == 2


def test_a_picture_of_the_policy_takes_known_axes_only_where_observations_are_known(agent, tmp_path):
    assert agent.plot_policy(tmp_path / "policy.png").axes[0].get_xlabel() == "angle from upright (rad)"
    stacked = operant.LinearQ("Pendulum-v1", wrappers=["discretize:5", "frame-stack:2"], tilings=1, tiles=2)
    states = np.random.default_rng(0).normal(size=(50, 6))
    assert stacked.plot_policy(states=states).axes[0].get_xlabel() == "observation[0]"


def test_a_model_file_keeps_the_wrappers(agent, tmp_path):
    agent.save(tmp_path / "model.safetensors")
    loaded = operant.load(tmp_path / "model.safetensors")
    assert loaded.source.wrappers == tuple(STACK)
    np.testing.assert_array_equal(loaded.evaluate(2, seed=5).returns, agent.evaluate(2, seed=5).returns)
    assert loaded.random().source.wrappers == tuple(STACK)


def test_a_run_is_resumed_in_its_wrappers(tmp_path):
    def stop(progress):
        return progress.step < 100

    # On a native environment, to the last bit.
    arguments = {"progress_bar": False, "log_interval": 50}
    whole = operant.LinearQ("Pendulum-v1", wrappers=STACK, **SMALL).learn(200, **arguments)
    operant.LinearQ("Pendulum-v1", wrappers=STACK, **SMALL).learn(
        200, stop, run_dir=tmp_path / "run", **arguments
    )
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["wrappers"] == [
        {"name": "repeat", "times": 2, "pool": 1},
        {"name": "discretize", "bins": 5, "multi": False},
        {"name": "clip-reward", "low": -1.0, "high": 0.0},
    ]
    resumed = operant.resume(tmp_path / "run", progress_bar=False)
    assert resumed.step == whole.step
    np.testing.assert_array_equal(resumed.state.weights, whole.state.weights)


def test_a_function_of_the_users_must_be_passed_again(tmp_path):
    agent = operant.LinearQ("MountainCar-v0", preset=None, wrappers=[shaped(0.99)], **SMALL)
    agent.save(tmp_path / "model.safetensors")
    assert agent.config()["wrappers"] == [{"name": "potential-shaping", "potential": None, "gamma": 0.99}]
    with pytest.raises(ValueError, match=r"was a function of yours: pass it again as wrappers="):
        operant.load(tmp_path / "model.safetensors")
    assert operant.load(tmp_path / "model.safetensors", wrappers=[shaped(0.99)]).source.wrappers == (
        shaped(0.99),
    )


def test_shaping_must_discount_as_the_learner_does():
    with pytest.raises(ValueError, match=r"gamma=0\.9\) and the algorithm's gamma=0\.99 differ"):
        operant.LinearQ("MountainCar-v0", preset=None, wrappers=[shaped(0.9)], **SMALL)
    operant.LinearQ("MountainCar-v0", preset=None, wrappers=[shaped(0.9)], gamma=0.9, **SMALL)


@pytest.mark.parametrize(
    "text",
    [
        "discretize:5",
        "discretize:3,5:true",
        "repeat:4",
        "time-limit:none",
        "time-limit:100",
        "clip-reward",
        "clip-reward:-2.0:2.0",
        "rescale-action:0.0",
        "sticky-actions:0.1",
        "frame-stack:4",
        "time-aware",
        "clip-action",
        "scale-reward:0.1",
    ],
)
def test_wrappers_as_text_and_as_values(text):
    (wrapper,) = as_wrappers(text)
    assert isinstance(wrapper, Wrapper)
    assert to_text(wrapper) == text
    assert as_wrappers(json.loads(json.dumps([to_json(wrapper)]))) == (wrapper,)


@dataclass(frozen=True)
class Halved(RewardWrapper):
    """One of the user's own, which holds what no file takes."""

    what: object = object()

    def reward(self, reward, seen, next_observation, terminated):
        return 0.5 * reward

    def gymnasium(self, env):
        return gym.wrappers.TransformReward(env, lambda reward: 0.5 * float(reward))


def test_a_wrapper_of_the_users_own_is_named_in_files_and_passed_again(tmp_path):
    operant.LinearQ("MountainCar-v0", preset=None, wrappers=[Halved()], **SMALL).save(
        tmp_path / "model.safetensors"
    )
    with pytest.raises(
        ValueError, match=r"Unknown wrapper 'Halved'.*One of your own is passed as wrappers=\[…\]"
    ):
        operant.load(tmp_path / "model.safetensors")
    assert operant.load(tmp_path / "model.safetensors", wrappers=[Halved()]).config()["wrappers"] == [
        {"name": "Halved"}
    ]


def test_the_docs_name_every_wrapper():
    text = (Path(__file__).parent.parent / "docs" / "wrappers.md").read_text()
    for name, cls in WRAPPERS.items():
        assert f"| `{cls.__name__}(" in text
        assert f"`{name}" in text or name == "potential-shaping"


def test_every_wrapper_can_be_named():
    assert set(WRAPPERS) == {
        "time-limit", "time-aware", "repeat", "sticky-actions", "discretize", "clip-action", "rescale-action",
        "ignore-masks", "frame-stack", "select", "discretize-observation", "clip-reward", "scale-reward",
        "potential-shaping", "life-loss", "grayscale", "resize", "noop-start", "fire-start",
    }  # fmt: skip


WRONG = {
    "discretise:5": "Unknown wrapper 'discretise'. Did you mean discretize?",
    "os.system": "Unknown wrapper 'os.system'",
    "discretize": "discretize needs bins",
    "discretize:one": "Discretize: bins='one': must be a whole number, at least 2",
    "discretize:5:true:7": "discretize takes at most bins, multi",
    "discretize-observation:3:x": "DiscretizeObservation: low='x': must be a finite number",
    "clip-action:3": "clip-action takes no values",
    "potential-shaping:3": "its potential is a function",
    "frame-stack:2 time-limit:3": "time-limit:3 counts the environment's own steps: put it first",
    "repeat:2 time-aware": "time-aware counts the environment's own steps: put it before repeat",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_text_is_refused_in_one_line(text, capsys):
    assert main(["train", "linear-q", "Pendulum-v1", *FLAGS, "--wrappers", *text.split()]) == 2
    error = capsys.readouterr().err
    assert WRONG[text] in error
    assert error.count("\n") == 1


def test_what_stands_in_a_file_is_only_looked_up():
    with pytest.raises(ValueError, match=r"Unknown wrapper 'builtins\.print'"):
        as_wrappers([{"name": "builtins.print"}])
    with pytest.raises(ValueError, match="repeat has no shell"):
        as_wrappers([{"name": "repeat", "times": 2, "shell": "ls"}])
    with pytest.raises(ValueError, match="wrappers hold 3"):
        as_wrappers([3])


def test_shaping_goes_behind_a_repeat():
    with pytest.raises(ValueError, match="must come after repeat"):
        as_wrappers([shaped(0.9), operant.Repeat(2)])


def test_a_wrapper_derived_from_another_stands_where_that_one_must():
    class Slow(operant.Repeat):
        """One of the user's."""

    with pytest.raises(ValueError, match="must come after repeat"):
        as_wrappers([shaped(0.9), Slow(2)])


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = (*FLAGS, "--no-progress", "--episodes", "2", "--total-timesteps", "120", "--run-dir", "run")
    assert (
        main(
            [
                "train",
                "linear-q",
                "Pendulum-v1",
                *flags,
                "--wrappers",
                "repeat:8",
                "discretize:3",
                "--seed",
                "1",
            ]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert "native twin, repeat:8, discretize:3; 1 environment" in printed
    score = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert score["lengths"] == [25, 25]
    assert score["random"]["lengths"] == [25, 25]
    assert (tmp_path / "run" / "video.mp4").stat().st_size > 0
    assert RunDirectory.open("run").read_config()["wrappers"][0] == {"name": "repeat", "times": 8, "pool": 1}
    assert main(["evaluate", "run", "--episodes", "2"]) == 0
    assert f"{score['mean']:.1f}" in capsys.readouterr().out


def test_an_environment_is_described_in_its_wrappers(capsys):
    assert (
        main(["environments", "Pendulum-v1", "--wrappers", "time-limit:50", "discretize:5", "frame-stack:2"])
        == 0
    )
    assert capsys.readouterr().out.strip() == environment(
        "Pendulum-v1", ("time-limit:50", "discretize:5", "frame-stack:2"), {}
    )
    lines = dict(
        line.split(None, 1)
        for line in environment("Pendulum-v1", ("discretize:5", "frame-stack:2"), {}).splitlines()
    )
    assert lines["observations"].startswith("Box(6): from [-1.0, -1.0, -8.0, -1.0, -1.0, -8.0]")
    assert lines["actions"] == "Discrete(5)"
    assert main(["environments", "CartPole-v1", "--wrappers", "discretize:5"]) == 2
    assert "Discretize needs Box actions: CartPole-v1 has Discrete(2)" in capsys.readouterr().err
