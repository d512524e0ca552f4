"""Soft exploration against the probabilities that it is made of; ε-greedy's are in the tests of its algorithms too."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from operant.ops.exploration import best_value, epsilon_greedy_probabilities, epsilon_soft, mask_scores

SCORE = jnp.array([1.0, 0.0, 2.0, 5.0])
MASK = jnp.array([True, True, True, False])


def shares(score, mask, epsilon, temperature, count=100_000):
    uniform = jax.random.uniform(jax.random.key(0), (count, 1 + len(score)))
    score = jnp.broadcast_to(score, (count, len(score)))
    mask = None if mask is None else jnp.broadcast_to(mask, score.shape)
    action = jax.jit(epsilon_soft)(score, mask, epsilon, temperature, uniform)
    return np.bincount(action, minlength=score.shape[1]) / count


def test_epsilon_soft_without_epsilon_draws_from_the_softmax():
    for temperature in (0.5, 2.0):
        expected = np.exp(np.asarray(SCORE) / temperature)
        np.testing.assert_allclose(
            shares(SCORE, None, 0.0, temperature), expected / expected.sum(), atol=0.006
        )


def test_epsilon_soft_takes_any_possible_action_in_a_share_of_epsilon():
    soft = np.append(np.exp(np.asarray(SCORE[:3])), 0.0)
    expected = 0.7 * soft / soft.sum() + 0.3 * np.array([1, 1, 1, 0]) / 3
    np.testing.assert_allclose(shares(SCORE, MASK, 0.3, 1.0), expected, atol=0.006)


def test_epsilon_soft_is_greedy_when_cold_and_uniform_over_possible_actions_when_hot():
    for temperature in (1e-3, 0.0):
        np.testing.assert_allclose(shares(SCORE, MASK, 0.0, temperature), [0, 0, 1, 0])
    np.testing.assert_allclose(shares(SCORE, MASK, 0.0, 1e6), [1 / 3, 1 / 3, 1 / 3, 0], atol=0.006)


def test_mask_scores_are_minus_infinity_where_an_action_is_impossible():
    np.testing.assert_array_equal(mask_scores(SCORE, MASK), [1, 0, 2, -np.inf])
    np.testing.assert_array_equal(mask_scores(SCORE, None), SCORE)


def test_best_value_is_that_of_a_possible_action_and_0_where_none_is():
    score = jnp.array([[1.0, -2.0, 3.0], [-1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]])
    mask = jnp.array([[True, True, False], [False, True, True], [False, False, False]])
    np.testing.assert_array_equal(best_value(score, mask), [1.0, -2.0, 0.0])
    np.testing.assert_array_equal(best_value(score, None), [3.0, -1.0, -1.0])


def test_epsilon_greedy_probabilities_share_what_is_greedy_among_equal_possible_actions():
    score, mask = jnp.array([2.0, 2.0, 1.0, 5.0]), jnp.array([True, True, True, False])
    expected = [0.45 + 0.1 / 3, 0.45 + 0.1 / 3, 0.1 / 3, 0.0]
    np.testing.assert_allclose(epsilon_greedy_probabilities(score, mask, 0.1), expected, rtol=1e-6)
    rows = (jnp.stack([score, -score]), jnp.stack([mask, mask]), jnp.array([0.1, 0.4]))
    np.testing.assert_allclose(
        epsilon_greedy_probabilities(*rows), [expected, [0.4 / 3, 0.4 / 3, 0.6 + 0.4 / 3, 0.0]], rtol=1e-6
    )
    nothing = epsilon_greedy_probabilities(score, jnp.zeros(4, bool), 0.1)
    np.testing.assert_array_equal(nothing, np.zeros(4))
