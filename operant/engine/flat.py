"""Trees as lists of plain arrays, which is how they cross into compiled functions at the least cost.

For a small network, walking trees of modules and wrapping random keys at every call would take as long as the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from operant.engine.run import Run
from operant.types import PyTree


class Layout(NamedTuple):
    """How the list of its arrays becomes a tree again."""

    structure: Any
    keys: dict[int, Any]  # which of them are the data of random keys, and of which kind

    def tree(self, leaves: list) -> PyTree:
        """The tree of these arrays."""
        return self.structure.unflatten([self.leaf(leaves, place) for place in range(len(leaves))])

    def leaf(self, leaves: list, place: int) -> Any:
        """The leaf of the tree that is made of the array in this place."""
        kind = self.keys.get(place)
        return leaves[place] if kind is None else jax.random.wrap_key_data(leaves[place], impl=kind)


def flatten(tree: PyTree) -> tuple[list, Layout]:
    """The arrays of a tree, random keys as their data, and how they go together again."""
    leaves, structure = jax.tree.flatten(tree)
    keys = {
        place: jax.random.key_impl(leaf)
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    }
    for place in keys:
        leaves[place] = jax.random.key_data(leaves[place])
    return leaves, Layout(structure, keys)


class FlatRun:
    """A run as the list of its arrays, which learning replaces."""

    def __init__(self, run: Run) -> None:
        self.leaves, self.layout = flatten(run)
        places: Run = self.layout.structure.unflatten(range(len(self.leaves)))
        self._places = places
        self._acting, structure = jax.tree.flatten((places.state, places.clock))
        kinds = self.layout.keys
        self.acting_layout = Layout(
            structure, {i: kinds[place] for i, place in enumerate(self._acting) if place in kinds}
        )
        self.remembers = bool(jax.tree.leaves(places.carry))
        self.iteration = int(np.max(run.iteration))

    @property
    def run(self) -> Run:
        """As a tree."""
        return self.layout.tree(self.leaves)

    def part(self, of: Callable[[Run], PyTree]) -> PyTree:
        """Part of the run, of its present arrays."""
        return jax.tree.map(lambda place: self.layout.leaf(self.leaves, place), of(self._places))

    @property
    def acting(self) -> list[jax.Array]:
        """The arrays of `(state, clock)`, which is what a policy needs; of `acting_layout`."""
        return [self.leaves[place] for place in self._acting]
