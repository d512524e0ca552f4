"""Distributions over choices and switches."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.distributions.base import Distribution
from operant.ops.step_noise import numbers


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
        gumbel = numbers(jax.random.gumbel, noise, self.logits.shape[-1])
        return jnp.argmax(self.logits + gumbel, axis=-1).astype(jnp.int32)

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
        noises = self._split(numbers(jax.random.gumbel, noise, sum(self.nvec)))
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
        logistic = numbers(jax.random.logistic, noise, self.logits.shape[-1])
        return (self.logits + logistic > 0).astype(jnp.int32)

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
