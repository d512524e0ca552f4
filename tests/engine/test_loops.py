"""What both loops show to observers and to the algorithm: every step once, in order, and nothing else."""

from __future__ import annotations

from functools import cache

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.reinforce import REINFORCE
from operant.algorithms.value.dqn import DQN
from operant.engine.collect import sample_rollout_noise
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.engine.train_state import Stream
from operant.envs.host import NativeOnHost
from operant.envs.probes import Counting, Memory
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.types import Transition

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")
NUM_ENVS = 3


class Recorder:
    """Keeps everything it is shown."""

    def __init__(self) -> None:
        self.blocks: list[Transition] = []

    def __call__(self, transition: Transition) -> None:
        self.blocks.append(transition)

    def close(self) -> None: ...

    @property
    def all(self) -> Transition:
        return jax.tree.map(lambda *blocks: np.concatenate(blocks), *self.blocks)


ALGORITHMS = {
    "PPO": PPO(n_steps=10, batch_size=15, n_epochs=1, network=NETWORK),
    "DQN": DQN(buffer_size=60, learning_starts=25, train_freq=4, batch_size=8, network=NETWORK),
    "episodes": REINFORCE(n_episodes=8, max_steps=3, network=NETWORK),
}


@cache
def watched(where: str, name: str, seeds: int | None, total: int, num_envs: int = NUM_ENVS):
    """`(run, everything that observers saw)` of training on the counting environment."""
    algorithm = ALGORITHMS[name]
    if where == "device":
        loop = DeviceLoop(algorithm, Counting(), num_envs, seeds, return_experience=True)
    else:
        loop = HostLoop(
            algorithm, NativeOnHost(Counting(), num_envs * (seeds or 1)), seeds, return_experience=True
        )
    key = jax.random.key(1) if seeds is None else jax.random.split(jax.random.key(1), seeds)
    recorder = Recorder()
    run = train(loop, loop.init(key), total, 2, lambda run, metrics: True, [recorder])
    return run, recorder.all


