"""What critics learn of the return Z(s, a): its mean, quantiles, or probabilities; and how several make one target.

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
from operant.algorithms.value.heads import C51
from operant.ops.distributional import midpoints, quantile_huber_loss, truncated_mixture
from operant.ops.metrics import Metrics
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

    def metrics(self, target: jax.Array, mask: jax.Array) -> Metrics:
        """What there is to say about the targets `[B, M']` of samples that count, those in the mask `[B]`."""
        return {}


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


class AtomProbabilities(CriticKind):
    """Probabilities of M returns at equal distances, and in targets those of the critic whose mean is the least.

    Outputs are logits. As the critics of SimbaV2 (Lee et al. 2025, arXiv:2502.15280) and XQC (Palenicek et al. 2025,
    arXiv:2509.25174): C51's (Bellemare et al. 2017, arXiv:1707.06887), of two critics the one of clipped double
    Q-learning.
    """

    head: C51

    @property
    def outputs(self) -> int:
        return self.head.outputs

    def q_values(self, output: jax.Array) -> jax.Array:
        return self.head.q_values(output)

    def distribution(self, output: jax.Array) -> ReturnDistribution:
        return self.head.distribution(output)

    def pessimistic(self, output: jax.Array) -> jax.Array:
        least = jnp.argmin(self.q_values(output), 0)
        return self.head.returns(jnp.take_along_axis(output, least[None, ..., None], 0)[0])

    def shifted(self, returns: jax.Array, shift: jax.Array, scale: jax.Array) -> jax.Array:
        atoms = shift[..., None] + scale[..., None] * self.head.atoms(returns)
        return self.head.project(atoms, returns)

    def loss(self, output: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self.head.loss(output, jnp.broadcast_to(target, output.shape), None)

    def metrics(self, target: jax.Array, mask: jax.Array) -> Metrics:
        return self.head.metrics(target, mask)


def policy_value(q_values: jax.Array, which: PolicyQ) -> jax.Array:
    """The value `[…]` that a policy is improved by, of all critics' `[n, …]`."""
    if which == "first":
        return q_values[0]
    return jnp.min(q_values, 0) if which == "min" else jnp.mean(q_values, 0)
