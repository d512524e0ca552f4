"""Scores are those of a plain loop over Gymnasium's own environment."""

from __future__ import annotations

import json
from dataclasses import replace

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.random import Random
from operant.engine import evaluate as evaluation
from operant.engine.evaluate import Evaluation, evaluate
from operant.envs import probes
from operant.networks import Network
from operant.ops.seeds import key_of

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")


def lean_following(observation, action_mask, carry, fresh, t):
    """Push to the side that the pole leans to."""
    return (observation[:, 2] > 0).astype(np.int32), carry


def cartpole() -> gym.Env:
    return gym.make("CartPole-v1", max_episode_steps=200)


def by_hand(episodes: int, seed: int) -> list[float]:
    env, returns = cartpole(), []
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        total, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(int(observation[2] > 0))
            total, done = total + float(reward), terminated or truncated
        returns.append(total)
    return returns


@pytest.mark.parametrize("slots", [1, 4, 100])
def test_evaluate_plays_the_episode_of_a_seed_however_many_are_played_at_once(slots):
    score = evaluate(lean_following, cartpole, episodes=10, seed=50, slots=slots)
    np.testing.assert_array_equal(score.returns, by_hand(10, 50))
    np.testing.assert_array_equal(score.lengths, score.returns)
    assert score.seed == 50


@pytest.mark.parametrize("t", [0, 1, 63, 64, 200, 3])
def test_policy_samples_at_a_step_by_its_number_whatever_was_drawn_before(t):
    agent = operant.Random("CartPole-v1")
    policy, many = agent.policy(deterministic=False, seed=3), np.zeros((50, 4), np.float32)
    for before in (10, 70):
        policy(many, None, None, np.ones(50, bool), before)
    action, _ = policy(many, None, None, np.ones(50, bool), t)
    spec = replace(agent.spec, num_envs=50)
    noise = agent.algorithm.sample_noise(spec, jax.random.fold_in(key_of(3), t))
    alone, _, _ = agent.algorithm.act(agent.state, many, None, (), noise, None, explore=True)
    np.testing.assert_array_equal(action, alone)


def test_evaluate_gives_the_published_baseline_of_cartpole():
    score = evaluate(lean_following, cartpole, episodes=500, seed=0, slots=128)
    assert score.mean == pytest.approx(41.7, abs=0.05)
    assert score.returns.std() == pytest.approx(8.4, abs=0.05)
    assert score.returns.max() == 63
    low, high = score.interval
    assert low < score.mean < high
    assert high - low == pytest.approx(2 * 1.96 * 8.4 / np.sqrt(500), rel=0.15)


def test_evaluate_gives_the_random_baseline_of_cartpole():
    agent = Agent(Random(), "CartPole-v1")
    score = agent.evaluate(500, seed=0, deterministic=False)
    assert score.mean == pytest.approx(22.9, abs=4 * 11.7 / np.sqrt(500))


def test_evaluate_tells_the_policy_of_new_episodes():
    started = np.zeros(3, int)

    def policy(observation, action_mask, carry, fresh, t):
        nonlocal started
        started += fresh
        # What follows a reset is the first observation of an episode, within ±0.05.
        assert (np.abs(observation[fresh]) <= 0.05).all()
        assert (carry is None) == (t == 0)
        return (observation[:, 2] > 0).astype(np.int32), "memory"

    evaluate(policy, cartpole, episodes=10, seed=0, slots=3)
    assert started.sum() == 10


def test_evaluate_begins_a_memory_anew_with_every_episode():
    """The returns of a policy with memory do not depend on which episodes an environment played before."""
    ppo = PPO(n_steps=8, batch_size=8, network=Network(hidden_sizes=(8,), memory="gru", memory_size=8))
    agent = Agent(ppo, "CartPole-v1")
    policy = agent.policy()
    one = evaluate(policy, cartpole, episodes=6, seed=0, slots=1)
    other = evaluate(policy, cartpole, episodes=6, seed=0, slots=6)
    np.testing.assert_array_equal(one.returns, other.returns)