@pytest.mark.parametrize(
    ("where", "name", "seeds"),
    [("device", "PPO", None), ("host", "PPO", 2), ("device", "DQN", 2), ("host", "DQN", None)],
)
def test_observers_see_every_step_once_and_in_order(where, name, seeds):
    run, seen = watched(where, name, seeds, 150)
    steps = int(np.max(run.clock.step))
    assert seen.reward.shape == (steps // NUM_ENVS, NUM_ENVS * (seeds or 1))

    episode, t = seen.observation[..., 0], seen.observation[..., 1]
    assert (t[0] == 0).all()
    np.testing.assert_array_equal(t[1:], np.where(seen.done[:-1], 0, t[:-1] + 1))
    np.testing.assert_array_equal(episode[1:] == episode[:-1], ~seen.done[:-1])
    np.testing.assert_array_equal(seen.next_observation, seen.observation + np.array([0, 1]))
    np.testing.assert_array_equal(seen.reward, episode + t)
    length = np.minimum(1 + episode % 6, 4)
    np.testing.assert_array_equal(seen.done, t + 1 == length)
    np.testing.assert_array_equal(seen.terminated, seen.done & (length == 1 + episode % 6))
    # Different everywhere: neither environments nor seeds share their episodes.
    starts = episode[t == 0]
    assert len(np.unique(starts)) == len(starts)
    np.testing.assert_array_equal(
        run.statistics.episodes, seen.done.reshape(-1, seeds or 1, NUM_ENVS).sum((0, 2))
    )


def test_replay_holds_whole_transitions_of_its_own_seed():
    run, seen = watched("device", "DQN", 2, 150)
    rows = run.replay.rows
    np.testing.assert_array_equal(rows.next_observation, rows.observation + jnp.array([[[[0, 1]]]]))
    np.testing.assert_array_equal(rows.reward, rows.observation.sum(-1))
    kept = rows.reward.shape[1]
    assert kept * NUM_ENVS <= 60
    for seed in range(2):
        last = seen.reward[-kept:, seed * NUM_ENVS : (seed + 1) * NUM_ENVS]
        np.testing.assert_array_equal(np.sort(rows.reward[seed], axis=None), np.sort(last, axis=None))


# Memory


@pytest.mark.parametrize("where", ["device", "host"])
def test_initial_carry_is_what_a_policy_has_at_the_start_of_every_episode(where):
    environment, key, steps, num_envs = Memory(), jax.random.key(1), 36, 8
    network = Network(hidden_sizes=(), memory="gru", memory_size=8)
    algorithm = PPO(n_steps=12, batch_size=96, n_epochs=1, learning_rate=0.0, network=network)
    if where == "device":
        loop = DeviceLoop(algorithm, environment, num_envs, None, return_experience=True)
    else:
        loop = HostLoop(algorithm, NativeOnHost(environment, num_envs), None, return_experience=True)
    # Outputs of a hundredth are made large, so that actions depend on what is remembered.
    run = loop.init(key)
    run = eqx.tree_at(lambda r: r.state.network.policy_head.output.weight, run, replace_fn=lambda w: 1000 * w)
    network = jax.tree.map(np.array, run.state.network)
    recorder = Recorder()
    train(loop, run, steps * num_envs, 1, lambda run, metrics: True, [recorder])
    seen = recorder.all

    noise, _ = sample_rollout_noise(algorithm, environment, loop.spec, key, Stream.ACT, jnp.asarray(0), steps)
    unroll = jax.jit(type(network).unroll)
    policy, _ = unroll(network, seen.observation, None, network.initial_carry(num_envs), seen.done)
    np.testing.assert_array_equal(policy.sample(noise), seen.action)
    never, _ = unroll(
        network, seen.observation, None, network.initial_carry(num_envs), np.zeros_like(seen.done)
    )
    assert (never.sample(noise) != seen.action).any()


# Whole episodes

MAX_STEPS, COUNT = 3, 8  # two rounds of four environments an iteration


@pytest.mark.parametrize("where", ["device", "host"])
def test_episodes_of_both_loops_are_whole(where):
    learners = 2
    run, seen = watched(where, "episodes", learners, 70, num_envs=4)
    iterations = int(np.max(run.iteration))
    assert iterations >= 3
    assert seen.reward.shape == (iterations * 2 * MAX_STEPS, 4 * learners)

    rows = jax.tree.map(
        lambda x: x.reshape(-1, MAX_STEPS, *x.shape[1:]), seen
    )  # one episode a block and column
    valid, t, episode = rows.valid, rows.observation[..., 1], rows.observation[..., 0]
    length = np.minimum(1 + episode[:, :1] % 6, MAX_STEPS)
    np.testing.assert_array_equal(valid, np.arange(MAX_STEPS)[None, :, None] < length)
    np.testing.assert_array_equal(
        t[valid], np.broadcast_to(np.arange(MAX_STEPS)[None, :, None], t.shape)[valid]
    )
    np.testing.assert_array_equal((episode == episode[:, :1])[valid], True)
    last = np.arange(MAX_STEPS)[None, :, None] == length - 1
    np.testing.assert_array_equal((rows.done & valid), last)
    cut = episode[:, :1] % 6 >= MAX_STEPS
    np.testing.assert_array_equal(rows.truncated & valid, last & cut)
    starts = episode[:, 0]
    assert len(np.unique(starts)) == starts.size

    own = valid.reshape(-1, MAX_STEPS, learners, 4).sum((0, 1, 3))
    np.testing.assert_array_equal(np.atleast_1d(run.clock.step), own)
    np.testing.assert_array_equal(np.atleast_1d(run.statistics.episodes), COUNT * iterations)
    lengths = np.asarray(run.statistics.lengths).reshape(learners, -1)[:, : COUNT * iterations]
    np.testing.assert_array_equal(lengths.sum(1), own)
    returns = np.asarray(run.statistics.returns).reshape(learners, -1)[:, : COUNT * iterations]
    paid = np.where(valid, rows.reward, 0).reshape(-1, MAX_STEPS, learners, 4).sum((0, 1, 3))
    np.testing.assert_allclose(returns.sum(1), paid, rtol=1e-6)


# The dummy step of Gymnasium's NEXT_STEP autoreset


class TwoSteps(gym.Env):
    """Observed as 0, then 1; the second step pays 1: V(0) = γ, V(1) = 1."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (1,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.ones(1, np.float32), float(self.t == 2), self.t == 2, False, {}


def dummy_steps() -> SyncVectorEnv:
    return SyncVectorEnv([TwoSteps] * 4, autoreset_mode=AutoresetMode.NEXT_STEP)


def learners():
    # Learning from the step that only resets would bootstrap V(1) from V(0).
    ppo = PPO(
        n_steps=24, batch_size=48, n_epochs=4, gamma=0.9, learning_rate=Linear(1e-2, 0.0), network=NETWORK
    )
    dqn = DQN(
        learning_rate=Linear(2e-2, 0.0),
        buffer_size=1_000,
        target_update_interval=50,
        gamma=0.9,
        network=Network(hidden_sizes=(8,), activation="relu", initialization="uniform"),
    )
    return [ppo, dqn]


@pytest.mark.parametrize("algorithm", learners(), ids=lambda algorithm: type(algorithm).__name__)
def test_learn_leaves_out_the_dummy_steps_of_a_vector_environment(algorithm):
    recorder = Recorder()
    agent = Agent(algorithm, dummy_steps()).learn(6_000, progress_bar=False, observers=[recorder])
    seen = recorder.all
    pattern = np.arange(len(seen.valid)) % 3 < 2
    np.testing.assert_array_equal(seen.valid, np.broadcast_to(pattern[:, None], seen.valid.shape))
    assert agent.step == seen.valid.sum()
    assert agent.history[-1]["rollout/ep_len_mean"] == 2
    assert agent.history[-1]["rollout/ep_rew_mean"] == 1
    assert agent.history[-1]["time/episodes"] == (seen.done & seen.valid).sum()

    observation = jnp.array([[0.0], [1.0]])
    if isinstance(algorithm, PPO):
        value = agent.state.network.unroll(observation, None, (), jnp.zeros(2, bool))[1]
    else:
        network = agent.state.network
        value = agent.algorithm.q_values(network, network.features(observation, ())[0]).max(-1)
    np.testing.assert_allclose(value, [0.9, 1.0], atol=0.05)


# Environments of others through the bridge


class Sorting(gym.Env):
    """A user's environment: name the parity and the size of a number that is shown in two parts."""

    observation_space = gym.spaces.Dict(
        {"digit": gym.spaces.Discrete(4), "noise": gym.spaces.Box(-1.0, 1.0, (3,), np.float64)}
    )
    action_space = gym.spaces.MultiDiscrete([2, 2])

    def _see(self):
        self.digit = int(self.np_random.integers(4))
        return {"digit": self.digit, "noise": self.np_random.uniform(-1, 1, 3)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._see(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        reward = float(np.mean(action == np.array([self.digit % 2, self.digit // 2])))
        self.t += 1
        return self._see(), reward, False, self.t == 8, {}


def test_learn_of_a_users_environment_with_dict_observations_and_several_choices():
    ppo = PPO(n_steps=32, batch_size=64, n_epochs=4, learning_rate=1e-2, gamma=0.5, network=NETWORK)
    agent = Agent(ppo, Sorting, num_envs=4).learn(6_000, progress_bar=False, log_interval=128)
    assert all(np.isfinite(row["train/loss"]) for row in agent.history)
    assert agent.history[0]["rollout/ep_rew_mean"] < 6
    assert agent.evaluate(20).mean > 7.5  # of 8; 4 at random


@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
def test_host_loop_trains_lunar_lander(algorithm):
    pytest.importorskip("Box2D")
    algorithms = {
        "PPO": PPO(n_steps=64, batch_size=64, n_epochs=2, network=NETWORK),
        "DQN": DQN(buffer_size=500, network=NETWORK),
    }
    agent = Agent(algorithms[algorithm], "LunarLander-v3", num_envs=4).learn(512, progress_bar=False)
    assert agent.step == 512
    assert np.isfinite(agent.history[-1]["train/loss"])
    assert agent.evaluate(2).lengths.min() > 0


@pytest.mark.parametrize("watched_first", [True, False])
def test_host_loop_learns_the_same_when_observed(watched_first):
    values = {"buffer_size": 200, "learning_starts": 20, "batch_size": 8, "network": NETWORK}
    watched, plain = (Agent(DQN(**values), "CartPole-v1", backend="gymnasium") for _ in range(2))
    for watches in (watched_first, not watched_first):
        recorder = Recorder()
        watched.learn(40, progress_bar=False, observers=[recorder] if watches else ())
        plain.learn(40, progress_bar=False)
        assert bool(recorder.blocks) == watches
    for ours, theirs in zip(jax.tree.leaves(watched.state), jax.tree.leaves(plain.state), strict=True):
        np.testing.assert_array_equal(ours, theirs)
