"""A language model with one number for each token instead of logits: a value function, or a reward model."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.language.layers import Projection
from operant.language.model import LanguageModel


class ScalarHead(eqx.Module):
    """What the model made of each token, `[..., D]`, to a number, `[...]`."""

    projection: Projection

    @classmethod
    def build(
        cls, width: int, key: jax.Array | None = None, *, deviation: float = 0.0, bias: bool = True
    ) -> ScalarHead:
        """Before learning all numbers are 0, or random ones where weights have a `deviation`, which needs a key."""
        if key is None:
            return cls(Projection(jnp.zeros((width, 1), jnp.float32), jnp.zeros(1, jnp.float32)))
        return cls(Projection.build(width, 1, key, bias=bias, deviation=deviation))

    def __call__(self, hidden: jax.Array) -> jax.Array:
        return self.projection(hidden)[..., 0]


class ScoredModel(eqx.Module):
    """A model of its own for the numbers: as a value function V(text so far), as a reward model r(whole text)."""

    model: LanguageModel
    head: ScalarHead

    def values(
        self, tokens: jax.Array, start: jax.Array | None = None, *, key: jax.Array | None = None
    ) -> jax.Array:
        """One after each token, `[N, T]`. Arguments as of `LanguageModel.hidden`."""
        return self.head(self.model.hidden(tokens, start, key=key))

    def score(
        self, tokens: jax.Array, start: jax.Array | None = None, *, key: jax.Array | None = None
    ) -> jax.Array:
        """That after the last token, `[N]`: of the whole text, which padding on the left ends in the last column."""
        return self.head(self.model.hidden(tokens, start, key=key)[:, -1])
