"""Hindsight in training: both loops, several seeds, environments in Python; what is stored stays as it was."""

from __future__ import annotations

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant.algorithms.value.dqn import DQN
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.envs.bit_flipping import BitFlipping
from operant.envs.classic.cartpole import CartPole
from operant.envs.goals import goals_of, native_goals
from operant.envs.host import NativeOnHost
from operant.envs.native_gym import as_gymnasium
from operant.envs.two_joint_reach import TwoJointReach
from operant.envs.wrappers import ScaleReward, wrap
from operant.networks import Network

BITS = BitFlipping(n_bits=4, max_episode_steps=5)
NETWORK = Network(hidden_sizes=(8,), initialization="uniform", activation="relu")


def dqn(**values):
    # Small enough to wrap its ring several times.
    defaults = {"buffer_size": 60, "learning_starts": 8, "batch_size": 16, "target_update_interval": 20}
    return DQN(**(defaults | {"train_freq": 2, "network": NETWORK, "hindsight": "future"} | values))


def trained(loop, seeds=None, iterations=40):
    key = jax.random.key(3)
    run = loop.init(key if seeds is None else jax.random.split(key, seeds))
    run, *_ = loop.warm_up(run, 4, 4)
    run, metrics, _ = loop.step(run, iterations, iterations)
    return run, metrics


def same(one, other):
    """Whether two trees are equal to the last bit, random keys apart."""
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)),
        *(jax.tree.map(lambda x: x, tree) for tree in (one, other)),
    )


@pytest.mark.parametrize(
    ("values", "seeds"),
    [({}, None), ({"hindsight": "episode", "priority": True, "n_step": 2, "gradient_steps": 2}, 2)],
    ids=["future", "episode, Rainbow's parts, seeds"],
)
def test_hindsight_on_both_loops_learns_the_same_to_the_bit(values, seeds):
    """On bits no product is added to a sum, so that no setting of the compiler matters in what is stored."""
    algorithm = dqn(**values)
    on_device, device = trained(DeviceLoop(algorithm, BITS, 2, seeds), seeds)
    on_host, host = trained(HostLoop(algorithm, NativeOnHost(BITS, 2 * (seeds or 1)), seeds), seeds)
    for part in ("state", "replay", "statistics"):
        same(getattr(on_device, part), getattr(on_host, part))
    np.testing.assert_array_equal(device["rollout/success_rate"], host["rollout/success_rate"])
    assert np.isfinite(np.asarray(device["train/loss"])).all()


def test_hindsight_changes_what_is_learnt_and_nothing_that_is_stored():
    always = {"exploration_final_eps": 1.0}  # actions do not depend on what is learnt
    with_it, _ = trained(DeviceLoop(dqn(**always), BITS, 2, None))
    without, _ = trained(DeviceLoop(dqn(hindsight="none", **always), BITS, 2, None))
    same(with_it.replay.rows, without.replay.rows)
    assert without.replay.episodes is None
    learnt = [np.asarray(jax.tree.leaves(run.state.network)[0]) for run in (with_it, without)]
    assert (learnt[0] != learnt[1]).any()


@pytest.mark.parametrize("environment", [BITS, TwoJointReach(), TwoJointReach(dense=True, discrete=True)])
def test_goals_of_a_gymnasium_environment_are_those_of_the_native_one(environment):
    native = native_goals(environment)
    python = goals_of(as_gymnasium(environment), environment.id)
    space = environment.observation_space.parts["desired_goal"]
    pairs = jax.vmap(space.sample)(jax.random.split(jax.random.key(0), 2 * 3 * 4))
    achieved, desired = pairs.reshape(2, 3, 4, -1)
    achieved = achieved.at[1].set(desired[1])
    for name in ("reward", "terminated"):
        asked, answer = getattr(python, name), getattr(native, name)
        assert (asked is None) == (answer is None)
        if asked is not None:
            expected = np.asarray(answer(achieved, desired))
            assert expected.shape == (3, 4)
            np.testing.assert_array_equal(jax.jit(asked)(achieved, desired), expected)
            np.testing.assert_array_equal(jax.jit(jax.vmap(asked))(achieved, desired), expected)
            assert jax.eval_shape(asked, achieved, desired).dtype == expected.dtype


@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_hindsight_through_gymnasium_learns_with_rewards_computed_in_python(vectorization):
    arguments = {"env_kwargs": {"n_bits": 4}, "backend": "gymnasium", "vectorization": vectorization}
    values = {"buffer_size": 60, "learning_starts": 8, "train_freq": 2, "preset": None, "network": NETWORK}
    with operant.DQN("BitFlipping", hindsight="future", seeds=2, num_envs=2, **arguments, **values) as agent:
        agent.learn(100, progress_bar=False, log_interval=100)
        row = agent.history[-1]
        assert np.isfinite(row["train/loss"]).all()
        assert ((row["rollout/success_rate"] >= 0) & (row["rollout/success_rate"] <= 1)).all()


def test_hindsight_goes_on_from_a_checkpoint_to_the_bit(tmp_path):
    values = {"buffer_size": 60, "learning_starts": 8, "preset": None, "network": NETWORK, "seeds": 2}
    values |= {"hindsight": "episode", "env_kwargs": {"n_bits": 4}}
    unbroken, stopped = (operant.DQN("BitFlipping", **values) for _ in range(2))
    unbroken.learn(100, progress_bar=False, log_interval=100)
    stopped.learn(100, progress_bar=False, log_interval=100, run_dir=tmp_path / "run")
    resumed = operant.Agent.restore(tmp_path / "run")
    for agent in (unbroken, resumed):
        agent.learn(60, progress_bar=False, log_interval=60)
    one, other = (agent._core.learner.run for agent in (unbroken, resumed))
    same((one.state, one.replay), (other.state, other.replay))


class Unbatched(gym.Wrapper):
    """Its rewards are computed for one pair of goals only."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        return float((achieved_goal == desired_goal).all()) - 1


def test_hindsight_is_refused_where_nobody_says_what_goals_give():
    learns = r"hindsight='future' needs an environment of goals.*compute_reward"
    with pytest.raises(ValueError, match=rf"{learns}.*CartPole-v1 observes Box\(4\)"):
        operant.DQN("CartPole-v1", hindsight="future")
    with pytest.raises(ValueError, match=learns):
        DeviceLoop(dqn(), CartPole(), 2, None).init(jax.random.key(0))
    with pytest.raises(ValueError, match=learns):
        operant.DQN(wrap(BITS, ScaleReward(0.1)), hindsight="future")
    with pytest.raises(ValueError, match=learns):
        operant.DQN("BitFlipping", backend="gymnasium", wrappers="scale-reward:0.1", hindsight="future")
    with pytest.raises(ValueError, match="a network with memory learns from sequences"):
        operant.DQN("BitFlipping", hindsight="final", network={"memory": "gru"})
    with pytest.raises(ValueError, match="hindsight='past': must be none, future, final or episode"):
        DQN(hindsight="past")
    with pytest.raises(ValueError, match="n_sampled_goal=0: must be at least 1"):
        DQN(hindsight="future", n_sampled_goal=0)
    with pytest.raises(ValueError, match=r"compute_reward.* must take batches of goals"):
        operant.DQN(lambda: Unbatched(as_gymnasium(BITS)), hindsight="future").learn(100, progress_bar=False)
