"""Environments of goals: bit flipping and the two-joint arm against loops by hand, and what Gymnasium sees of them."""

from __future__ import annotations

import math

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.algorithms.value.dqn import DQN
from operant.engine.evaluate_native import NativeEvaluator
from operant.envs.bit_flipping import BitFlipping, Bits
from operant.envs.goals import goal_space, native_goals, says_goals
from operant.envs.registry import native
from operant.envs.two_joint_reach import CHOICES, LINKS, MAX_SPEED, TIME_STEP, Arm, TwoJointReach
from operant.envs.wrappers import Repeat, ScaleReward, TimeLimit, wrap
from operant.envs.wrappers.base import Wrapped
from operant.networks import Network
from operant.spaces import Box, Dict, Discrete

RNG = np.random.default_rng(0)


def test_bit_flipping_is_a_list_of_bits():
    environment, step = BitFlipping(n_bits=3, max_episode_steps=3), jax.jit(BitFlipping.step)
    for start in np.ndindex(2, 2, 2):
        for goal in np.ndindex(2, 2, 2):
            for action in range(3):
                bits = list(start)
                bits[action] = 1 - bits[action]
                state, reward, ended = step(
                    environment, Bits(jnp.array(start), jnp.array(goal)), jnp.int32(action), None
                )
                seen = environment.observation(state)
                assert seen["observation"].tolist() == seen["achieved_goal"].tolist() == bits
                assert seen["desired_goal"].tolist() == list(goal)
                assert (float(reward), bool(ended)) == ((0.0, True) if bits == list(goal) else (-1.0, False))


def test_bit_flipping_starts_and_goals_are_all_as_likely():
    environment = BitFlipping(n_bits=2, max_episode_steps=2)
    noise = jax.vmap(environment.sample_noise)(jax.random.split(jax.random.key(0), 8_000))
    state = jax.vmap(environment.reset)(noise)
    codes = np.asarray(state.now) @ [1, 2] + 4 * (np.asarray(state.goal) @ [1, 2])
    counts = np.bincount(codes, minlength=16)
    assert counts.min() > 400  # of 500; 100 are 4.6 deviations
    assert counts.max() < 600
    with pytest.raises(ValueError, match="BitFlipping: n_bits=0: must be a whole number, at least 1"):
        BitFlipping(n_bits=0)


def hand(shoulder, elbow):
    """Where the tip is."""
    return (
        LINKS[0] * math.cos(shoulder) + LINKS[1] * math.cos(shoulder + elbow),
        LINKS[0] * math.sin(shoulder) + LINKS[1] * math.sin(shoulder + elbow),
    )


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_two_joint_reach_is_two_angles(dense, discrete):
    environment = TwoJointReach(dense=dense, discrete=discrete)
    start, goal = RNG.uniform(-3, 3, 2), hand(*RNG.uniform(-3, 3, 2))
    state, step = Arm(jnp.float32(start), jnp.float32(goal)), jax.jit(TwoJointReach.step)
    angles = list(start)
    for _ in range(30):
        action = int(RNG.integers(5)) if discrete else np.float32(RNG.uniform(-1.5, 1.5, 2))
        speeds = CHOICES[action] if discrete else np.clip(action, -1, 1)
        angles = [a + TIME_STEP * MAX_SPEED * s for a, s in zip(angles, speeds, strict=True)]
        state, reward, ended = step(environment, state, jnp.asarray(action), None)
        seen, where = environment.observation(state), hand(*angles)
        np.testing.assert_allclose(seen["achieved_goal"], where, atol=1e-5)
        waves = [f(angle) for angle in angles for f in (math.cos, math.sin)]
        np.testing.assert_allclose(seen["observation"], waves, atol=1e-5)
        away = math.dist(where, goal)
        np.testing.assert_allclose(reward, -away if dense else -float(away > 0.05), atol=1e-5)
        assert not ended
    goals = native_goals(environment)
    near = jnp.float32([[0.3, 0.0], [0.3, 0.0]]), jnp.float32([[0.3, 0.049], [0.3, 0.051]])
    assert goals.success(*near).tolist() == [True, False]
    assert goals.terminated is None
    with pytest.raises(ValueError, match=r"TwoJointReach: tolerance=0\.0: must be a number of m above 0"):
        TwoJointReach(tolerance=0)


