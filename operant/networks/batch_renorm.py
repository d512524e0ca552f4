"""Batch renormalisation: a layer with running statistics, which are kept functionally."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp

T = TypeVar("T")
EPSILON = 1e-3
R_MAX, D_MAX = 3.0, 5.0


class BatchRenorm(eqx.Module):
    """`x [..., n]` with mean 0 and variance 1 over all axes but the last, then an affine map.

    While learning the statistics are those of the minibatch, μ_B and σ_B, corrected towards the running ones, μ and σ,
    without a gradient through the correction (Ioffe 2017, arXiv:1702.03275, algorithm 1):

        y = (x − μ_B) / σ_B · r + d,   r = clip(σ_B / σ, 1/3, 3),   d = clip((μ_B − μ) / σ, −5, 5)

    In the first `warmup` minibatches r is 1 and d is 0, which is batch normalisation. The constants are those of
    CrossQ's code (Bhatt et al. 2024, arXiv:1902.05605; github.com/adityab/CrossQ, sbx/sac/policies.py), which however
    adds ε to the variance after dividing it by r² instead of before. A minibatch of one has no variance: it is not for
    learning from.

    The statistics are leaves like the weights, whose gradient is 0: `learn` gives a layer with new ones, and
    `with_statistics` puts them into the layer that an optimiser has moved.
    """

    scale: jax.Array  # [n]
    shift: jax.Array  # [n]
    mean: jax.Array  # μ [n]
    variance: jax.Array  # σ² [n]
    count: jax.Array  # of minibatches, a float32: whole numbers up to 2²⁴, where it stays
    warmup: int = eqx.field(static=True)
    momentum: float = eqx.field(static=True)  # how much of the running statistics stays at each minibatch

    @classmethod
    def build(cls, size: int, warmup: int = 100_000, momentum: float = 0.99) -> BatchRenorm:
        ones, zeros = jnp.ones(size, jnp.float32), jnp.zeros(size, jnp.float32)
        return cls(ones, zeros, zeros, ones, jnp.zeros((), jnp.float32), warmup, momentum)

    def __call__(self, x: jax.Array) -> jax.Array:
        """By the running statistics, as a policy acts."""
        return self._affine(x, *jax.lax.stop_gradient((self.mean, _root(self.variance))))

    def learn(self, x: jax.Array, mask: jax.Array | None = None) -> tuple[jax.Array, BatchRenorm]:
        """By those of `x`, and the layer whose running statistics have seen it.

        `mask`, of x's shape but the last axis, is True where a row counts for the statistics; None: all do.
        """
        mask = jnp.ones(x.shape[:-1], bool) if mask is None else mask
        mean = _mean(x, mask)
        variance = _mean(jnp.square(x - jnp.broadcast_to(mean, x.shape)), mask)
        fixed_mean, fixed_variance = jax.lax.stop_gradient((mean, variance))
        deviation = _root(jax.lax.stop_gradient(self.variance))
        r = jnp.clip(_root(fixed_variance) / deviation, 1 / R_MAX, R_MAX)
        d = jnp.clip((fixed_mean - jax.lax.stop_gradient(self.mean)) / deviation, -D_MAX, D_MAX)
        warm = self.count >= self.warmup
        r, d = jnp.where(warm, r, 1.0), jnp.where(warm, d, 0.0)
        # (x − μ_B) / σ_B · r + d, as one mean and one deviation
        y = self._affine(x, mean - d * _root(variance) / r, _root(variance) / r)
        seen = jnp.any(mask).astype(jnp.float32)  # 0 where no row counts: then the statistics stay
        rate = seen * (1 - self.momentum)
        learnt = replace(
            self,
            mean=self.mean + rate * (fixed_mean - self.mean),
            variance=self.variance + rate * (fixed_variance - self.variance),
            count=self.count + seen,
        )
        return y, learnt

    def _affine(self, x: jax.Array, mean: jax.Array, deviation: jax.Array) -> jax.Array:
        factor = self.scale / deviation
        shift = self.shift - mean * factor
        return x * jnp.broadcast_to(factor, x.shape) + jnp.broadcast_to(shift, x.shape)


def with_statistics(module: T, source: T) -> T:
    """`module`, with the running statistics of `source`, which has its structure."""

    def update(layer, other):
        if not _is_renorm(layer):
            return layer
        return replace(layer, mean=other.mean, variance=other.variance, count=other.count)

    return jax.tree.map(update, module, source, is_leaf=_is_renorm)


def _is_renorm(part: object) -> bool:
    return isinstance(part, BatchRenorm)


def _mean(x: jax.Array, mask: jax.Array) -> jax.Array:
    """The mean `[n]` of the rows of `x` `[..., n]` that count."""
    axes = tuple(range(x.ndim - 1))
    counted = jnp.where(jnp.broadcast_to(mask[..., None], x.shape), x, 0.0)
    return jnp.sum(counted, axes) / jnp.maximum(jnp.sum(mask), 1)


def _root(variance: jax.Array) -> jax.Array:
    return jnp.sqrt(variance + EPSILON)
