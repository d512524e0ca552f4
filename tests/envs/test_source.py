"""What an environment is: however it is handed in, it is the same one wherever it is played."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import vector as layers

import operant
from operant import spaces
from operant.agent.learner import Begun
from operant.agent.selection import Selection
from operant.envs import arguments, unknown
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
    return operant.ScriptedPolicy(zero, source).evaluate(episodes).mean


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
        ("MountainCarContinuous-v0", {"goal_velocity": 0.1}, "0.1"),
        ("CartPole-v1", {"max_episode_steps": 7}, "=7"),
        ("FrozenLake-v1", {"max_episode_steps": 7}, "=7"),
        ("GridWorld", {"cells": "maze", "max_episode_steps": 7}, "n=169"),
    ],
)
def test_source_gives_the_twin_the_keywords_that_it_can_take(id, env_kwargs, says):
    source = Source(id, env_kwargs=env_kwargs)
    assert source.native is not None
    assert says in f"{source.native} {source.spec}"
    through_gymnasium = Source(id, "gymnasium", env_kwargs=env_kwargs)
    for name in ("observation_space", "action_space"):
        ours, theirs = getattr(source.spec, name), getattr(through_gymnasium.spec, name)
        assert spaces.describe(ours) == spaces.describe(theirs)
    assert source.spec.max_episode_steps == through_gymnasium.spec.max_episode_steps


def test_source_of_classic_twins_does_with_keywords_what_gymnasium_does():
    cases = [
        ("CartPole-v1", {"sutton_barto_reward": True}, 1),
        ("Pendulum-v1", {"g": 3.0}, np.array([0.5], np.float32)),
        ("MountainCar-v0", {"goal_velocity": 0.06}, 2),
        ("MountainCarContinuous-v0", {"goal_velocity": 0.06}, np.array([1.0], np.float32)),
    ]
    for id, env_kwargs, action in cases:
        env, twin = gym.make(id, **env_kwargs).unwrapped, NATIVE[id](**env_kwargs)
        env.reset(seed=0)
        if "goal_velocity" in env_kwargs:
            env.state = np.array(
                [0.44, 0.05], np.float32
            )  # comes to the goal, but not fast enough for this one
        state = np.asarray(env.state, np.float32)
        for _ in range(12):
            observation, reward, terminated, *_ = env.step(action)
            state, paid, over = twin.step(state, action, None)
            np.testing.assert_allclose(paid, reward, rtol=1e-4)
            assert bool(over) == terminated
            np.testing.assert_allclose(twin.observation(state), observation, rtol=1e-4, atol=1e-5)
            if terminated:
                break


@pytest.mark.parametrize(
    ("id", "env_kwargs"),
    [
        ("FrozenLake-v1", {"desc": None, "map_name": None}),  # a random map
        ("CartPole-v1", {"render_mode": "human"}),
    ],
)
def test_source_goes_through_gymnasium_for_what_the_twin_cannot_do(id, env_kwargs):
    assert Source(id, env_kwargs=env_kwargs).native is None
    with pytest.raises(ValueError, match=f"'{id}' has no native twin as it is registered now"):
        Source(id, "native", env_kwargs=env_kwargs)


@pytest.mark.parametrize("given", [Sized, partial(Sized, limit=3), "Sized-v0"])
def test_env_kwargs_reach_training_and_scoring(given, monkeypatch):
    monkeypatch.setitem(gym.registry, "Sized-v0", gym.envs.registration.EnvSpec("Sized-v0", Sized))
    source = Source(given, env_kwargs={"pay": 3.0, "limit": 4})
    environments = source.host(2)
    environments.reset(jax.random.key(0))
    assert environments.step(np.zeros(2, np.int32)).reward.tolist() == [3, 3]
    assert score(source) == 12


def test_env_kwargs_that_are_wrong_name_the_right_ones():
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


def test_env_kwargs_are_kept_in_a_file(tmp_path):
    agent = operant.QLearning(
        "FrozenLake-v1", preset=None, env_kwargs={"is_slippery": False, "desc": ("SF", "FG")}
    )
    agent.save(tmp_path / "model.safetensors")
    for other in (
        operant.load(tmp_path / "model.safetensors"),
        agent.random(),
        agent._of(agent._core._like(agent.state, 3, None, Begun(), ())),
    ):
        assert other.source.env_kwargs == {"is_slippery": False, "desc": other.source.env_kwargs["desc"]}
        assert other.spec.observation_space == agent.spec.observation_space
        assert "is_slippery=False" in other.title
    slippery = operant.load(tmp_path / "model.safetensors", env_kwargs={"is_slippery": True})
    assert slippery.source.env_kwargs == {"is_slippery": True, "desc": ["SF", "FG"]}
    with pytest.raises(ValueError, match=r"Discrete\(4\); FrozenLake8x8.*has Discrete\(16\)"):
        operant.load(tmp_path / "model.safetensors", env="FrozenLake8x8-v1", env_kwargs={"map_name": "4x4"})


def test_env_kwargs_that_no_file_holds_are_asked_for(tmp_path):
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


def test_source_counts_as_solved_what_the_registered_environment_does():
    assert operant.Random("CartPole-v1").threshold == 475
    assert operant.Random("CartPole-v1", env_kwargs={"sutton_barto_reward": True}).threshold is None


def test_env_kwargs_may_be_others_for_scores():
    agent = operant.Random(Sized, env_kwargs={"pay": 2.0})
    assert agent.evaluate(2, deterministic=False).mean == 10
    assert agent.evaluate(2, deterministic=False, env_kwargs={"limit": 3}).mean == 6
    assert agent.evaluate(2, deterministic=False, env=Sized, env_kwargs={"limit": 3}).mean == 3
    scored = agent.evaluate(2, deterministic=False, env_kwargs={"limit": 3}, with_random=True)
    assert scored.random.mean == 6


# what the registry says


@pytest.mark.parametrize("id", ["CartPole-v1", "FrozenLake-v1", "GridWorld"])
def test_source_gives_the_twin_the_time_limit_of_the_registry(id, monkeypatch):
    monkeypatch.setattr(gym.registry[id], "max_episode_steps", 11)
    source = Source(id)
    assert source.native is not None
    assert source.native.max_episode_steps == source.spec.max_episode_steps == 11
    assert Source(id, "gymnasium").spec.max_episode_steps == 11


def test_source_of_an_id_that_was_registered_anew_has_no_twin(monkeypatch):
    changed = gym.envs.registration.EnvSpec("CartPole-v1", Sized, max_episode_steps=9)
    monkeypatch.setitem(gym.registry, "CartPole-v1", changed)
    assert Source("CartPole-v1").native is None
    assert score("CartPole-v1") == 5


def test_source_gives_the_twin_registered_keywords_and_wrappers(monkeypatch):
    monkeypatch.setattr(gym.registry["Pendulum-v1"], "kwargs", {"g": 2.5})
    assert "g=2.5" in str(Source("Pendulum-v1").native)
    monkeypatch.setattr(gym.registry["Pendulum-v1"], "kwargs", {"novel": 1})
    assert Source("Pendulum-v1").native is None
    wrapped = gym.wrappers.TransformReward.wrapper_spec(func=abs)
    monkeypatch.setattr(gym.registry["CartPole-v1"], "additional_wrappers", (wrapped,))
    assert Source("CartPole-v1").native is None


def test_source_of_an_id_without_a_version_is_the_newest():
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


# vector environments


class Lake(gym.vector.VectorObservationWrapper):
    """A wrapper of the user's around all copies, with a value of its own."""

    def __init__(self, env, sign=-1):
        super().__init__(env)
        self.sign = sign
        self.offset = np.zeros(4, np.float32)

    def observations(self, observations):
        return self.sign * observations + self.offset


