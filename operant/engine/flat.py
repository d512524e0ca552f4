"""Trees as short lists of plain arrays, which is how they cross into compiled functions at the least cost.

For a small network, walking trees of modules, wrapping random keys and handing over dozens of arrays at every call
would take longer than the call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from operant.engine.run import Run
from operant.types import PyTree

SMALL = 2**15  # numbers: up to so many, copying an array takes less time than handing it over by itself

Shapes = tuple[tuple[int, ...], ...]


class Layout(NamedTuple):
    """How the list of its arrays becomes a tree again."""

    structure: Any
    keys: dict[int, Any]  # which of its leaves are the data of random keys, and of which kind
    packed: dict[int, tuple[int, ...]]  # which lie behind each other in the first array, and their shapes

    @property
    def alone(self) -> list[int]:
        """Which of the tree's leaves are arrays of their own, in order."""
        return [place for place in range(self.structure.num_leaves) if place not in self.packed]

    def tree(self, arrays: Sequence) -> PyTree:
        """The tree of these arrays."""
        leaves: list = [None] * self.structure.num_leaves
        if self.packed:
            together, *arrays = arrays
            for place, leaf in zip(self.packed, _unpack(together, tuple(self.packed.values())), strict=True):
                leaves[place] = leaf
        for place, array in zip(self.alone, arrays, strict=True):
            kind = self.keys.get(place)
            leaves[place] = array if kind is None else jax.random.wrap_key_data(array, impl=kind)
        return self.structure.unflatten(leaves)

    def arrays(self, tree: PyTree) -> list:
        """The arrays of a tree of this layout."""
        leaves = jax.tree.leaves(tree)
        alone = [
            jax.random.key_data(leaves[place]) if place in self.keys else leaves[place]
            for place in self.alone
        ]
        if not self.packed:
            return alone
        return [_pack([leaves[place] for place in self.packed], tuple(self.packed.values())), *alone]


@partial(jax.jit, static_argnames="shapes")
def _unpack(together: jax.Array, shapes: Shapes) -> list[jax.Array]:
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = jnp.split(together, ends[:-1], axis=-1)
    return [part.reshape(*together.shape[:-1], *shape) for part, shape in zip(parts, shapes, strict=True)]


@partial(jax.jit, static_argnames="shapes")
def _pack(parts: list[jax.Array], shapes: Shapes) -> jax.Array:
    leading = parts[0].shape[: parts[0].ndim - len(shapes[0])]
    return jnp.concatenate([part.reshape(*leading, -1) for part in parts], -1)


def flatten(tree: PyTree) -> tuple[list, Layout]:
    """The arrays of a tree, random keys as their data, and how they go together again."""
    layout = _layout(tree)
    return layout.arrays(tree), layout


def _layout(tree: PyTree) -> Layout:
    leaves, structure = jax.tree.flatten(tree)
    keys = {
        place: jax.random.key_impl(leaf)
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    }
    return Layout(structure, keys, {})


class FlatRun:
    """A run as the list of its arrays, which learning replaces; the small ones of what is learnt lie in the first."""

    def __init__(self, run: Run) -> None:
        several = run.iteration.ndim  # 1 if there is an axis of seeds
        state = jax.tree.leaves(run.state)  # first in a run
        packed = {
            place: leaf.shape[several:]
            for place, leaf in enumerate(state)
            if leaf.dtype == jnp.float32 and math.prod(leaf.shape[several:]) <= SMALL
        }
        self.layout = _layout(run)._replace(packed=packed)
        self.arrays = self.layout.arrays(run)
        self._places: Run = self.layout.structure.unflatten(range(self.layout.structure.num_leaves))
        first = bool(packed)
        self._index = {place: first + i for i, place in enumerate(self.layout.alone)}
        wanted = jax.tree.leaves((self._places.state, self._places.clock))
        self.acting_layout = _layout((run.state, run.clock))._replace(packed=packed)
        self._acting = [0] * first + [self._index[place] for place in wanted if place not in packed]
        self.remembers = bool(jax.tree.leaves(run.carry))
        self.iteration = int(np.max(run.iteration))

    @property
    def run(self) -> Run:
        """As a tree."""
        return self.layout.tree(self.arrays)

    def part(self, of: Callable[[Run], PyTree]) -> PyTree:
        """Part of the run, of its present arrays; not of what is learnt."""
        kinds = self.layout.keys

        def leaf(place: int) -> jax.Array:
            array = self.arrays[self._index[place]]
            return jax.random.wrap_key_data(array, impl=kinds[place]) if place in kinds else array

        return jax.tree.map(leaf, of(self._places))

    @property
    def acting(self) -> list[jax.Array]:
        """The arrays of `(state, clock)`, which is what a policy needs; of `acting_layout`."""
        return [self.arrays[place] for place in self._acting]

    @property
    def state(self) -> PyTree:
        """What is learnt, as a tree."""
        return self.acting_layout.tree(self.acting)[0]
