"""Normals in units of the action space, so that the same numbers suit a Box of any size."""

from __future__ import annotations

import math
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.distributions.base import Distribution
from operant.distributions.gaussian import DiagonalGaussian, StateDependentGaussian
from operant.spaces import Box

HUGE = 1e18  # a bound beyond this bounds nothing: float32 holds no normal of this size
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)


@cache
def units(space: Box) -> tuple[np.ndarray, np.ndarray] | None:
    """`(center, half)`, float32 of the space's shape: [−1, 1] becomes [low, high] by center + half · u.

    An element without two finite bounds, or whose bounds are equal, keeps its own units (0 and 1). None where all do,
    as in [−1, 1].
    """
    low, high = space.bounds
    bounded = (np.abs(low) < HUGE) & (np.abs(high) < HUGE) & (low < high)
    low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    center, half = ((high + low) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)
    return None if (center == 0).all() and (half == 1).all() else (center, half)


def scale(space: Box, action: jax.Array) -> jax.Array:
    """Actions `[..., *shape]` in units of the space as the environment takes them: −1 becomes low, and 1 high."""
    known = units(space)
    if known is None:
        return action
    center, half = (jnp.broadcast_to(x, action.shape) for x in known)
    return center + half * action


def unscale(space: Box, action: jax.Array) -> jax.Array:
    """The inverse of `scale`."""
    known = units(space)
    if known is None:
        return action
    center, half = (jnp.broadcast_to(x, action.shape) for x in known)
    return (action - center) / half


class Transformed(Distribution):
    """The actions center + half · u, or center + half · tanh(u) where squashed, of a normal u.

    Samples and `log_prob` are of actions as the environment takes them: the density is that of u over the transform's
    slope, log p(a) = log p(u) − Σ log |da/du|. The entropy is that of these actions; the divergence of two policies
    does not depend on units. Squashed as in Haarnoja et al. 2018, arXiv:1801.01290, appendix C.
    """

    base: DiagonalGaussian | StateDependentGaussian  # over u
    space: Box = eqx.field(static=True)
    squashed: bool = eqx.field(static=True, default=False)

    @property
    def marginal(self) -> Transformed:
        return Transformed(self.base.marginal, self.space, self.squashed)

    def mode(self) -> jax.Array:
        """The action of the likeliest u: of a squashed one, that below and above which half of all actions lie."""
        return self._forward(self.base.mode())

    def sample(self, noise: jax.Array) -> jax.Array:
        return self._forward(self.base.sample(noise))

    def sample_and_log_prob(self, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The density is that of u itself, which an action rounded to a bound no longer tells."""
        u = self.base.sample(noise)
        return self._forward(u), self._log_prob(u)

    def log_prob(self, action: jax.Array) -> jax.Array:
        u = unscale(self.space, action)
        if self.squashed:
            # What float32 has rounded to a bound would have come from infinity.
            limit = 1 - float(np.finfo(np.float32).eps)
            u = jnp.arctanh(jnp.clip(u, -limit, limit))
        return self._log_prob(u)

    def _log_prob(self, u: jax.Array) -> jax.Array:
        """log p of the action that u becomes, `[...]`."""
        log_prob = self.base.log_prob(u) - self._log_volume
        if self.squashed:
            slopes = log_slope(jnp.reshape(u, (*log_prob.shape, -1)))
            log_prob = log_prob - jnp.sum(slopes, axis=-1)
        return log_prob

    def entropy(self) -> jax.Array:
        entropy = self.base.entropy() + self._log_volume
        if self.squashed:  # plus the mean of log |da/du|, by Gauss and Hermite's quadrature
            normal = self.base.marginal
            std = jnp.exp(normal.log_std)[..., None]
            nodes = jnp.broadcast_to(jnp.asarray(_NODES, jnp.float32), (*std.shape[:-1], len(_NODES)))
            mean = log_slope(normal.mean[..., None] + std * nodes) @ jnp.asarray(
                _WEIGHTS / _WEIGHTS.sum(), jnp.float32
            )
            entropy = entropy + jnp.sum(mean, axis=-1)
        return entropy

    def kl(self, other: Distribution) -> jax.Array:
        assert isinstance(other, Transformed)
        return self.base.kl(other.base)

    def _forward(self, u: jax.Array) -> jax.Array:
        return scale(self.space, jnp.tanh(u) if self.squashed else u)

    @property
    def _log_volume(self) -> float:
        """Σ log half."""
        known = units(self.space)
        return 0.0 if known is None else float(np.sum(np.log(known[1].astype(np.float64))))


def log_slope(u: jax.Array) -> jax.Array:
    """log(1 − tanh² u), without the difference that would round to 0 where u is large."""
    return 2 * (math.log(2) - u - jax.nn.softplus(-2 * u))
