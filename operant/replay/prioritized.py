"""Prioritised replay: what surprised is seen more often (Schaul et al. 2016, arXiv:1511.05952, proportional variant).

    P(i) = p_i^ζ / Σ_j p_j^ζ          w_i = (N · P(i))^−β / max_j w_j

The tree holds p^ζ, which is what `Algorithm.update` returns. N and the sum cancel in w, since the largest weight is
that of the least likely item of the batch.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.replay import sum_tree


class Drawn(eqx.Module):
    """What was drawn: indices `[B]` and, by priority, their priorities."""

    index: jax.Array
    priority: jax.Array | None = None


class Priorities(eqx.Module):
    """p^ζ of every index that can be drawn; 0 for those that cannot."""

    tree: sum_tree.Levels
    largest: jax.Array  # the largest so far: what new experience gets, so that it is seen soon

    @classmethod
    def init(cls, size: int) -> Priorities:
        return cls(sum_tree.init(size), jnp.ones((), jnp.float32))

    def insert_range(self, first: jax.Array, drawable: jax.Array) -> Priorities:
        """With new experience at the indices from `first` on; what is not `drawable` `[P]` never will be drawn."""
        new = jnp.where(drawable, self.largest, 0.0)
        return Priorities(sum_tree.set_range(self.tree, first, new), self.largest)

    def insert(self, index: jax.Array, drawable: jax.Array) -> Priorities:
        """The same for any indices `[P]`."""
        new = jnp.where(drawable, self.largest, 0.0)
        return Priorities(sum_tree.set(self.tree, index, new), self.largest)

    def sample(self, bits: jax.Array) -> Drawn:
        """Indices in proportion to their priorities, by random `uint32` numbers `[B, 2]`."""
        return Drawn(*sum_tree.find(self.tree, bits))

    def update(self, drawn: Drawn, priority: jax.Array) -> Priorities:
        """With new priorities `[B]` of what was drawn; of several for one index the largest."""
        assert drawn.priority is not None
        # What could not be drawn stays so: where nothing can be, any index was.
        priority = jnp.where(drawn.priority > 0, priority, 0.0)
        largest = jnp.maximum(self.largest, jnp.max(priority))
        return Priorities(sum_tree.update(self.tree, drawn.index, drawn.priority, priority), largest)


def importance_weights(priority: jax.Array, beta: jax.Array | float) -> jax.Array:
    """w of items `[B]` drawn in proportion to `priority`; 0 where that is 0 (nothing could be drawn)."""
    some = priority > 0
    least = jnp.min(jnp.where(some, priority, jnp.inf))
    return jnp.where(some, (least / jnp.where(some, priority, 1.0)) ** beta, 0.0)
