"""Tile coding (Albus 1975; Sutton & Barto 2018, section 9.5.4): a real vector as a few of many binary features.

Several grids cover the space, each shifted by its own part of a tile; a vector lies in one tile of each. Shifts are
asymmetric, in the proportions 1 : 3 : 5 : … of the dimensions, which leaves the fewest artefacts.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.spaces import Box, Space, describe


class Features(eqx.Module):
    """The features that are not 0; or all of them, as a vector."""

    index: jax.Array  # […, K] int32
    value: jax.Array  # […, K]


class TileCoding(eqx.Module):
    """`tilings` grids of `tiles` tiles along each dimension of a bounded Box of D numbers.

    The vector of features has length 1: each active one is 1/√tilings, so that a step size is the fraction of an error
    that one step removes, for any number of tilings.
    """

    tilings: int = eqx.field(default=8, static=True)
    tiles: int = eqx.field(default=8, static=True)

    def size(self, space: Space) -> int:
        """How many features there are. Raises ValueError for a space that no grid covers."""
        if not isinstance(space, Box) or not space.bounded:
            raise ValueError(
                f"Tile coding needs a Box with finite bounds; observations are {describe(space)}. Pass features "
                "of your own, or use q-learning with --wrappers discretize-observation:8:-1:1, or DQN."
            )
        return self.tilings * (self.tiles + 1) ** int(np.prod(space.shape))

    def __call__(self, space: Box, observation: jax.Array) -> Features:
        """The active tiles of observations `[…, *shape]`, K = tilings of them."""
        low, high = (bound.reshape(-1).astype(np.float32) for bound in space.bounds)
        size = len(low)
        place = observation.reshape(*observation.shape[: observation.ndim - len(space.shape)], 1, size)
        place = jnp.clip((place - _rows(low, place)) / _rows(high - low, place), 0.0, 1.0) * self.tiles
        tiling = np.arange(self.tilings)[:, None]
        shift = (tiling * (2 * np.arange(size) + 1) % self.tilings / self.tilings).astype(np.float32)
        shift = jnp.broadcast_to(shift, (*place.shape[:-2], self.tilings, size))
        # A number at its upper bound belongs to the last tile.
        tile = jnp.minimum(jnp.floor(jnp.minimum(place, self.tiles - 1e-4) + shift), self.tiles).astype(
            jnp.int32
        )
        radix = (self.tiles + 1) ** np.arange(size)
        flat = jnp.sum(tile * _rows(radix.astype(np.int32), tile), -1)
        first = np.arange(self.tilings, dtype=np.int32) * (self.tiles + 1) ** size
        index = flat + jnp.broadcast_to(first, flat.shape)
        return Features(index, jnp.full(index.shape, self.tilings**-0.5, jnp.float32))


def _rows(vector: np.ndarray, like: jax.Array) -> jax.Array:
    return jnp.broadcast_to(vector, like.shape)
