"""Gymnasium-Robotics' Fetch through the bridge; `pip install "operant-rl[robotics]"`."""

from __future__ import annotations

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant.envs.source import Source
from operant.spaces import Box

robotics = pytest.importorskip("gymnasium_robotics")
gym.register_envs(robotics)
ID = "FetchReach-v4"


def test_fetch_reach_crosses_the_border_as_float32_and_says_what_goals_give():
    source = Source(ID)
    assert source.spec.goals
    assert source.spec.observation_space.parts["desired_goal"] == Box(-np.inf, np.inf, (3,))
    environments, own = source.host(2), source.single()
    goals = environments.goals
    assert goals.success is None  # infos say so
    observation, _ = environments.reset(jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(observation)} == {np.dtype("float32")}
    reward = jax.jit(goals.reward)
    generator = np.random.default_rng(0)
    for _ in range(3):
        step = environments.step(generator.uniform(-1, 1, (2, 4)).astype(np.float32))
        seen = step.next_observation
        np.testing.assert_array_equal(reward(seen["achieved_goal"], seen["desired_goal"]), step.reward)
        np.testing.assert_array_equal(reward(seen["achieved_goal"], seen["achieved_goal"]), [0, 0])
        assert not step.terminated.any()
        assert not jax.jit(goals.terminated)(seen["achieved_goal"], seen["achieved_goal"]).any()
    achieved, desired = generator.uniform(-0.05, 0.05, (2, 64, 3))
    expected = own.unwrapped.compute_reward(achieved, desired, {})
    assert 0 < -expected.sum() < 64
    np.testing.assert_array_equal(reward(np.float32(achieved), np.float32(desired)), expected)


def test_fetch_reach_is_trained_in_hindsight_and_counts_successes():
    with operant.DQN(
        ID,
        hindsight="future",
        wrappers="discretize:2",
        num_envs=2,
        learning_starts=50,
        buffer_size=1_000,
        preset=None,
    ) as agent:
        agent.learn(300, progress_bar=False, log_interval=300)
        row = agent.history[-1]
        assert np.isfinite(row["train/loss"])
        assert 0 <= row["rollout/success_rate"] <= 1
        assert 0 <= agent.evaluate(2).success_rate <= 1
