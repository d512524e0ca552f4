"""What DQN learns of the return Z(s, a): its mean, or its distribution in one of three forms.

The network puts out M numbers for each action, `[…, A, M]`; a head says what they mean. Leading axes `…` are those of
a minibatch.
"""

from __future__ import annotations

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.ops.distributional import categorical_projection, midpoints, quantile_huber_loss
from operant.ops.returns import weighted_mean


class Head(eqx.Module):
    """The meaning of the M numbers. The expected return needs only `values`, `goal` and `loss`."""

    @property
    def outputs(self) -> int:
        """M, as far as it is the network's; 1 where it is the number of fractions τ that the network is given."""
        return 1

    @property
    def cosines(self) -> int:
        """How many cosines of a fraction τ the network embeds; 0 where it is given none."""
        return 0

    def draw(self, key: jax.Array, leading: tuple[int, ...]) -> tuple[jax.Array | None, jax.Array | None]:
        """Fractions `[*leading, M]` at which to learn and to look at targets; None where the network takes none."""
        return None, None

    def choosing(self, leading: tuple[int, ...]) -> jax.Array | None:
        """Fractions `[*leading, M]` at which to look when an action is chosen."""
        return None

    def distribution(self, output: jax.Array) -> jax.Array:
        """The output as numbers `[…, A, M]` whose average over actions is that of mixing their returns."""
        return output

    @abstractmethod
    def values(self, output: jax.Array) -> jax.Array:
        """Q `[…, A]`, the mean of Z, of an output `[…, A, M]`."""

    @abstractmethod
    def goal(self, following: jax.Array, reward: jax.Array, discount: jax.Array) -> jax.Array:
        """R + γ Z' `[…, M']` from the distribution of Z' `[…, M']`; `reward` and `discount` are `[…]`."""

    @abstractmethod
    def loss(
        self, output: jax.Array, goal: jax.Array, fractions: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """How far an output `[…, M]` is from a goal `[…, M']`: what to minimise, and how surprising it was, `[…]`."""

    def metrics(self, goal: jax.Array, happened: jax.Array) -> dict[str, jax.Array]:
        """What there is to say about goals `[…, M']`, where they `happened` `[…]`."""
        return {}


class ExpectedReturn(Head):
    """Q itself; its surprise is the TD error's size (Schaul et al. 2016, section 3.3)."""

    loss_function: str = eqx.field(static=True)

    def values(self, output: jax.Array) -> jax.Array:
        return output[..., 0]

    def goal(self, following: jax.Array, reward: jax.Array, discount: jax.Array) -> jax.Array:
        return (reward + discount * following[..., 0])[..., None]

    def loss(
        self, output: jax.Array, goal: jax.Array, fractions: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        error = optax.huber_loss if self.loss_function == "huber" else optax.l2_loss
        return error(output, goal)[..., 0], jnp.abs(goal - output)[..., 0]


class CategoricalReturn(Head):
    """C51: probabilities of M returns at equal distances (Bellemare et al. 2017, arXiv:1707.06887, algorithm 1).

    Outputs are logits. The loss is the cross-entropy with the projected goal, the surprise their KL divergence
    (Hessel et al. 2018, section "The Integrated Agent").
    """

    v_min: jax.Array | float
    v_max: jax.Array | float
    n_atoms: int = eqx.field(static=True)

    @property
    def outputs(self) -> int:
        return self.n_atoms

    @property
    def support(self) -> jax.Array:
        """The returns z, `[M]`."""
        return jnp.linspace(self.v_min, self.v_max, self.n_atoms, dtype=jnp.float32)

    def distribution(self, output: jax.Array) -> jax.Array:
        return jax.nn.softmax(output)

    def values(self, output: jax.Array) -> jax.Array:
        return self.distribution(output) @ self.support

    def goal(self, following: jax.Array, reward: jax.Array, discount: jax.Array) -> jax.Array:
        support = jnp.reshape(self.support, (1,) * reward.ndim + (-1,))
        atoms = reward[..., None] + discount[..., None] * support
        return categorical_projection(atoms, following, self.support)

    def loss(
        self, output: jax.Array, goal: jax.Array, fractions: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        cross_entropy = -jnp.sum(goal * jax.nn.log_softmax(output), -1)
        entropy = jnp.sum(jax.scipy.special.entr(goal), -1)
        # Rounded, the divergence of two equal distributions may be below 0, and its power as a priority no number.
        return cross_entropy, jnp.maximum(cross_entropy - entropy, 0.0)

    def metrics(self, goal: jax.Array, happened: jax.Array) -> dict[str, jax.Array]:
        """How much of the returns lies at the ends of the support, where all that is outside of it ends up."""
        return {
            "train/target_at_v_min": weighted_mean(goal[..., 0], happened),
            "train/target_at_v_max": weighted_mean(goal[..., -1], happened),
        }


class Quantiles(Head):
    """M quantiles, which are equally likely and so average to Q; their surprise is the loss."""

    kappa: jax.Array | float

    @abstractmethod
    def fractions(self, given: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        """τ `[…, M]` of each number of an output of this shape; `given` are those that the network was given."""

    def values(self, output: jax.Array) -> jax.Array:
        return jnp.mean(output, -1)

    def goal(self, following: jax.Array, reward: jax.Array, discount: jax.Array) -> jax.Array:
        return reward[..., None] + discount[..., None] * following

    def loss(
        self, output: jax.Array, goal: jax.Array, fractions: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        loss = quantile_huber_loss(output, self.fractions(fractions, output.shape), goal, self.kappa)
        return loss, loss


class QuantileReturn(Quantiles):
    """QR-DQN: quantiles at the middles of M equal parts (Dabney et al. 2018, arXiv:1710.10044, algorithm 1)."""

    n_quantiles: int = eqx.field(static=True)

    @property
    def outputs(self) -> int:
        return self.n_quantiles

    def fractions(self, given: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        return jnp.broadcast_to(midpoints(self.n_quantiles), shape)


class ImplicitQuantileReturn(Quantiles):
    """IQN: the quantile at any fraction τ that the network is given (Dabney et al. 2018, arXiv:1806.06923).

    Fractions to learn at are drawn anew each time. Actions are chosen by the mean over K of them as in equation 3,
    at the middles of K equal parts rather than drawn, so that a policy is a function of what it sees.
    """

    n_fractions: int = eqx.field(static=True)  # N
    n_target_fractions: int = eqx.field(static=True)  # N'
    n_policy_fractions: int = eqx.field(static=True)  # K
    n_cosines: int = eqx.field(static=True)

    @property
    def cosines(self) -> int:
        return self.n_cosines

    def draw(self, key: jax.Array, leading: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
        both = jax.random.uniform(
            key, (*leading, self.n_fractions + self.n_target_fractions), dtype=jnp.float32
        )
        return both[..., : self.n_fractions], both[..., self.n_fractions :]

    def choosing(self, leading: tuple[int, ...]) -> jax.Array:
        return jnp.broadcast_to(midpoints(self.n_policy_fractions), (*leading, self.n_policy_fractions))

    def fractions(self, given: jax.Array | None, shape: tuple[int, ...]) -> jax.Array:
        assert given is not None
        return given
