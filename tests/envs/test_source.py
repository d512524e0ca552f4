"""What an environment is: however it is handed in, it is the same one wherever it is played."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium import spaces as gs

import operant
from operant import spaces
from operant.envs import arguments
from operant.envs.registry import NATIVE
from operant.envs.source import Source


class Sized(gym.Env):
    """Pays what it is told to; `limit` steps, then an end."""

    observation_space, action_space = gs.Box(-1, 1, (2,), np.float32), gs.Discrete(2)

    def __init__(self, pay=1.0, limit=5, table=None):
        self.pay, self.limit, self.table = pay, limit, table

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.full(2, 0.5, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.full(2, 0.5, np.float32), self.pay, self.t >= self.limit, False, {}


def zero(observation):
    return 0


def score(source, episodes=2):
    """The mean return of always taking the first action."""
    return operant.HandWritten(zero, source).evaluate(episodes).mean


# keyword arguments


@pytest.mark.parametrize(
    ("id", "env_kwargs", "says"),
    [
        ("FrozenLake-v1", {"is_slippery": False}, "is_slippery=False"),
        ("FrozenLake-v1", {"map_name": "8x8"}, "n=64"),
        ("FrozenLake-v1", {"desc": ["SF", "FG"]}, "n=4"),
        ("CartPole-v1", {"sutton_barto_reward": True}, "True"),
        ("Pendulum-v1", {"g": 3}, "g=3.0"),
        ("MountainCar-v0", {"goal_velocity": 0.1}, "0.1"),
        ("CartPole-v1", {"max_episode_steps": 7}, "=7"),
        ("FrozenLake-v1", {"max_episode_steps": 7}, "=7"),
        ("GridWorld", {"cells": "maze", "max_episode_steps": 7}, "n=169"),
    ],
)
def test_the_twin_takes_the_keywords_that_it_can(id, env_kwargs, says):
    source = Source(id, env_kwargs=env_kwargs)
    assert source.native is not None
    assert says in f"{source.native} {source.spec}"
    through_gymnasium = Source(id, "gymnasium", env_kwargs=env_kwargs)
    for name in ("observation_space", "action_space"):
        ours, theirs = getattr(source.spec, name), getattr(through_gymnasium.spec, name)
        assert spaces.describe(ours) == spaces.describe(theirs)
    assert source.spec.max_episode_steps == through_gymnasium.spec.max_episode_steps


def test_classic_twins_do_with_keywords_what_gymnasium_does():
    cases = [
        ("CartPole-v1", {"sutton_barto_reward": True}, 1),
        ("Pendulum-v1", {"g": 3.0}, np.array([0.5], np.float32)),
        ("MountainCar-v0", {"goal_velocity": 0.06}, 2),
    ]
    for id, env_kwargs, action in cases:
        env, twin = gym.make(id, **env_kwargs).unwrapped, NATIVE[id](**env_kwargs)
        env.reset(seed=0)
        if id == "MountainCar-v0":
            env.state = (0.48, 0.05)  # comes to the goal, but not fast enough for this one
        state = np.asarray(env.state, np.float32)
        for _ in range(12):
            observation, reward, terminated, *_ = env.step(action)
            state, paid, over = twin.step(state, action, None)
            np.testing.assert_allclose(paid, reward, rtol=1e-4)
            assert bool(over) == terminated
            np.testing.assert_allclose(twin.observe(state), observation, rtol=1e-4, atol=1e-5)
            if terminated:
                break


@pytest.mark.parametrize(
    ("id", "env_kwargs"),
    [
        ("FrozenLake-v1", {"desc": None, "map_name": None}),  # a random map
        ("CartPole-v1", {"render_mode": "human"}),
    ],
)
def test_what_the_twin_cannot_do_goes_through_gymnasium(id, env_kwargs):
    assert Source(id, env_kwargs=env_kwargs).native is None
    with pytest.raises(ValueError, match=f"'{id}' has no native twin as it is registered now"):
        Source(id, "native", env_kwargs=env_kwargs)


@pytest.mark.parametrize("given", [Sized, partial(Sized, limit=3), "Sized-v0"])
def test_keywords_reach_training_and_scoring(given, monkeypatch):
    monkeypatch.setitem(gym.registry, "Sized-v0", gym.envs.registration.EnvSpec("Sized-v0", Sized))
    source = Source(given, env_kwargs={"pay": 3.0, "limit": 4})
    environments = source.host(2)
    environments.reset(jax.random.key(0))
    assert environments.step(np.zeros(2, np.int32)).reward.tolist() == [3, 3]
    assert score(source) == 12


def test_wrong_keywords_name_the_right_ones():
    cases = [
        ("FrozenLake-v1", {"slippery": 1}, "no argument 'slippery' .*Did you mean 'is_slippery'"),
        ("FrozenLake-v1", {"is_slippery": "false"}, "is_slippery='false' must be True or False"),
        ("CartPole-v1", {"gravity": 1}, "It takes sutton_barto_reward, render_mode"),
        ("GridWorld", {"cell": "maze"}, "Did you mean 'cells'"),
        (Sized, {"pays": 1}, "Sized has no argument 'pays' .*Did you mean 'pay'.*It takes pay, limit, table"),
        (lambda: Sized(), {"pay": 1}, "It takes none"),
        (lambda **more: Sized(**more), {"size": 1}, "unexpected keyword argument 'size'"),
        (Sized(), {"pay": 1}, "Sized is made already"),
        (operant.GridWorld(), {"cells": "maze"}, "GridWorld is made already"),
        (Sized, ["pay"], "must be a dict"),
    ]
    for given, env_kwargs, message in cases:
        with pytest.raises(ValueError, match=f"(?s)env_kwargs.*{message}"):
            _ = Source(given, env_kwargs=env_kwargs).spec


def test_a_file_keeps_keywords(tmp_path):
    agent = operant.QLearning("FrozenLake-v1", env_kwargs={"is_slippery": False, "desc": ("SF", "FG")})
    agent.save(tmp_path / "model.safetensors")
    for other in (
        operant.load(tmp_path / "model.safetensors"),
        agent.random(),
        agent._with(agent.state, 3, None),
    ):
        assert other.source.env_kwargs == {"is_slippery": False, "desc": other.source.env_kwargs["desc"]}
        assert other.spec.observation_space == agent.spec.observation_space
        assert "is_slippery=False" in other.title
    slippery = operant.load(tmp_path / "model.safetensors", env_kwargs={"is_slippery": True})
    assert slippery.source.env_kwargs == {"is_slippery": True, "desc": ["SF", "FG"]}
    with pytest.raises(ValueError, match=r"Discrete\(4\); FrozenLake8x8.*has Discrete\(16\)"):
        operant.load(tmp_path / "model.safetensors", env="FrozenLake8x8-v1", env_kwargs={"map_name": "4x4"})


def test_keywords_that_no_file_holds_are_asked_for(tmp_path):
    agent = operant.DQN(Sized, env_kwargs={"pay": np.float32(2), "table": object()})
    assert (agent.config()["env_kwargs"], agent.config()["env_kwargs_not_kept"]) == ({"pay": 2.0}, ["table"])
    agent.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"table cannot be kept in a file: pass env_kwargs="):
        operant.load(tmp_path / "model.safetensors", env=Sized)
    again = operant.load(tmp_path / "model.safetensors", env=Sized, env_kwargs={"table": 1})
    assert again.source.env_kwargs == {"pay": 2.0, "table": 1}
    # An environment of another id, or one that is made, has nothing to do with them.
    config = agent.config()
    assert arguments.from_json(config, "Other-v0", None) == arguments.from_json(config, Sized(), None) == {}


def test_scores_with_other_keywords():
    agent = operant.Random(Sized, env_kwargs={"pay": 2.0})
    assert agent.evaluate(2, deterministic=False).mean == 10
    assert agent.evaluate(2, deterministic=False, env_kwargs={"limit": 3}).mean == 6
    assert agent.evaluate(2, deterministic=False, env=Sized, env_kwargs={"limit": 3}).mean == 3
    scored = agent.evaluate(2, deterministic=False, env_kwargs={"limit": 3}, beside_random=True)
    assert scored.random.mean == 6


# what the registry says


@pytest.mark.parametrize("id", ["CartPole-v1", "FrozenLake-v1", "GridWorld"])
def test_the_twin_has_the_time_limit_of_the_registry(id, monkeypatch):
    monkeypatch.setattr(gym.registry[id], "max_episode_steps", 11)
    source = Source(id)
    assert source.native is not None
    assert source.native.max_episode_steps == source.spec.max_episode_steps == 11
    assert Source(id, "gymnasium").spec.max_episode_steps == 11


def test_an_id_that_was_registered_anew_has_no_twin(monkeypatch):
    changed = gym.envs.registration.EnvSpec("CartPole-v1", Sized, max_episode_steps=9)
    monkeypatch.setitem(gym.registry, "CartPole-v1", changed)
    assert Source("CartPole-v1").native is None
    assert score("CartPole-v1") == 5


def test_registered_keywords_and_wrappers_are_the_twins_too(monkeypatch):
    monkeypatch.setattr(gym.registry["Pendulum-v1"], "kwargs", {"g": 2.5})
    assert "g=2.5" in str(Source("Pendulum-v1").native)
    monkeypatch.setattr(gym.registry["Pendulum-v1"], "kwargs", {"novel": 1})
    assert Source("Pendulum-v1").native is None
    wrapped = gym.wrappers.TransformReward.wrapper_spec(func=abs)
    monkeypatch.setattr(gym.registry["CartPole-v1"], "additional_wrappers", (wrapped,))
    assert Source("CartPole-v1").native is None


def test_an_id_without_a_version_is_the_newest():
    for id, full in {
        "CartPole": "CartPole-v1",
        "FrozenLake": "FrozenLake-v1",
        "Pendulum-v1": "Pendulum-v1",
    }.items():
        source = Source(id)
        assert source.id == full
        assert source.native is not None
    assert (
        operant.make("ppo", "CartPole", preset="auto").algorithm
        == operant.make("ppo", "CartPole-v1", preset="auto").algorithm
    )