class Counts(gym.vector.VectorWrapper):
    """One that holds something for each copy."""

    def __init__(self, env):
        super().__init__(env)
        self.steps = np.zeros(env.num_envs)


class Only(gym.vector.VectorEnv):
    """A vector environment that says nothing of a single copy."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012
    num_envs = 2
    single_observation_space, single_action_space = Sized.observation_space, Sized.action_space
    observation_space, action_space = (
        batch_space(single_observation_space, 2),
        batch_space(single_action_space, 2),
    )

    def reset(self, *, seed=None, options=None):
        return np.zeros((2, 2), np.float32), {}


def next_step(function, n=3, kind=SyncVectorEnv):
    return kind([function] * n, autoreset_mode=AutoresetMode.NEXT_STEP)


def same_step(function, n=3):
    return SyncVectorEnv([function] * n, autoreset_mode=AutoresetMode.SAME_STEP)


def recorded(env):
    """What the first steps of an environment show and pay, for actions that a seed draws."""
    env.action_space.seed(1)
    rows = [env.reset(seed=5)[0]]
    for _ in range(12):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        rows += [observation, reward, terminated, truncated]
        if terminated or truncated:
            rows.append(env.reset(seed=6)[0])
    env.close()
    return rows


def lake():
    return gym.make("FrozenLake-v1", is_slippery=False)


def negated():
    return gym.wrappers.TransformObservation(gym.make("CartPole-v1"), np.negative, None)


VECTORS = {
    "functions, same step": (lambda: same_step(lake), lake),
    "functions, next step": (lambda: next_step(lake), lake),
    "processes": (lambda: next_step(lake, 2, AsyncVectorEnv), lake),
    "make_vec": (lambda: gym.make_vec("FrozenLake-v1", 3, is_slippery=False), lake),
    "make_vec, same step": (
        lambda: gym.make_vec(
            "FrozenLake-v1", 3, vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP}, is_slippery=False
        ),
        lake,
    ),
    "make_vec, wrappers": (
        lambda: gym.make_vec(
            "CartPole-v1",
            3,
            "sync",
            wrappers=[lambda env: gym.wrappers.TransformObservation(env, np.negative, None)],
        ),
        negated,
    ),
    "vector entry point": (
        lambda: gym.make_vec("CartPole-v1", 3, "vector_entry_point", sutton_barto_reward=True),
        lambda: gym.make("CartPole-v1", sutton_barto_reward=True),
    ),
    "wrapper of Gymnasium's": (
        lambda: layers.TransformObservation(next_step(lambda: gym.make("CartPole-v1")), np.negative),
        negated,
    ),
    "wrapper around an entry point": (
        lambda: layers.TransformObservation(gym.make_vec("CartPole-v1", 3), np.negative),
        negated,
    ),
    "wrapper of the user's": (lambda: Lake(next_step(lambda: gym.make("CartPole-v1"))), negated),
    "several wrappers": (
        lambda: layers.RecordEpisodeStatistics(
            layers.RescaleAction(layers.FlattenObservation(next_step(lambda: gym.make("Pendulum-v1"))), -1, 1)
        ),
        lambda: gym.wrappers.RescaleAction(gym.make("Pendulum-v1"), np.float32(-1), np.float32(1)),
    ),
    "wrapper of rewards": (
        lambda: layers.TransformReward(same_step(lambda: gym.make("CartPole-v1")), lambda r: 3 * r),
        lambda: gym.wrappers.TransformReward(gym.make("CartPole-v1"), lambda r: 3 * r),
    ),
}


@pytest.mark.parametrize("kind", VECTORS)
@pytest.mark.filterwarnings("ignore")
def test_source_plays_one_of_the_copies_of_a_vector_environment(kind):
    made, expected = VECTORS[kind]
    envs = made()
    source = Source(envs)
    for _ in range(2):
        played = recorded(source.single())
        for own, theirs in zip(played, recorded(expected()), strict=True):
            np.testing.assert_allclose(own, theirs, rtol=1e-5)
    envs.close()


def test_source_of_a_vector_environment_is_scored_filmed_and_selected_in(tmp_path):
    agent = operant.QLearning(gym.make_vec("FrozenLake-v1", 2, render_mode="rgb_array", desc=["FS", "GF"]))
    assert agent.evaluate(3).environment == "FrozenLake-v1"
    for env in (agent.learner.single(), agent.random().learner.single()):
        assert env.unwrapped.desc.tolist() == [[b"F", b"S"], [b"G", b"F"]]
    assert agent.source.renders
    assert len(agent.recording(max_steps=3).frames) >= 2
    agent.learn(20, progress_bar=False, evaluate_every=10, evaluation_episodes=2)
    assert agent.best_so_far is not None


def test_source_films_wrapped_copies():
    envs = layers.TransformObservation(
        next_step(lambda: gym.make("CartPole-v1", render_mode="rgb_array"), 2), np.negative
    )
    assert Source(envs).renders
    assert operant.ScriptedPolicy(zero, envs).evaluate(1).environment == "CartPole-v1"
    assert operant.ScriptedPolicy(zero, envs).recording(max_steps=3).frames[0].ndim == 3


def test_source_of_a_vector_environment_that_cannot_be_one_says_what_to_pass():
    counted = Counts(next_step(lambda: gym.make("CartPole-v1")))
    for envs, message in (
        (counted, "Counts.steps holds something for each of its 3 environments.*evaluate\\(env=…\\)"),
        (Only(), "Only does not say what one of its environments is.*evaluate\\(env=…\\)"),
    ):
        agent = operant.Random(envs)
        for play in (
            agent.evaluate,
            agent.recording,
            lambda a=agent: a.learn(50, progress_bar=False, evaluate_every=9),
        ):
            with pytest.raises(ValueError, match=message):
                play()
    assert operant.Random(counted).evaluate(2, env="CartPole-v1", deterministic=False).mean >= 8


def test_source_plays_an_ids_own_vector_environment_as_itself(monkeypatch):
    """The single environment of an id may be another one than its vector environment."""
    own = Source("CartPole-v1", "gymnasium", "vector_entry_point", env_kwargs={"sutton_barto_reward": True})
    assert isinstance(own.single().unwrapped, gym.envs.classic_control.CartPoleEnv)
    assert own.spec.observation_space.shape == (4,)
    monkeypatch.setattr(gym.registry["CartPole-v1"], "entry_point", Sized)
    monkeypatch.setattr(gym.registry["CartPole-v1"], "max_episode_steps", 500)
    other = Source("CartPole-v1", "gymnasium", "vector_entry_point")
    assert other.spec.observation_space.shape == other.single().observation_space.shape == (4,)
    assert len(recorded(other.single())) > 40


def test_source_plays_a_native_environment_with_its_own_values():
    from operant.envs.classic.cartpole import CartPole
    from operant.envs.classic.pendulum import Pendulum

    assert isinstance(Source(CartPole()).single().unwrapped, gym.envs.classic_control.CartPoleEnv)
    assert Source(CartPole(max_episode_steps=3)).single().unwrapped.environment.max_episode_steps == 3
    assert Source(Pendulum(g=2)).single().unwrapped.environment.g == 2
    assert score(CartPole(max_episode_steps=3)) == 3


def test_source_of_an_instance_does_not_close_it():
    class Closes(Sized):
        closed = 0

        def close(self):
            Closes.closed += 1

    agent = operant.Random(Closes())
    agent.evaluate(1, deterministic=False)
    agent.source.single().close()
    assert Closes.closed == 0


# Gymnasium's statistics


class Far(Sized):
    """Observes about 100, and pays 50."""

    def __init__(self):
        super().__init__(pay=50.0, limit=4)
        self.observation_space = gs.Box(-np.inf, np.inf, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.full(1, 100, np.float32), {}

    def step(self, action):
        _, *rest = super().step(action)
        return (np.full(1, 100 + self.t, np.float32), *rest)


def normalized():
    """As CleanRL has it."""
    env = gym.wrappers.NormalizeReward(gym.wrappers.NormalizeObservation(Far()))
    return gym.wrappers.TransformReward(env, lambda reward: float(np.clip(reward, -10, 10)))


NORMALIZED = {
    "function": lambda: normalized,
    "instance": normalized,
    "functions": lambda: same_step(normalized, 2),
    "vector": lambda: layers.NormalizeReward(layers.NormalizeObservation(next_step(Far, 2))),
    "vector around": lambda: layers.NormalizeObservation(
        next_step(lambda: gym.wrappers.NormalizeReward(Far()), 2)
    ),
}


@pytest.mark.parametrize("kind", NORMALIZED)
def test_source_scores_normalized_environments_raw_and_as_they_were_learnt_in(kind):
    with pytest.warns(UserWarning, match="statistics that no model file holds.*normalize_observations=True"):
        agent = operant.Random(NORMALIZED[kind]())
    assert agent.evaluate(2, deterministic=False).mean == 200
    agent.learn(60, progress_bar=False)
    before = agent.learner.statistics() if "vector" not in kind else agent.source.given.unwrapped
    env = agent.learner.single()
    rows = []
    for _ in range(2):
        observation, _ = env.reset(seed=0)
        rows.append([float(observation[0]), *(float(env.step(0)[0][0]) for _ in range(4))])
    # About 100 to 104, normalised by the mean and the deviation of training; playing changed nothing of them.
    assert rows[0] == rows[1]
    assert -2.5 < rows[0][0] < -0.5 < 0.5 < rows[0][-1] < 2.5
    if "vector" not in kind:
        assert agent.learner.statistics().count == before.count
    assert agent.evaluate(2, deterministic=False).mean == 200


@pytest.mark.filterwarnings("ignore:NormalizeObservation")
def test_source_of_another_environment_is_seen_as_training_sees_its_own():
    agent = operant.Random(normalized).learn(60, progress_bar=False)
    selection = Selection(agent._core, 1, normalized)
    (env,) = selection._environments
    for seed in (0, 1):  # playing does not change the statistics
        seen, _ = env.reset(seed=seed)
        assert seen == agent.learner.single().reset(seed=seed)[0] != 0
    selection.close()


@pytest.mark.filterwarnings("ignore:NormalizeObservation")
def test_source_shows_one_of_several_learners_what_it_saw_in_training():
    agent = operant.Random(normalized, seeds=2, num_envs=2).learn(60, progress_bar=False)
    trained = agent.learner.environments.call("obs_rms")
    for index in (0, 1, -1):
        one, its = agent[index].learner, trained[2 * (index % 2)]
        seen = one.single().reset(seed=0)[0]
        assert seen == pytest.approx((100 - its.mean) / np.sqrt(its.var + 1e-8), abs=1e-4) != 0
    assert one.statistics() is not trained[2]  # a copy: training goes on


def test_source_returns_are_those_before_rewards_are_normalized():
    agent = operant.Random(lambda: gym.wrappers.NormalizeReward(Far())).learn(60, progress_bar=False)
    assert agent.history[-1]["rollout/ep_rew_mean"] == 200


def test_source_of_a_plain_environment_does_not_warn(recwarn):
    operant.Random(Sized)
    assert not [w for w in recwarn if "statistics" in str(w.message)]


# what is no environment, or not here


def of_library(module, *bases):
    return type("Theirs", bases, {"__module__": module, "reset": None, "step": None})


class Duck:
    def reset(self):
        return 0

    def step(self, action):
        return 0


class Needs(Sized):
    def __init__(self, size):
        super().__init__()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (of_library("pettingzoo.utils.env")(), "several agents, of PettingZoo, and operant trains one"),
        (of_library("gymnax.environments")(), r"give what gymnax\.make.*_env"),
        (of_library("brax.envs.base")(), r"brax\.envs\.get_environment"),
        (of_library("gym.core")(), "predecessor of Gymnasium.*reset returns"),
        (of_library("mine", of_library("gym.core")), "predecessor of Gymnasium"),
        (lambda: of_library("gym.core")(), "predecessor of Gymnasium"),
        (of_library("stable_baselines3.common.vec_env")(), "num_envs; normalize_observations=True"),
        (Duck, "Duck has reset and step, but is no gymnasium.Env: derive it"),
        (Duck(), "derive it from gymnasium.Env"),
        (Needs, r"Needs needs size: give env_kwargs=\{'size'"),
        (7, "7 is no environment"),
        ("cartpole-v1", "Did you mean CartPole-v1.? Small and large letters differ"),
        ("Pnog-v5", "Did you mean ALE/Pong-v5"),
        ("FetchReach-v4", r'pip install "gymnasium-robotics"'),
        ("MiniGrid-Empty-8x8-v0", "minigrid:MiniGrid-Empty-8x8-v0"),
        ("highway-v0", r'pip install "highway-env"'),
        ("nowhere_at_all:Thing-v0", "nowhere_at_all cannot be imported"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_source_of_what_is_no_environment_says_what_it_is_and_what_to_do(given, message, monkeypatch):
    monkeypatch.setattr(unknown, "find_spec", lambda module: None)  # whatever is installed here
    with pytest.raises(ValueError, match=f"(?s){message}"):
        _ = Source(given).spec


def test_unknown_names_a_package_that_is_there_in_the_id(monkeypatch):
    monkeypatch.setattr(unknown, "find_spec", lambda module: object())
    assert "name the package that has it, 'minigrid:MiniGrid-X-v0'" in unknown.unknown("MiniGrid-X-v0")
    assert "has no environment 'MiniGrid-X-v0'" in unknown.unknown("minigrid:MiniGrid-X-v0")


def test_source_of_an_environment_that_left_gymnasium_names_its_successor(monkeypatch):
    def moved(*arguments, **options):
        raise ImportError(
            "The mujoco v2 and v3 based environments have been moved to the gymnasium-robotics project"
        )

    monkeypatch.setattr(gym, "make", moved)
    with pytest.raises(
        ValueError, match='Ant-v2 left Gymnasium: use Ant-v5, which needs pip install "operant-rl'
    ):
        _ = Source("Ant-v2").spec


def test_source_makes_an_environment_of_a_native_class():
    source = Source(operant.GridWorld, env_kwargs={"cells": "maze"})
    assert source.native is not None
    assert source.spec.observation_space.n == 169


def test_the_page_on_environments_runs(capsys):
    page = Path(__file__).parents[2] / "docs" / "environments.md"
    space = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        exec(compile(block, str(page), "exec"), space)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("1.0 [1.0, 1.0] over 20 episodes")
    assert float(printed[1].split()[0]) < 0.9
    assert printed[2].startswith("CartPole-v1: nothing is wrong")


@pytest.mark.parametrize("forgotten", ["observation_space", "action_space"])
def test_source_names_the_space_that_an_environment_forgets(forgotten):
    class Forgetful(gym.Env):
        def __init__(self):
            for space in {"observation_space", "action_space"} - {forgotten}:
                setattr(self, space, gs.Discrete(2))

    with pytest.raises(ValueError, match=f"Forgetful has no {forgotten}: set self.{forgotten}"):
        operant.PPO(Forgetful)
