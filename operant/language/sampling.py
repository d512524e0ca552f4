"""Choosing a token: by temperature, among the k likeliest, among those that hold the share p of all probability.

Both sets are {i : probability of i ≥ τ}. The threshold τ is found by bisection on the bits of a float32, which are in
the order of the numbers themselves: exact after 31 halvings, each one pass over the vocabulary, without sorting it.
Tokens as likely as the last one that is kept are kept, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp


class Sampling(eqx.Module):
    """How a token is drawn from the model's distribution. The numbers are traced: others compile nothing anew."""

    temperature: jax.Array | float = 1.0
    """Logits are divided by it: below 1 likely tokens become likelier; 0 takes the likeliest."""
    top_k: jax.Array | int = 0
    """Only this many of the likeliest tokens; 0: all."""
    top_p: jax.Array | float = 1.0
    """Only the likeliest tokens that hold this share of the probability together (Holtzman et al. 2020,
    arXiv:1904.09751), of those that top_k left; 1: all."""

    def __check_init__(self) -> None:
        for name, fits, allowed in (
            ("temperature", lambda x: 0 <= x < math.inf, "a number of at least 0"),
            ("top_k", lambda x: x >= 0, "a whole number, 0 for all"),
            ("top_p", lambda x: 0 < x <= 1, "above 0 and at most 1"),
        ):
            value = getattr(self, name)
            if isinstance(value, int | float) and not fits(value):
                raise ValueError(f"{name}={value!r}: must be {allowed}.")

    def probabilities(self, logits: jax.Array) -> jax.Array:
        """What is drawn from, `[..., V]`."""
        greedy = jnp.asarray(self.temperature) <= 0
        p = jax.nn.softmax(logits / jnp.where(greedy, 1.0, self.temperature))
        p = jax.lax.cond(jnp.asarray(self.top_k) > 0, lambda p: keep_top_k(p, self.top_k), lambda p: p, p)
        p = jax.lax.cond(jnp.asarray(self.top_p) < 1, lambda p: keep_top_p(p, self.top_p), lambda p: p, p)
        likeliest = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=p.dtype)
        return jnp.where(greedy, likeliest, p)

    def draw(self, logits: jax.Array, uniform: jax.Array) -> jax.Array:
        """A token for each row of `logits [N, V]`, from `uniform [N]` in [0, 1)."""
        return inverse(self.probabilities(logits), uniform)


def keep_top_k(probabilities: jax.Array, k: jax.Array | int) -> jax.Array:
    """`[..., V]` with 0 in place of all but the k largest, and divided by their sum."""
    threshold = largest(probabilities, lambda kept: jnp.sum(kept, axis=-1) >= k)
    return _kept(probabilities, threshold)


def keep_top_p(probabilities: jax.Array, p: jax.Array | float) -> jax.Array:
    """`[..., V]` with 0 in place of all but the fewest large ones whose sum is at least p, divided by their sum."""
    total = p * jnp.sum(probabilities, axis=-1)

    def enough(kept: jax.Array) -> jax.Array:
        return jnp.sum(jnp.where(kept, probabilities, 0.0), axis=-1) >= total

    return _kept(probabilities, largest(probabilities, enough))


def largest(values: jax.Array, enough: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """The largest τ `[..., 1]` for which `enough(values ≥ τ)`, of values `[..., V]` that are not negative.

    `enough` `[..., V] → [...]` must stay true as τ falls; where it is never true, τ is 0.
    """
    bits = jax.lax.bitcast_convert_type(values, jnp.int32)

    def halve(_: int, bounds: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bounds  # enough at low, not at high
        middle = low + (high - low) // 2
        fits = enough(bits >= middle[..., None])
        return jnp.where(fits, middle, low), jnp.where(fits, high, middle)

    shape = values.shape[:-1]
    low, high = jnp.zeros(shape, jnp.int32), jnp.full(shape, jnp.iinfo(jnp.int32).max)
    low, _ = jax.lax.fori_loop(0, 31, halve, (low, high))
    return jax.lax.bitcast_convert_type(low, jnp.float32)[..., None]


def _kept(probabilities: jax.Array, threshold: jax.Array) -> jax.Array:
    kept = jnp.where(probabilities >= threshold, probabilities, 0.0)
    return kept / jnp.sum(kept, axis=-1, keepdims=True)


def inverse(probabilities: jax.Array, uniform: jax.Array) -> jax.Array:
    """The index `[N]` at which the sum of `probabilities [N, V]` exceeds `uniform [N]`; never one of probability 0.

    One random number a row, where the Gumbel-max trick takes V: for a large vocabulary drawing these takes longer than
    the rest. The sums are of blocks first, and then within the block, two short ones in place of a long one.
    """
    rows, size = probabilities.shape
    block = max(1, math.isqrt(size))
    blocks = -(-size // block)
    padded = jnp.pad(probabilities, ((0, 0), (0, blocks * block - size))).reshape(rows, blocks, block)
    target = uniform * jnp.sum(jnp.sum(padded, axis=-1), axis=-1)
    which, below = _place(jnp.sum(padded, axis=-1), target)
    own = jnp.take_along_axis(padded, which[:, None, None], axis=1)[:, 0]
    return (which * block + _place(own, target - below)[0]).astype(jnp.int32)


def _place(weights: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
    """`(the first column whose sum so far exceeds target, the sum before it)` of `weights [N, K]`."""
    sums = jnp.cumsum(weights, axis=-1)
    exceeds = (sums > target[:, None]) & (weights > 0)
    last = weights.shape[-1] - 1 - jnp.argmax(weights[:, ::-1] > 0, axis=-1)  # rounding may leave none
    index = jnp.where(exceeds.any(-1), jnp.argmax(exceeds, axis=-1), last)
    taken = jnp.take_along_axis(sums - weights, index[:, None], axis=-1)[:, 0]
    return index, taken
