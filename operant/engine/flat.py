"""Trees as short lists of plain arrays, which is how they cross into compiled functions at the least cost.

For a small network, walking trees of modules, wrapping random keys and handing over dozens of arrays at every call
would take longer than the call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from operant.types import PyTree

SMALL = 2**15  # numbers: copying an array of at most these takes less time than handing it over by itself
PACKED = (np.dtype(np.float32), np.dtype(np.int32))

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """How the list of its arrays becomes a tree again. Hashable, so that a compiled function may be found by it."""

    structure: Any
    keys: tuple[tuple[int, Any], ...]  # which of its leaves are the data of random keys, and of which kind
    packs: tuple[
        tuple[tuple[int, Shape], ...], ...
    ]  # the first arrays: which leaves follow each other, their shapes

    @property
    def kinds(self) -> dict[int, Any]:
        """The kind of random key by leaf."""
        return dict(self.keys)

    @property
    def alone(self) -> list[int]:
        """Which of the tree's leaves are arrays of their own, in order."""
        packed = {place for pack in self.packs for place, _ in pack}
        return [place for place in range(self.structure.num_leaves) if place not in packed]

    def tree(self, arrays: Sequence) -> PyTree:
        """The tree of these arrays; what is given as None is missing in it."""
        leaves: list = [None] * self.structure.num_leaves
        kinds = self.kinds
        packed, alone = arrays[: len(self.packs)], arrays[len(self.packs) :]
        for pack, together in zip(self.packs, packed, strict=True):
            places, shapes = zip(*pack, strict=True)
            for place, leaf in zip(places, _unpack(together, shapes), strict=True):
                leaves[place] = leaf
        for place, array in zip(self.alone, alone, strict=True):
            if array is not None and place in kinds:
                leaves[place] = jax.random.wrap_key_data(array, impl=kinds[place])
            else:
                leaves[place] = array
        return self.structure.unflatten(leaves)

    def arrays(self, tree: PyTree) -> list:
        """The arrays of a tree of this layout."""
        leaves = jax.tree.leaves(tree)
        kinds = self.kinds
        packed = [
            _pack([leaves[place] for place, _ in pack], tuple(shape for _, shape in pack))
            for pack in self.packs
        ]
        alone = [
            jax.random.key_data(leaves[place]) if place in kinds else leaves[place] for place in self.alone
        ]
        return packed + alone


@partial(jax.jit, static_argnames="shapes")
def _unpack(together: jax.Array, shapes: tuple[Shape, ...]) -> list[jax.Array]:
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = jnp.split(together, ends[:-1], axis=-1)
    return [part.reshape(*together.shape[:-1], *shape) for part, shape in zip(parts, shapes, strict=True)]


@partial(jax.jit, static_argnames="shapes")
def _pack(parts: list[jax.Array], shapes: tuple[Shape, ...]) -> jax.Array:
    leading = parts[0].shape[: parts[0].ndim - len(shapes[0])]
    return jnp.concatenate([part.reshape(*leading, -1) for part in parts], -1)


def flatten(tree: PyTree, *, pack: bool = False, several: int = 0, apart: PyTree = ()) -> tuple[list, Layout]:
    """The arrays of a tree, random keys as their data, and how they go together again.

    With `pack` its small arrays become one of each kind, except those `apart` (a part of the tree); `several` leading
    axes (those of seeds) stay.
    """
    leaves, structure = jax.tree.flatten(tree)
    keys = tuple(
        (place, jax.random.key_impl(leaf))
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    )
    excepted = {id(leaf) for leaf in jax.tree.leaves(apart)}
    packs = [
        tuple(
            (place, leaf.shape[several:])
            for place, leaf in enumerate(leaves)
            if leaf.dtype == kind and math.prod(leaf.shape[several:]) <= SMALL and id(leaf) not in excepted
        )
        for kind in PACKED * pack
    ]
    layout = Layout(structure, keys, tuple(filter(None, packs)))
    return layout.arrays(tree), layout


def layout_of(
    function: Callable[..., PyTree], *arguments: Any, pack: bool = False
) -> tuple[Layout, list[jax.ShapeDtypeStruct]]:
    """`(layout, arrays' shapes)` of what a function gives, of which nothing is computed."""
    found: list[Layout] = []

    def traced(*arguments: Any) -> list:
        arrays, layout = flatten(function(*arguments), pack=pack)
        found.append(layout)
        return arrays

    shapes = jax.eval_shape(traced, *arguments)
    return found[0], shapes


