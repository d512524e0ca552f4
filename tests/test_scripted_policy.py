"""Scripted policies are scored as agents are; the two that everything is measured against."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant.agent.inputs import SLOTS
from operant.agent.scripted import ScriptedPolicy, push_to_lean
from operant.envs import probes


def test_lean_following_balances_for_42_steps_and_never_for_more_than_68():
    """Over 500 episodes: Géron, "Hands-on machine learning", chapter on reinforcement learning."""
    score = ScriptedPolicy.named("scripted").evaluate(500, with_random=True)
    assert score.mean == pytest.approx(42, abs=1.5)
    assert score.returns.max() <= 68
    assert score.random.mean == pytest.approx(22, abs=2)
    assert score.random.seed == score.seed
    assert len(score.random.returns) == 500
    assert str(score).endswith(f" over 500 episodes of CartPole-v1 (random policy: {score.random.mean:.1f})")


def test_it_is_scored_as_a_loop_over_one_environment_would():
    score = ScriptedPolicy(push_to_lean, "CartPole-v1").evaluate(5, seed=3)
    env = gym.make("CartPole-v1")
    for i in range(5):
        observation, _ = env.reset(seed=3 + i)
        total, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(push_to_lean(observation))
            total, done = total + float(reward), terminated or truncated
        assert score.returns[i] == total
    env.close()
    assert "random" not in score.to_json()


class Alternate:
    """Left and right in turns, beginning anew with each episode."""

    def __init__(self):
        self.episodes = 0

    def reset(self):
        self.steps, self.episodes = 0, self.episodes + 1

    def __call__(self, observation):
        self.steps += 1
        return self.steps % 2


def test_one_that_remembers_begins_each_episode_anew():
    policy = Alternate()
    scripted = ScriptedPolicy(policy, "CartPole-v1")
    together = scripted.evaluate(SLOTS + 3)  # three begin while others are under way
    assert policy.episodes == 0  # its copies have played
    actor, env = scripted.actor(), gym.make("CartPole-v1")
    for i in (0, 1, SLOTS, SLOTS + 2):  # one after another
        observation, _ = env.reset(seed=10_000 + i)
        actor.reset()
        total, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(int(actor(observation)))
            total, done = total + float(reward), terminated or truncated
        assert together.returns[i] == total
    env.close()


def test_a_mask_is_given_to_one_that_asks_for_it():
    def first(observation, action_mask):
        return int(np.argmax(action_mask))

    def last(observation, action_mask):
        return int(2 - np.argmax(action_mask[::-1]))

    scores = [ScriptedPolicy(policy, probes.Masked()).evaluate(5).mean for policy in (first, last)]
    assert scores == [0.0, 2.0]  # nothing forbidden, which would pay 10


class Offset(gym.Env):
    """Pays for choosing, from 5 upwards, what it shows from −1 upwards."""

    observation_space, action_space = gym.spaces.Discrete(3, start=-1), gym.spaces.Discrete(3, start=5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shown = int(self.np_random.integers(-1, 2))
        return self.shown, {}

    def step(self, action):
        assert self.action_space.contains(action)
        return self.shown, float(action == self.shown + 6), False, True, {}


def test_it_sees_and_answers_what_the_environment_gives_and_takes():
    robot = ScriptedPolicy(lambda shown: shown + 6, Offset)
    assert robot.evaluate(9).mean == 1
    act = robot.actor()
    assert [act(shown) for shown in (-1, 0, 1)] == [5, 6, 7]
    with pytest.raises(
        ValueError, match=r"no policy here: action is 0, which is not in Discrete\(3, start=5\)"
    ):
        ScriptedPolicy(lambda shown: 0, Offset).evaluate(1)


def test_what_is_no_action_is_refused():
    robot = operant.ScriptedPolicy(lambda observation: 0.5, "VacuumRobot")
    with pytest.raises(
        ValueError, match=r"<lambda> is no policy here: action must have shape \(2,\); got \(\)"
    ):
        robot.evaluate(1)


def test_it_is_filmed_beside_the_random_policy(tmp_path):
    film = ScriptedPolicy.named("scripted").record(tmp_path / "scripted.mp4", with_random=True)
    assert (tmp_path / "scripted.mp4").stat().st_size > 0
    assert len(film.observations) > 20


def test_a_named_one_is_for_its_own_spaces():
    with pytest.raises(ValueError, match=r"made for CartPole-v1, whose observation space is Box\(4\)"):
        ScriptedPolicy.named("scripted", "Pendulum-v1")


def test_an_agent_is_scored_beside_the_random_policy():
    study = operant.ARS("CartPole-v1", preset=None, n_delta=1, seeds=2)
    scores = study.evaluate(5, with_random=True)
    alone = study.random().evaluate(5, deterministic=False)
    for score, expected in zip(scores, study.evaluate(5), strict=True):
        assert score.returns.tolist() == expected.returns.tolist()
        assert score.random.returns.tolist() == alone.returns.tolist()
        assert score.to_json()["random"]["mean"] == alone.mean
