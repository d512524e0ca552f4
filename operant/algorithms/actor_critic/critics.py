"""What critics learn of the return Z(s, a): its mean, or its quantiles; and how several are made into one target.

Each of n critics puts out M numbers, `[n, …, M]`, and a kind of critic says what they mean. Targets are pessimistic:
an actor looks for actions whose value is too high, and so finds the errors of its critic.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import ReturnDistribution
from operant.ops.distributional import midpoints, quantile_huber_loss, truncated_mixture
from operant.ops.td import td_error

PolicyQ = Literal["min", "mean", "first"]


class CriticKind(eqx.Module):
    """The meaning of the M numbers."""

    @property
    def outputs(self) -> int:
        """M."""
        return 1

    @abstractmethod
    def q_values(self, output: jax.Array) -> jax.Array:
        """Q `[…]`, the mean of Z, of an output `[…, M]`."""

    def distribution(self, output: jax.Array) -> ReturnDistribution:
        """The return Z that an output `[…, M]` describes: by default M values that are equally likely."""
        return ReturnDistribution(output, jnp.full_like(output, 1 / self.outputs))

    @abstractmethod
    def pessimistic(self, output: jax.Array) -> jax.Array:
        """The return `[…, M']` that targets are made of, of the outputs `[n, …, M]` of all target critics."""

    def shifted(self, returns: jax.Array, shift: jax.Array, scale: jax.Array) -> jax.Array:
        """What describes the return shift + scale · Z, of what describes Z, `[…, M']`; shift and scale are `[…]`."""
        return shift[..., None] + scale[..., None] * returns

    @abstractmethod
    def loss(self, output: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
        """How far outputs `[n, B, M]` are from a target `[B, M']`: what to minimise, and |δ|, each `[n, B]`."""


class ExpectedValue(CriticKind):
    """Q itself, and in targets the least of all critics' (Fujimoto et al. 2018, arXiv:1802.09477, equation 10)."""

    def q_values(self, output: jax.Array) -> jax.Array:
        return output[..., 0]

    def pessimistic(self, output: jax.Array) -> jax.Array:
        return jnp.min(output, 0)

    def loss(self, output: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
        error = td_error(output, jnp.broadcast_to(target, output.shape))[..., 0]
        return jnp.square(error), jnp.abs(error)


class TruncatedQuantiles(CriticKind):
    """M quantiles, and in targets those of all critics together without the largest (Kuznetsov et al. 2020,
    arXiv:2005.04269). The loss stands for |δ|."""

    n_quantiles: int = eqx.field(static=True)
    dropped: int = eqx.field(static=True)  # of each critic

    @property
    def outputs(self) -> int:
        return self.n_quantiles

    def q_values(self, output: jax.Array) -> jax.Array:
        return jnp.mean(output, -1)

    def pessimistic(self, output: jax.Array) -> jax.Array:
        return truncated_mixture(output, self.dropped)

    def loss(self, output: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Equation 12: a mean over quantiles, where QR-DQN's loss is their sum."""
        taus = jnp.broadcast_to(midpoints(self.n_quantiles), output.shape)
        target = jnp.broadcast_to(target, (output.shape[0], *target.shape))
        loss = quantile_huber_loss(output, taus, target, 1.0) / self.n_quantiles
        return loss, loss


def policy_value(q_values: jax.Array, which: PolicyQ) -> jax.Array:
    """The value `[…]` that a policy is improved by, of all critics' `[n, …]`."""
    if which == "first":
        return q_values[0]
    return jnp.min(q_values, 0) if which == "min" else jnp.mean(q_values, 0)