def as_bytes(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """T rows of the same arrays as one array of bytes `[T, B]`."""
    together = b"".join([leaf.tobytes() for row in rows for leaf in row])
    return np.frombuffer(together, np.uint8).reshape(len(rows), -1)


def from_bytes(together: jax.Array, kinds: Sequence[tuple[Shape, np.dtype]]) -> list[jax.Array]:
    """The arrays `[T, …]` of rows that `as_bytes` put together, of these shapes and dtypes."""
    ends = np.cumsum([math.prod(shape) * dtype.itemsize for shape, dtype in kinds])
    parts = jnp.split(together, ends[:-1], axis=1)
    return [_typed(part, shape, dtype) for part, (shape, dtype) in zip(parts, kinds, strict=True)]


def _typed(part: jax.Array, shape: Shape, dtype: np.dtype) -> jax.Array:
    if dtype.kind == "b":
        return part.reshape(-1, *shape).astype(bool)
    single = part.reshape(len(part), *shape, *[dtype.itemsize] * (dtype.itemsize > 1))
    return jax.lax.bitcast_convert_type(single, dtype)


class Block(NamedTuple):
    """Randomness drawn at once, leaves `[block, …]`: that of the steps or iterations from a first number on."""

    first: int
    leaves: list
    layout: Layout


@cache
def number(index: int) -> jax.Array:
    """An index into a block, as an array that is made once: a Python number takes 3 µs longer to hand over."""
    return jax.device_put(np.int32(index))


class Packed:
    """A tree as the list of its arrays, which a compiled function takes and gives."""

    def __init__(self, tree: PyTree, *, several: int = 0, apart: PyTree = ()) -> None:
        self.arrays, self.layout = flatten(tree, pack=True, several=several, apart=apart)
        self._places = self.layout.structure.unflatten(range(self.layout.structure.num_leaves))

    @classmethod
    def of(cls, layout: Layout, arrays: Sequence) -> Packed:
        """That of arrays that come from elsewhere; those that are not needed are None."""
        made = cls.__new__(cls)
        made.arrays, made.layout = list(arrays), layout
        made._places = layout.structure.unflatten(range(layout.structure.num_leaves))
        return made

    @property
    def tree(self) -> PyTree:
        """The tree itself."""
        return self.layout.tree(self.arrays)

    @property
    def whole(self) -> bool:
        """Whether all of its arrays are there: a compiled function that fails takes what was donated with it."""
        return not any(isinstance(array, jax.Array) and array.is_deleted() for array in self.arrays)

    def needed(self, part: Callable[[PyTree], PyTree]) -> list[bool]:
        """Which of its arrays a function needs that looks at this part of the tree only."""
        wanted = set(jax.tree.leaves(part(self._places)))
        return [True] * len(self.layout.packs) + [place in wanted for place in self.layout.alone]


def packed_jit(
    function: Callable[..., Any],
    layouts: Sequence[Layout | None],
    *,
    replaces: int | None = None,
    kept: Sequence[bool] = (),
) -> Callable[..., Any]:
    """`function(*trees)`, compiled, and called with the arrays of those arguments that have a layout.

    With `replaces` that argument is used up, and the function returns what it becomes: `(tree, others)`, of which
    arrays come back. Of its arrays those that are `kept`, a flag each, stay whole: somebody else still needs them.
    """

    def on_arrays(*arguments: Any) -> Any:
        pairs = zip(arguments, layouts, strict=True)
        trees = [x if layout is None else layout.tree(x) for x, layout in pairs]
        if replaces is None:
            return function(*trees)
        layout = layouts[replaces]
        assert layout is not None
        tree, others = function(*trees)
        return layout.arrays(tree), others

    if replaces is None or not any(kept):
        return jax.jit(on_arrays, donate_argnums=() if replaces is None else (replaces,))

    def parted(used: list, whole: list, before: tuple, after: tuple) -> Any:
        return on_arrays(*before, [u if w is None else w for u, w in zip(used, whole, strict=True)], *after)

    compiled = jax.jit(parted, donate_argnums=0)

    def call(*arguments: Any) -> Any:
        pairs = list(zip(arguments[replaces], kept, strict=True))
        used, whole = [None if keep else x for x, keep in pairs], [x if keep else None for x, keep in pairs]
        return compiled(used, whole, arguments[:replaces], arguments[replaces + 1 :])

    return call
