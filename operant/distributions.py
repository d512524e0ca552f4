"""Distributions over actions: what an action space's policy head samples from.

Each is a pytree of arrays with any leading axes `[...]`. Actions have the action space's own shape behind
them. Sampling is a deterministic function of noise that `draw` makes, so a whole block of noise can be drawn
outside the loop that samples.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space, describe

# Far below any logit a network produces, so that its probability underflows to exactly 0, and yet finite:
# 0 · MASKED is 0 where 0 · −∞ is NaN, in the entropy, in the divergence and in the gradients of both.
MASKED = -1e9


class Distribution(eqx.Module):
    """Over actions `[..., *shape]`, where `shape` is the action space's."""

    @abstractmethod
    def mode(self) -> jax.Array:
        """The likeliest action."""

    @abstractmethod
    def sample(self, noise: jax.Array) -> jax.Array:
        """An action, from the noise of `draw`."""

    @abstractmethod
    def log_prob(self, action: jax.Array) -> jax.Array:
        """Log-probability or log-density of a whole action, in nats: `[...]`."""

    @abstractmethod
    def entropy(self) -> jax.Array:
        """In nats: `[...]`."""

    @abstractmethod
    def kl(self, other: Distribution) -> jax.Array:
        """KL(self ‖ other) to another of the same kind, in nats: `[...]`."""

    @property
    def marginal(self) -> Distribution:
        """The same over one action by itself, with nothing that it shares with others: all leaves `[..., _]`."""
        return self


class Categorical(Distribution):
    """One of n, with probabilities softmax(logits)."""

    logits: jax.Array  # [..., n]

    @property
    def log_probabilities(self) -> jax.Array:
        return jax.nn.log_softmax(self.logits)

    def mode(self) -> jax.Array:
        return jnp.argmax(self.logits, axis=-1).astype(jnp.int32)

    def sample(self, noise: jax.Array) -> jax.Array:
        """The Gumbel-max trick: with Gumbel noise the argmax follows softmax(logits)."""
        return jnp.argmax(self.logits + noise, axis=-1).astype(jnp.int32)

    def log_prob(self, action: jax.Array) -> jax.Array:
        # Select and sum instead of indexing: the gradient of an index is a scatter, which is slow everywhere.
        chosen = jax.nn.one_hot(action, self.logits.shape[-1], dtype=bool)
        return jnp.sum(jnp.where(chosen, self.log_probabilities, 0.0), axis=-1)

    def entropy(self) -> jax.Array:
        log_p = self.log_probabilities
        return -jnp.sum(jnp.exp(log_p) * log_p, axis=-1)

    def kl(self, other: Distribution) -> jax.Array:
        assert isinstance(other, Categorical)
        log_p = self.log_probabilities
        return jnp.sum(jnp.exp(log_p) * (log_p - other.log_probabilities), axis=-1)


class MultiCategorical(Distribution):
    """Independent choices, the i-th one of `nvec[i]`; actions are `[..., len(nvec)]`."""

    logits: jax.Array  # [..., sum(nvec)]: those of the first choice, then those of the second, …
    nvec: tuple[int, ...] = eqx.field(static=True)

    def _split(self, values: jax.Array) -> list[jax.Array]:
        ends = [sum(self.nvec[: i + 1]) for i in range(len(self.nvec))]
        return [values[..., end - n : end] for n, end in zip(self.nvec, ends, strict=True)]

    @property
    def parts(self) -> list[Categorical]:
        """One distribution a choice."""
        return [Categorical(logits) for logits in self._split(self.logits)]

    def mode(self) -> jax.Array:
        return jnp.stack([part.mode() for part in self.parts], axis=-1)

    def sample(self, noise: jax.Array) -> jax.Array:
        noises = self._split(noise)
        return jnp.stack([part.sample(n) for part, n in zip(self.parts, noises, strict=True)], axis=-1)

    def log_prob(self, action: jax.Array) -> jax.Array:
        terms = [part.log_prob(action[..., i]) for i, part in enumerate(self.parts)]
        return jnp.sum(jnp.stack(terms, axis=-1), axis=-1)

    def entropy(self) -> jax.Array:
        return jnp.sum(jnp.stack([part.entropy() for part in self.parts], axis=-1), axis=-1)

    def kl(self, other: Distribution) -> jax.Array:
        assert isinstance(other, MultiCategorical)
        terms = [mine.kl(theirs) for mine, theirs in zip(self.parts, other.parts, strict=True)]
        return jnp.sum(jnp.stack(terms, axis=-1), axis=-1)


