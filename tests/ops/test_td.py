"""Targets of temporal differences against rlax and sums written out in float64, and what they refuse."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import rlax

from operant.ops import td
from tests.shared import normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
B, A, GAMMA = 7, 4, 0.9
ALPHA, TEMPERATURE, CLIP = 0.8, 0.3, -1.0


REWARD, NEXT_Q, NEXT_SELECTOR, Q, SELECTOR = normal(B), *(normal(B, A) for _ in range(4))
DISCOUNT = jnp.asarray(GAMMA * (RNG.random(B) < 0.7), jnp.float32)
ACTION = jnp.asarray(RNG.integers(0, A, B), jnp.int32)
TAKEN = Q[np.arange(B), ACTION]


def test_q_target_and_td_error_are_rlax_q_learning():
    target = jax.vmap(td.q_target)(REWARD, DISCOUNT, NEXT_Q)
    expected = jax.vmap(rlax.q_learning)(Q, ACTION, REWARD, DISCOUNT, NEXT_Q)
    np.testing.assert_allclose(td.td_error(TAKEN, target), expected, rtol=1e-5, atol=1e-6)


def test_double_q_target_is_rlax_double_q_learning():
    target = jax.vmap(td.double_q_target)(REWARD, DISCOUNT, NEXT_Q, NEXT_SELECTOR)
    expected = jax.vmap(rlax.double_q_learning)(Q, ACTION, REWARD, DISCOUNT, NEXT_Q, NEXT_SELECTOR)
    np.testing.assert_allclose(td.td_error(TAKEN, target), expected, rtol=1e-5, atol=1e-6)
    alone = jax.vmap(td.double_q_target)(REWARD, DISCOUNT, NEXT_Q, NEXT_Q)
    np.testing.assert_array_equal(alone, jax.vmap(td.q_target)(REWARD, DISCOUNT, NEXT_Q))


def munchausen(next_selector, selector, temperature=TEMPERATURE):
    def target(reward, discount, next_q, next_selector, selector, action):
        return td.munchausen_target(
            reward, discount, next_q, next_selector, selector, action, ALPHA, temperature, CLIP
        )

    return jax.vmap(target)(REWARD, DISCOUNT, NEXT_Q, next_selector, selector, ACTION)


def test_munchausen_target_is_its_equation_written_out_and_knows_impossible_actions():
    possible = RNG.random((2, B, A)) < 0.6
    possible[0, np.arange(B), RNG.integers(0, A, B)] = True
    possible[1, np.arange(B), ACTION] = True
    next_selector = np.where(possible[0], NEXT_SELECTOR, -np.inf)
    selector = np.where(possible[1], SELECTOR, -np.inf)
    selector[0, ACTION[0]] = np.min(SELECTOR) - 2.0  # a probability that is clipped
    expected, clipped = np.zeros(B), set()
    for i in range(B):
        policy = np.exp(np.asarray(selector[i], float) / TEMPERATURE)
        log_policy = TEMPERATURE * np.log((policy / policy.sum())[ACTION[i]])
        clipped.add(bool(log_policy < CLIP))
        expected[i] = REWARD[i] + ALPHA * max(log_policy, CLIP)
        next_policy = np.exp(np.asarray(next_selector[i], float) / TEMPERATURE)
        next_policy /= next_policy.sum()
        for a in np.flatnonzero(possible[0, i]):
            value = NEXT_Q[i, a] - TEMPERATURE * np.log(next_policy[a])
            expected[i] += DISCOUNT[i] * next_policy[a] * value
    assert clipped == {True, False}
    target = munchausen(jnp.asarray(next_selector), jnp.asarray(selector))
    np.testing.assert_allclose(target, expected, rtol=1e-4, atol=1e-5)


def test_munchausen_target_of_a_cold_policy_is_double_q_target():
    """The soft maximum becomes the maximum, and the bonus that of the action that is best anyway: none."""
    best = jax.nn.one_hot(ACTION, A)
    cold = munchausen(NEXT_SELECTOR, best, temperature=1e-3)
    expected = jax.vmap(td.double_q_target)(REWARD, DISCOUNT, NEXT_Q, NEXT_SELECTOR)
    np.testing.assert_allclose(cold, expected, rtol=1e-3, atol=1e-3)


def test_soft_value_q_target_and_td_error_refuse_a_minibatch_rather_than_take_it_for_one_state():
    for wrong in (
        lambda: td.q_target(REWARD, DISCOUNT, NEXT_Q),
        lambda: td.q_target(1.0, GAMMA, NEXT_Q),
        lambda: td.double_q_target(1.0, GAMMA, NEXT_Q[0], NEXT_SELECTOR),
        lambda: td.soft_value(NEXT_Q, NEXT_SELECTOR, TEMPERATURE),
    ):
        with pytest.raises(ValueError, match=r"shape \(7.*one transition has .* Use jax.vmap"):
            wrong()
    with pytest.raises(ValueError, match=r"value has shape \(7,\) and target \(7, 1\): must be one shape"):
        td.td_error(TAKEN, TAKEN[:, None])


def test_greedy_value_is_of_the_action_that_the_selector_prefers():
    assert td.greedy_value(jnp.array([1.0, 5.0, 2.0]), jnp.array([0.0, 1.0, 3.0])) == 2
    assert td.greedy_value(jnp.array([1.0, 5.0, 2.0]), jnp.array([1.0, 5.0, 2.0])) == 5


def test_soft_value_is_the_mean_under_the_policy_of_the_selector():
    selector = TEMPERATURE * jnp.log(jnp.array([0.75, 0.25]))  # so that the policy is [0.75, 0.25]
    np.testing.assert_allclose(td.soft_value(jnp.array([1.0, 5.0]), selector, TEMPERATURE), 2, rtol=1e-5)


def test_munchausen_reward_is_the_reward_the_clipped_log_policy_and_the_entropy_of_the_next():
    policy = TEMPERATURE * jnp.log(jnp.array([0.75, 0.25]))
    even = jnp.zeros(2)  # with entropy log 2
    for action, clip, log_policy in (
        (0, -1.0, TEMPERATURE * np.log(0.75)),
        (1, -1.0, TEMPERATURE * np.log(0.25)),
        (1, -0.2, -0.2),
    ):
        got = td.munchausen_reward(
            jnp.array(2.0), GAMMA, even, policy, jnp.array(action), ALPHA, TEMPERATURE, clip
        )
        np.testing.assert_allclose(got, 2 + ALPHA * log_policy + GAMMA * TEMPERATURE * np.log(2), rtol=1e-5)
