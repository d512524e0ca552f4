"""Normal distributions, whose noise is drawn anew at every step or held and shaped by the state."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.distributions.base import Distribution
from operant.ops.step_noise import numbers


class DiagonalGaussian(Distribution):
    """Independent normals, not squashed: samples may lie outside the Box and are stored so."""

    mean: jax.Array  # [..., d], the Box's elements flattened
    log_std: jax.Array  # [..., d]
    shape: tuple[int, ...] = eqx.field(static=True)  # of an action

    @property
    def marginal(self) -> DiagonalGaussian:
        return self

    def mode(self) -> jax.Array:
        return self._outside(self.mean)

    def sample(self, noise: jax.Array) -> jax.Array:
        normal = numbers(jax.random.normal, noise, self.mean.shape[-1])
        return self._outside(self.mean + jnp.exp(self.log_std) * normal)

    def log_prob(self, action: jax.Array) -> jax.Array:
        standard = (jnp.reshape(action, self.mean.shape) - self.mean) * jnp.exp(-self.log_std)
        return jnp.sum(-0.5 * standard**2 - self.log_std - 0.5 * math.log(2 * math.pi), axis=-1)

    def entropy(self) -> jax.Array:
        return jnp.sum(self.log_std + 0.5 * math.log(2 * math.pi * math.e), axis=-1)

    def kl(self, other: Distribution) -> jax.Array:
        other = other.marginal
        assert isinstance(other, DiagonalGaussian)
        ratio = jnp.exp(2 * (self.log_std - other.log_std))
        distance = ((self.mean - other.mean) * jnp.exp(-other.log_std)) ** 2
        return jnp.sum(other.log_std - self.log_std + 0.5 * (ratio + distance - 1), axis=-1)

    def _outside(self, event: jax.Array) -> jax.Array:
        return jnp.reshape(event, (*event.shape[:-1], *self.shape))


def expln(x: jax.Array) -> jax.Array:
    """The logarithm of eˣ where x ≤ 0, and of log(1 + x) + 1 above: a deviation that grows slowly with x, and smoothly.

    Raffin et al. 2021, arXiv:2005.05719, as in Stable-Baselines3 (use_expln).
    """
    above = jnp.log1p(jnp.log1p(jnp.maximum(x, 0.0)))
    return jnp.where(x > 0, above, x)


class StateDependentGaussian(Distribution):
    """A normal whose noise is linear in features of the state: mean + θ·φ(s), with θ ~ N(0, σ²) element by element.

    While θ is held, the noise is a smooth function of the state; over all θ, actions are independent normals with
    variance Σ_f σ² φ_f(s)², and that is the density which is learnt from. Generalised state-dependent exploration:
    Raffin, Kober & Stulp 2021, arXiv:2005.05719, equations 7 to 9.
    """

    mean: jax.Array  # [..., d], the Box's elements flattened
    features: jax.Array  # [..., F]: φ(s); exploration does not train them
    log_std: jax.Array  # [F, d]: log σ
    shape: tuple[int, ...] = eqx.field(static=True)  # of an action

    @property
    def marginal(self) -> DiagonalGaussian:
        """The distribution over all θ."""
        variance = jax.lax.stop_gradient(self.features) ** 2 @ jnp.exp(2 * self.log_std)
        return DiagonalGaussian(self.mean, 0.5 * jnp.log(variance + 1e-6), self.shape)

    def mode(self) -> jax.Array:
        return self.marginal.mode()

    def sample(self, noise: jax.Array) -> jax.Array:
        """`noise` are keys `[...]` of θ: as numbers, the θ of a whole block of steps would fill the memory."""

        def deviation(key: jax.Array, features: jax.Array) -> jax.Array:
            return features @ (
                jnp.exp(self.log_std) * jax.random.normal(key, self.log_std.shape, dtype=jnp.float32)
            )

        event = self.mean + jnp.vectorize(deviation, signature="(),(f)->(d)")(noise, self.features)
        return jnp.reshape(event, (*event.shape[:-1], *self.shape))

    def log_prob(self, action: jax.Array) -> jax.Array:
        return self.marginal.log_prob(action)

    def entropy(self) -> jax.Array:
        return self.marginal.entropy()

    def kl(self, other: Distribution) -> jax.Array:
        return self.marginal.kl(other)
