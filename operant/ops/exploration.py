"""Choosing among actions of known score: ε-greedily or softly, with masks, with ties broken at random."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from operant.ops.step_noise import numbers
from operant.types import PyTree


def mask_scores(score: jax.Array, action_mask: PyTree) -> jax.Array:
    """Scores `[…, A]` with −∞ for every action that the mask rules out."""
    return score if action_mask is None else jnp.where(action_mask, score, -jnp.inf)


def best_value(score: jax.Array, action_mask: PyTree) -> jax.Array:
    """The largest score of a possible action, `[…]`; 0 where no action is possible, since nothing follows there."""
    best = jnp.max(mask_scores(score, action_mask), -1)
    return best if action_mask is None else jnp.where(jnp.isneginf(best), 0.0, best)


def epsilon_greedy(
    score: jax.Array, action_mask: PyTree, epsilon: jax.Array | float, uniform: jax.Array
) -> jax.Array:
    """An action `[…]`: with probability ε any possible one, otherwise one of those of the largest score.

    Args:
        score: `[…, A]`.
        epsilon: One number, or `[…]`.
        uniform: `[…, 1 + A]` in [0, 1), independent: whether to explore, and which of equals is preferred; or keys
            `[…]` to draw them from.

    Of equals each is as likely as the others: otherwise a table of zeros would always lead the same way.
    """
    score = mask_scores(score, action_mask)
    uniform = numbers(jax.random.uniform, uniform, 1 + score.shape[-1])
    explores = (uniform[..., 0] < epsilon)[..., None]
    candidate = (explores & ~jnp.isneginf(score)) | (score == jnp.max(score, -1, keepdims=True))
    return jnp.argmax(jnp.where(candidate, uniform[..., 1:], -1.0), -1)


def epsilon_soft(
    score: jax.Array,
    action_mask: PyTree,
    epsilon: jax.Array | float,
    temperature: jax.Array | float,
    uniform: jax.Array,
) -> jax.Array:
    """An action `[…]`: with probability ε any possible one, otherwise one drawn from the softmax of score/temperature.

    Arguments as of `epsilon_greedy`. The second draw adds Gumbel noise, −log(−log u), and takes the best. A temperature
    of 0 is the limit, the best action.
    """
    score = mask_scores(score, action_mask)
    uniform = numbers(jax.random.uniform, uniform, 1 + score.shape[-1])
    explores = (uniform[..., 0] < epsilon)[..., None]
    gumbel = -jnp.log(-jnp.log(jnp.maximum(uniform[..., 1:], jnp.finfo(jnp.float32).tiny)))
    anything = jnp.where(jnp.isneginf(score), -jnp.inf, gumbel)
    # Times the temperature, which keeps the order, and is defined where it is 0.
    return jnp.argmax(jnp.where(explores, anything, score + temperature * gumbel), -1)


def epsilon_greedy_probabilities(
    score: jax.Array, action_mask: PyTree, epsilon: jax.Array | float
) -> jax.Array:
    """π(a|s) `[…, A]` of `epsilon_greedy` for scores `[…, A]`; 0 for impossible actions."""
    score = mask_scores(score, action_mask)
    best = score == jnp.max(score, -1, keepdims=True)
    allowed = jnp.ones_like(best) if action_mask is None else action_mask
    epsilon = jnp.asarray(epsilon)[..., None]
    greedy = best.astype(jnp.float32) / jnp.sum(best, -1, keepdims=True)
    anything = allowed.astype(jnp.float32) / jnp.maximum(jnp.sum(allowed, -1, keepdims=True), 1)
    return jnp.where(allowed, (1 - epsilon) * greedy + epsilon * anything, 0.0)
