"""What DQN learns of the return Z(s, a): its mean, or its distribution in one of three forms.

The network puts out M numbers for each action, `[…, A, M]`; a head says what they mean. Leading axes `…` are those of
a minibatch. `taus` are the fractions τ at which a quantile function is looked at, `[…, M]`; None for the heads whose
network is given none.
"""

from __future__ import annotations

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms.base import ReturnDistribution
from operant.ops.distributional import categorical_projection, midpoints, quantile_huber_loss
from operant.ops.returns import weighted_mean
from operant.ops.td import td_error


class Head(eqx.Module):
    """The meaning of the M numbers. `ExpectedValue` needs only `q_values` and `loss`."""

    @property
    def outputs(self) -> int:
        """M, as far as it is the network's; 1 where it is the number of fractions τ that the network is given."""
        return 1

    @property
    def cosines(self) -> int:
        """How many cosines of a fraction τ the network embeds; 0 where it is given none."""
        return 0

    def sample_taus(
        self, key: jax.Array, leading: tuple[int, ...]
    ) -> tuple[jax.Array | None, jax.Array | None]:
        """`(taus, target_taus)` `[*leading, M]`, at which the online and the target network are looked at."""
        return None, None

    def policy_taus(self, leading: tuple[int, ...]) -> jax.Array | None:
        """The taus `[*leading, M]` over which Q is averaged when an action is chosen."""
        return None

    @abstractmethod
    def q_values(self, output: jax.Array) -> jax.Array:
        """Q `[…, A]`, the mean of Z, of an output `[…, A, M]`."""

    def returns(self, output: jax.Array) -> jax.Array:
        """The output as numbers `[…, A, M]` that describe Z, and whose average over actions describes a mixture."""
        return output

    def distribution(self, output: jax.Array) -> ReturnDistribution:
        """The return Z that an output `[…, M]` describes: by default M values that are equally likely."""
        return ReturnDistribution(output, jnp.full_like(output, 1 / output.shape[-1]))

    def atoms(self, returns: jax.Array) -> jax.Array:
        """The values z that Z takes, where `returns` `[…, M]` describe it; they broadcast with that shape."""
        return returns

    def project(self, atoms: jax.Array, returns: jax.Array) -> jax.Array:
        """What describes a return `[…, M]` that takes other values than Z, `atoms`, with Z's probabilities."""
        return atoms

    @abstractmethod
    def loss(
        self, output: jax.Array, target: jax.Array, taus: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """How far an output `[…, M]` is from a target `[…, M']`: what to minimise, and |δ| for priorities, `[…]`."""

    def metrics(self, target: jax.Array, mask: jax.Array) -> dict[str, jax.Array]:
        """What there is to say about the targets `[…, M']` of samples that count, those in the mask `[…]`."""
        return {}


class ExpectedValue(Head):
    """Q itself. |δ| is the size of the TD error (Schaul et al. 2016, arXiv:1511.05952, section 3.3)."""

    loss_function: str = eqx.field(static=True)

    def q_values(self, output: jax.Array) -> jax.Array:
        return output[..., 0]

    def loss(
        self, output: jax.Array, target: jax.Array, taus: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        error = optax.huber_loss if self.loss_function == "huber" else optax.l2_loss
        return error(output, target)[..., 0], jnp.abs(td_error(output, target))[..., 0]


class C51(Head):
    """Probabilities of M returns at equal distances (Bellemare et al. 2017, arXiv:1707.06887, algorithm 1).

    Outputs are logits. The loss is the cross-entropy with the projected target, and their KL divergence stands for |δ|
    (Hessel et al. 2018, section "The Integrated Agent").
    """

    n_atoms: int = eqx.field(static=True)
    v_min: jax.Array | float
    v_max: jax.Array | float

    @property
    def outputs(self) -> int:
        return self.n_atoms

    @property
    def support(self) -> jax.Array:
        """The returns z, `[M]`."""
        return jnp.linspace(self.v_min, self.v_max, self.n_atoms, dtype=jnp.float32)

    def q_values(self, output: jax.Array) -> jax.Array:
        return self.returns(output) @ self.support

    def returns(self, output: jax.Array) -> jax.Array:
        return jax.nn.softmax(output)

    def atoms(self, returns: jax.Array) -> jax.Array:
        return jnp.reshape(self.support, (1,) * (returns.ndim - 1) + (-1,))

    def distribution(self, output: jax.Array) -> ReturnDistribution:
        return ReturnDistribution(jnp.broadcast_to(self.support, output.shape), self.returns(output))

    def project(self, atoms: jax.Array, returns: jax.Array) -> jax.Array:
        return categorical_projection(atoms, returns, self.support)

    def loss(
        self, output: jax.Array, target: jax.Array, taus: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        cross_entropy = -jnp.sum(target * jax.nn.log_softmax(output), -1)
        entropy = jnp.sum(jax.scipy.special.entr(target), -1)
        # Rounded, the divergence of two equal distributions may be below 0, and its power as a priority not a number.
        return cross_entropy, jnp.maximum(cross_entropy - entropy, 0.0)

    def metrics(self, target: jax.Array, mask: jax.Array) -> dict[str, jax.Array]:
        """How much of the returns lies at the ends of the support, where all that is outside of it ends up."""
        return {
            "train/target_at_v_min": weighted_mean(target[..., 0], mask),
            "train/target_at_v_max": weighted_mean(target[..., -1], mask),
        }


class Quantiles(Head):
    """M quantiles, which are equally likely and so average to Q; their loss stands for |δ|."""

    kappa: jax.Array | float

    @abstractmethod
    def taus_of(self, given: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        """τ `[…, M]` of each number of an output of this shape; `given` are those that the network was given."""

    def q_values(self, output: jax.Array) -> jax.Array:
        return jnp.mean(output, -1)

    def loss(
        self, output: jax.Array, target: jax.Array, taus: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        loss = quantile_huber_loss(output, self.taus_of(taus, output.shape), target, self.kappa)
        return loss, loss


class QuantileRegression(Quantiles):
    """QR-DQN: quantiles at the middles of M equal parts (Dabney et al. 2018, arXiv:1710.10044, algorithm 1)."""

    n_quantiles: int = eqx.field(static=True)

    @property
    def outputs(self) -> int:
        return self.n_quantiles

    def taus_of(self, given: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        return jnp.broadcast_to(midpoints(self.n_quantiles), shape)


class ImplicitQuantiles(Quantiles):
    """IQN: the quantile at any fraction τ that the network is given (Dabney et al. 2018, arXiv:1806.06923).

    Fractions to learn at are sampled anew each time. Actions are chosen by the mean over K of them as in equation 3,
    at the middles of K equal parts rather than sampled, so that a policy is a function of what it sees.
    """

    n_taus: int = eqx.field(static=True)  # N
    n_target_taus: int = eqx.field(static=True)  # N'
    n_policy_taus: int = eqx.field(static=True)  # K
    n_cosines: int = eqx.field(static=True)

    @property
    def cosines(self) -> int:
        return self.n_cosines

    def sample_taus(self, key: jax.Array, leading: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
        both = jax.random.uniform(key, (*leading, self.n_taus + self.n_target_taus), dtype=jnp.float32)
        return both[..., : self.n_taus], both[..., self.n_taus :]

    def policy_taus(self, leading: tuple[int, ...]) -> jax.Array:
        return jnp.broadcast_to(midpoints(self.n_policy_taus), (*leading, self.n_policy_taus))

    def taus_of(self, given: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        assert given is not None
        return given
