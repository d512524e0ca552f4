"""Scores with a random action now and then: how often, which, and by whose choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import operant
from operant.cli import main
from operant.engine.evaluate import Evaluation
from operant.engine.sometimes_random import SometimesRandom
from operant.spaces import Box, Discrete

SPEC = operant.Random("CartPole-v1").spec
M = 30_000


def second(observation, action_mask, carry, fresh, t):
    """Always choice 1; counts its calls."""
    return np.ones(len(fresh), np.int32), (carry or 0) + 1


def acted(spec, epsilon, t=0, seed=5, policy=second, mask=None):
    act = SometimesRandom(policy, spec, epsilon, seed)
    action, carry = act(np.zeros((M, 4), np.float32), mask, 7, np.zeros(M, bool), t)
    assert carry in (8, 7)
    return action


def test_sometimes_random_takes_each_possible_action_as_often_as_epsilon_says():
    """Catches ε as the share of other actions, impossible ones, and all environments random at once."""
    spec = replace(SPEC, action_space=Discrete(4))
    shares = np.bincount(acted(spec, 0.2), minlength=4) / M
    np.testing.assert_allclose(shares, [0.05, 0.85, 0.05, 0.05], atol=0.007)
    mask = np.tile([True, True, False, True], (M, 1))
    shares = np.bincount(acted(spec, 0.3, mask=mask), minlength=4) / M
    np.testing.assert_allclose(shares, [0.1, 0.8, 0.0, 0.1], atol=0.01)
    assert shares[2] == 0
    np.testing.assert_allclose(np.bincount(acted(spec, 1.0)) / M, 0.25, atol=0.01)
    np.testing.assert_array_equal(acted(spec, 0.0), 1)


def test_sometimes_random_is_another_at_every_step_and_the_same_for_a_seed():
    spec = replace(SPEC, action_space=Discrete(4))
    first = acted(spec, 0.5, t=3)
    np.testing.assert_array_equal(first, acted(spec, 0.5, t=3))
    for other in (acted(spec, 0.5, t=4), acted(spec, 0.5, t=3, seed=6)):
        assert 0.3 < (first == other).mean() < 0.6  # ¼·1 of both, and what both leave or hit by chance


def test_sometimes_random_draws_whole_actions_of_a_box():
    spec = replace(SPEC, action_space=Box(-2.0, 2.0, (3,)))

    def still(observation, action_mask, carry, fresh, t):
        return np.zeros((len(fresh), 3), np.float32), carry

    action = acted(spec, 0.25, policy=still)
    moved = action.any(axis=1)
    assert moved.mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(moved, action.all(axis=1))
    assert action.std() == pytest.approx(np.sqrt(0.25 * 16 / 12), rel=0.02)
    assert np.abs(action).max() <= 2


def test_evaluate_with_epsilon_says_so_and_is_random_where_that_is_1(capsys):
    """Catches an option that is read and not used: the scripted policy holds the pole for 42 steps, chance for 22."""
    policy = operant.ScriptedPolicy(lambda seen: int(seen[2] > 0), "CartPole-v1")
    scores = [policy.evaluate(60, epsilon=epsilon) for epsilon in (0.0, 0.5, 1.0)]
    means = [score.mean for score in scores]
    assert means[0] == pytest.approx(42, abs=3)
    assert means[2] == pytest.approx(22, abs=4)
    assert scores[1].returns.tolist() != scores[0].returns.tolist()
    assert [score.protocol for score in scores] == [None, "random actions 0.5", "random actions 1"]
    assert "(random actions 0.5)" in str(scores[1])
    assert Evaluation.from_json(scores[1].to_json()).protocol == "random actions 0.5"
    for wrong in (1.5, -0.1, "a", True):
        with pytest.raises(ValueError, match=f"epsilon={wrong!r}: must be a number from 0 to 1"):
            policy.evaluate(1, epsilon=wrong)
    assert main(["evaluate", "scripted", "--epsilon", "0.5", "--episodes", "60"]) == 0
    assert str(round(scores[1].mean, 1)) in capsys.readouterr().out
    assert main(["evaluate", "scripted", "--epsilon", "2"]) == 2
    assert "--epsilon 2: must be a number from 0 to 1" in capsys.readouterr().err