def test_evaluate_hands_masks_to_the_policy():
    seen = []

    def policy(observation, action_mask, carry, fresh, t):
        seen.append(action_mask.copy())
        return np.argmax(action_mask, -1), carry

    masked = Agent(PPO(n_steps=8, batch_size=8, network=NETWORK), probes.Masked())
    score = evaluate(policy, masked.source.single, episodes=4, seed=0, slots=2)
    np.testing.assert_array_equal(score.lengths, 2)
    np.testing.assert_array_equal(seen[0], [[True, True, False]] * 2)
    np.testing.assert_array_equal(seen[1], [[False, True, True]] * 2)


class Countdown(gym.Env):
    """Masked until its end, of which it says nothing; the length of an episode is told by its seed."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (1,))
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        self.left = 1 + seed % 3
        return np.zeros(1, np.float32), {"action_mask": np.array([0, 1, 0], np.int8)}

    def step(self, action):
        assert action == 1
        self.left -= 1
        info = {"action_mask": np.array([0, 1, 0], np.int8)} if self.left else {}
        return np.zeros(1, np.float32), 1.0, self.left == 0, False, info


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_evaluate_needs_no_mask_where_an_environment_has_ended(slots):
    def policy(observation, action_mask, carry, fresh, t):
        return np.argmax(action_mask, -1), carry

    score = evaluate(policy, Countdown, episodes=5, seed=0, slots=slots)
    np.testing.assert_array_equal(score.lengths, [1, 2, 3, 1, 2])


def test_evaluate_ends_an_episode_that_nothing_ends_and_says_so(monkeypatch):
    def up(observation, action_mask, carry, fresh, t):  # and against the wall for ever
        return np.zeros(len(fresh), np.int32), carry

    monkeypatch.setattr(evaluation, "LONGEST", 300)
    with pytest.warns(UserWarning, match="3 of 3 episodes of CliffWalking-v1 were not over after 300 steps"):
        score = evaluate(up, lambda: gym.make("CliffWalking-v1"), episodes=3, seed=0, slots=2)
    assert score.cut == Evaluation.from_json(score.to_json()).cut == 3
    assert "over 3 episodes of CliffWalking-v1, of which 3 were cut off after 300 steps" in str(score)
    np.testing.assert_array_equal(score.lengths, [300] * 3)
    np.testing.assert_array_equal(score.returns, [-300] * 3)


def test_evaluation_as_json_and_in_words():
    score = evaluate(lean_following, cartpole, episodes=3, seed=7, slots=2)
    values = json.loads(json.dumps(score.to_json()))
    assert values["returns"] == score.returns.tolist()
    assert values["lengths"] == score.lengths.tolist()
    assert values["mean"] == score.mean
    assert values["interval"] == list(score.interval)
    assert values["seed"] == 7
    assert values["episodes"] == 3
    assert values["environment"] == "CartPole-v1"
    assert str(score).startswith(f"{score.mean:.1f} [")
    assert str(score).endswith("over 3 episodes of CartPole-v1")


def test_evaluation_of_one_episode_has_no_interval():
    score = evaluate(lean_following, cartpole, episodes=1, seed=7, slots=2)
    assert score.to_json()["interval"] is None
    assert str(score) == f"{score.mean:.1f} over 1 episode of CartPole-v1"


def test_evaluate_closes_environments_unless_they_are_somebody_elses():
    closed = []

    class Closing(gym.Wrapper):
        def close(self) -> None:
            closed.append(self)
            super().close()

    evaluate(lean_following, lambda: Closing(cartpole()), episodes=2, seed=0, slots=2)
    assert len(closed) == 2
    evaluate(lean_following, lambda: Closing(cartpole()), episodes=2, seed=0, slots=2, close=False)
    assert len(closed) == 2
