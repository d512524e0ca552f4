"""States held out to watch values on, collected by the random policy (Mnih et al. 2013, section 5.1)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.ops.exploration import best_value
from operant.ops.metrics import Masked
from operant.spaces import example
from operant.types import EnvSpec, PyTree, Transition


class HeldOut(eqx.Module):
    """The first K states of a run, whose actions are always taken at random as long as no more of them are wanted."""

    observation: PyTree  # [K, …]
    action_mask: PyTree  # [K, A] or None
    count: jax.Array  # int32: how many there are yet

    @classmethod
    def build(cls, spec: EnvSpec, size: int, actions: int) -> HeldOut:
        """Room for `size` states."""
        observation = jax.tree.map(
            lambda x: jnp.zeros((size, *x.shape), x.dtype), example(spec.observation_space)
        )
        mask = jnp.ones((size, actions), bool) if spec.masked else None
        return cls(observation, mask, jnp.zeros((), jnp.int32))

    def add(self, transition: Transition) -> HeldOut:
        """With states `[T, N, …]` added, as long as there is room."""
        valid = transition.mask.reshape(-1)
        index = jnp.where(valid, self.count + jnp.cumsum(valid) - 1, jnp.iinfo(jnp.int32).max)

        def write(held: jax.Array, new: jax.Array) -> jax.Array:
            return held.at[index].set(new.reshape(-1, *new.shape[2:]).astype(held.dtype), mode="drop")

        seen = (transition.observation, transition.action_mask)
        observation, mask = jax.tree.map(write, (self.observation, self.action_mask), seen)
        room = len(jax.tree.leaves(observation)[0])
        return HeldOut(observation, mask, jnp.minimum(self.count + jnp.sum(valid), room))

    def average_max(self, q: jax.Array) -> Masked:
        """The mean over the states there are of the largest of their values `[K, A]`; absent while there is none."""
        there = jnp.arange(len(q)) < self.count
        total = jnp.sum(jnp.where(there, best_value(q, self.action_mask), 0.0))
        return Masked(total / jnp.maximum(self.count, 1), self.count > 0)