class Shifted(Wrapped):
    """Observes other goals than the environment inside."""

    def observation(self, state):
        return jax.tree.map(lambda x: 1 - x, self.inner.observation(state.inner))


def test_native_goals_are_only_those_that_no_wrapper_changes():
    bits = BitFlipping()
    for wrapped in (wrap(bits, ScaleReward(0.1)), wrap(bits, Repeat(2)), Shifted(bits)):
        assert not wrapped.spec.goals
    assert wrap(bits, TimeLimit(7)).spec.goals
    assert bits.spec.goals
    assert not native("CartPole-v1").spec.goals


def test_goal_space_is_that_of_two_goals_alike():
    goal, other = Box(-1.0, 1.0, (3,)), Box(-1.0, 1.0, (2,))

    def space(achieved, desired):
        return Dict.of({"observation": other, "achieved_goal": achieved, "desired_goal": desired})

    assert goal_space(space(goal, Box(-2.0, 2.0, (3,)))) == Box(-2.0, 2.0, (3,))
    for unlike in (other, Discrete(3), Box(-1.0, 1.0, (3,), "float64"), Dict.of({"x": goal})):
        assert goal_space(space(goal, unlike)) is None
    assert goal_space(Dict.of({"observation": other, "desired_goal": goal})) is None
    assert goal_space(goal) is None


class OwnRewards(gym.RewardWrapper):
    """Changes rewards, and says so of goals as well."""

    def reward(self, reward):
        return 2 * float(reward)

    def compute_reward(self, achieved_goal, desired_goal, info):
        return 2 * self.env.get_wrapper_attr("compute_reward")(achieved_goal, desired_goal, info)


def test_says_goals_looks_at_the_layers_around_the_one_that_computes_rewards():
    env, space = gym.make("BitFlipping"), BitFlipping().observation_space
    assert says_goals(env, space)
    assert says_goals(gym.wrappers.RecordEpisodeStatistics(env), space)
    assert not says_goals(gym.wrappers.TransformReward(env, lambda reward: reward), space)
    assert says_goals(OwnRewards(env), space)
    assert not says_goals(gym.wrappers.TransformReward(OwnRewards(env), float), space)
    assert not says_goals(gym.make("CartPole-v1"), native("CartPole-v1").observation_space)


@pytest.mark.parametrize("id", ["BitFlipping", "BitFlipping30", "TwoJointReach"])
def test_environments_of_goals_are_played_and_filmed_through_gymnasium(id):
    env = gym.make(id, render_mode="rgb_array")
    seen, info = env.reset(seed=3)
    assert env.observation_space.contains(seen)
    steps, over = 0, False
    while not over:
        seen, reward, terminated, truncated, info = env.step(env.action_space.sample())
        steps, over = steps + 1, terminated or truncated
        unwrapped = env.unwrapped
        assert unwrapped.compute_reward(seen["achieved_goal"], seen["desired_goal"], {}) == reward
        assert info["is_success"] == (reward == 0)
    assert steps == {"BitFlipping": 15, "BitFlipping30": 30, "TwoJointReach": 50}[id]
    picture = env.render()
    assert picture.dtype == np.uint8
    assert picture.shape[-1] == 3
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) >= 4
    assert not hasattr(gym.make("MinBreakout").unwrapped, "compute_reward")


def test_evaluation_counts_the_episodes_that_end_at_their_goal():
    """Of the random policy on one bit, which any flip turns into its goal or away from it."""
    environment = BitFlipping(n_bits=1, max_episode_steps=1)
    agent = operant.Random(environment)
    scores = agent.evaluate(40, deterministic=False)
    np.testing.assert_array_equal(scores.successes, scores.returns == 0)
    assert 0 < scores.success_rate < 1
    algorithm = DQN(network=Network(hidden_sizes=(4,), initialization="uniform"))
    state = algorithm.init(environment.spec, jax.random.key(0))
    (own,) = NativeEvaluator(environment, 40, None, 0)(algorithm, state)
    np.testing.assert_array_equal(own.successes, own.returns == 0)
    assert 0 < own.success_rate < 1
