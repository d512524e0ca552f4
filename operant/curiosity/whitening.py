"""Observations on a common scale, pixels too, as a fixed random network needs them."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.ops.normalization import Moments
from operant.spaces import Box, Dict, Space, Tuple, example
from operant.types import PyTree

_CLIP = 5.0
_EPSILON = 1e-8


class Whitening(eqx.Module):
    """Every element of a Box shifted and scaled by its running mean and deviation, and clipped to ±5.

    Burda, Edwards, Storkey & Klimov 2018, section 2.4. Choices, which become one-hot, are left as they are. Switched
    off (`moments` is None) it costs nothing.
    """

    moments: tuple[Moments | None, ...] | None

    @classmethod
    def build(cls, space: Space, enabled: bool) -> Whitening:
        if not enabled:
            return cls(None)
        parts = zip(jax.tree.leaves(_boxes(space)), jax.tree.leaves(example(space)), strict=True)
        return cls(tuple(Moments.of_shape(x.shape) if box else None for box, x in parts))

    def __call__(self, observation: PyTree) -> PyTree:
        """Observations with any leading axes, whitened."""
        if self.moments is None:
            return observation
        leaves, structure = jax.tree.flatten(observation)
        pairs = zip(leaves, self.moments, strict=True)
        return structure.unflatten(leaf if m is None else _whitened(leaf, m) for leaf, m in pairs)

    def update(self, observation: PyTree, weight: jax.Array) -> Whitening:
        """With fresh observations `[…]` of weights `[…]` added."""
        if self.moments is None:
            return self
        pairs = zip(jax.tree.leaves(observation), self.moments, strict=True)
        return Whitening(tuple(m and m.merge(leaf.astype(jnp.float32), weight) for leaf, m in pairs))


def _whitened(value: jax.Array, moments: Moments) -> jax.Array:
    mean, deviation = (
        jnp.broadcast_to(x, value.shape) for x in (moments.mean, jnp.sqrt(moments.variance + _EPSILON))
    )
    return jnp.clip((value.astype(jnp.float32) - mean) / deviation, -_CLIP, _CLIP)


def _boxes(space: Space) -> PyTree:
    """Which leaves of an observation are of a Box, in the structure of the observation."""
    if isinstance(space, Dict):
        return {name: _boxes(part) for name, part in space.items}
    if isinstance(space, Tuple):
        return tuple(_boxes(part) for part in space.items)
    return isinstance(space, Box)