class Bernoulli(Distribution):
    """Independent switches, on with probability sigmoid(logits); actions are `[..., n]` of 0 and 1."""

    logits: jax.Array  # [..., n]

    def mode(self) -> jax.Array:
        return (self.logits > 0).astype(jnp.int32)

    def sample(self, noise: jax.Array) -> jax.Array:
        """On where logits + noise > 0: of logistic noise that is so with probability sigmoid(logits)."""
        return (self.logits + noise > 0).astype(jnp.int32)

    def log_prob(self, action: jax.Array) -> jax.Array:
        return jnp.sum(jax.nn.log_sigmoid(jnp.where(action == 1, self.logits, -self.logits)), axis=-1)

    def entropy(self) -> jax.Array:
        # −p log p − (1 − p) log(1 − p), with log(1 − p) = log p − logit.
        return jnp.sum(jax.nn.sigmoid(-self.logits) * self.logits - jax.nn.log_sigmoid(self.logits), axis=-1)

    def kl(self, other: Distribution) -> jax.Array:
        assert isinstance(other, Bernoulli)
        on = jax.nn.log_sigmoid(self.logits) - jax.nn.log_sigmoid(other.logits)
        off = jax.nn.log_sigmoid(-self.logits) - jax.nn.log_sigmoid(-other.logits)
        return jnp.sum(jax.nn.sigmoid(self.logits) * on + jax.nn.sigmoid(-self.logits) * off, axis=-1)


class DiagonalGaussian(Distribution):
    """Independent normals, not squashed: samples may lie outside the Box and are stored so."""

    mean: jax.Array  # [..., d], the Box's elements flattened
    log_std: jax.Array  # [..., d]
    shape: tuple[int, ...] = eqx.field(static=True)  # of an action

    def mode(self) -> jax.Array:
        return self._outside(self.mean)

    def sample(self, noise: jax.Array) -> jax.Array:
        return self._outside(self.mean + jnp.exp(self.log_std) * noise)

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
            return features @ (jnp.exp(self.log_std) * jax.random.normal(key, self.log_std.shape))

        event = self.mean + jnp.vectorize(deviation, signature="(),(f)->(d)")(noise, self.features)
        return jnp.reshape(event, (*event.shape[:-1], *self.shape))

    def log_prob(self, action: jax.Array) -> jax.Array:
        return self.marginal.log_prob(action)

    def entropy(self) -> jax.Array:
        return self.marginal.entropy()

    def kl(self, other: Distribution) -> jax.Array:
        return self.marginal.kl(other)


def parameters(space: Space) -> int:
    """How many numbers a policy head must put out for actions of this space.

    Raises:
        ValueError: no distribution is known for the space.
    """
    if isinstance(space, Discrete | MultiBinary):
        return space.n
    if isinstance(space, MultiDiscrete):
        return sum(space.nvec)
    if isinstance(space, Box):
        return math.prod(space.shape)
    raise ValueError(
        f"No policy head for the action space {describe(space)}: actions must be Box, Discrete, "
        "MultiDiscrete or MultiBinary. Flatten the action space with a wrapper."
    )


def from_parameters(
    space: Space,
    outputs: jax.Array,
    action_mask: jax.Array | None = None,
    log_std: jax.Array | None = None,
    features: jax.Array | None = None,
) -> Distribution:
    """The distribution over actions of `space` described by a policy head's outputs.

    Args:
        outputs: `[..., parameters(space)]`.
        action_mask: True for every possible action, of the shape of `outputs`: for MultiDiscrete the masks of
            its choices, concatenated. An action that is not possible has probability 0, and its output no
            gradient. Where nothing is possible (a state that nobody acts in) the distribution is uniform.
        log_std: of a Box, `[parameters(space)]` or of the shape of `outputs`; 0 when None.
        features: of a Box, `[..., F]`: makes exploration depend on them; `log_std` is then `[F, parameters(space)]`.

    Raises:
        ValueError: no distribution is known for the space, or a mask is given for one that takes none.
    """
    parameters(space)
    if action_mask is not None:
        if not isinstance(space, Discrete | MultiDiscrete):
            raise ValueError(
                f"An action mask needs Discrete or MultiDiscrete actions; the actions are {describe(space)}. "
                "Remove the mask from the environment."
            )
        outputs = jnp.where(action_mask.astype(bool), outputs, MASKED)
    if isinstance(space, Discrete):
        return Categorical(outputs)
    if isinstance(space, MultiDiscrete):
        return MultiCategorical(outputs, space.nvec)
    if isinstance(space, MultiBinary):
        return Bernoulli(outputs)
    assert isinstance(space, Box)
    if features is not None:
        assert log_std is not None
        return StateDependentGaussian(outputs, features, log_std, space.shape)
    log_std = jnp.zeros_like(outputs) if log_std is None else jnp.broadcast_to(log_std, outputs.shape)
    return DiagonalGaussian(outputs, log_std, space.shape)


def draw(
    space: Space, key: jax.Array, leading: tuple[int, ...] = (), *, state_dependent: bool = False
) -> jax.Array:
    """The noise `[*leading, parameters(space)]` from which `sample` makes `leading` actions of this space.

    For `state_dependent` exploration of a Box: keys `[*leading]`.
    """
    if state_dependent:
        return jax.random.split(key, leading)
    shape = (*leading, parameters(space))
    if isinstance(space, Box):
        return jax.random.normal(key, shape)
    if isinstance(space, MultiBinary):
        return jax.random.logistic(key, shape)
    return jax.random.gumbel(key, shape)
