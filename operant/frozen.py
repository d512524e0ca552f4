"""Arrays that an algorithm uses and nobody learns: a reference model, a reward model, features learnt elsewhere."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.fields import FileError, blamed
from operant.lazy import Table
from operant.types import PyTree

ARRAYS = "frozen/"  # how the names of its arrays begin in a model file
_ARRAY = "array"  # in the description of a structure
# Modules that a file can describe, by what it calls them. A class has `described()`, its values as JSON or None where
# these do not say all, and `like(values)`, the shapes of one that has them.
MODULES: Table[Any] = Table({"language_model": "operant.language.model:LanguageModel"})


def _as_arrays(tree: PyTree) -> PyTree:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not isinstance(leaf, jax.Array | np.ndarray | np.generic | bool | int | float):
            where = jax.tree_util.keystr(path) or "the tree"
            raise TypeError(
                f"Frozen holds arrays; {where} is {type(leaf).__name__}. Mark it as a static field of its module."
            )
    return jax.tree.map(jnp.asarray, tree)


class Frozen(eqx.Module):
    """A pytree of arrays as a field of an algorithm: `reference: Frozen`.

    It is handed to compiled programs as it is, like a hyperparameter: neither built into them, nor donated, nor copied
    for every seed. It is no part of the state, so that no gradient, optimiser or checkpoint sees it. A model file
    holds it once, and a run's directory once for all its checkpoints.
    """

    tree: PyTree = eqx.field(converter=_as_arrays)

    @property
    def value(self) -> PyTree:
        """The tree, which gradients do not pass."""
        return jax.tree.map(jax.lax.stop_gradient, self.tree)

    @property
    def arrays(self) -> dict[str, jax.Array]:
        """Its arrays, by readable names."""
        leaves = jax.tree_util.tree_leaves_with_path(self.tree)
        return {jax.tree_util.keystr(path) or "value": leaf for path, leaf in leaves}

    @property
    def sha256(self) -> str:
        """Of its arrays, with their names."""
        return _sha256(self)

    def to_json(self) -> dict[str, Any]:
        """What it is, for a configuration: the SHA-256 of its arrays, and their structure where that can be said.

        That is so of dicts, lists, tuples, arrays and the classes in `MODULES`. Of modules of yours the code would have
        to be found again: None.
        """
        return {"frozen": self.sha256, "structure": _structure(self.tree)}

    def filled(self, arrays: Mapping[str, np.ndarray], sha256: str) -> Frozen:
        """One of this structure with stored arrays. Raises ValueError where they do not fit, or are others."""
        own = self.arrays
        kinds = {name: (np.shape(x), str(x.dtype)) for name, x in own.items()}
        stored = {name: (x.shape, str(x.dtype)) for name, x in arrays.items()}
        if kinds != stored:
            differing = sorted(name for name in {*kinds, *stored} if kinds.get(name) != stored.get(name))
            raise ValueError(
                f"it holds something else than what was stored: {', '.join(differing[:4])}. Pass a Frozen of the "
                "same structure, shapes and dtypes; its numbers come from the file."
            )
        made = Frozen(jax.tree.unflatten(jax.tree.structure(self.tree), [arrays[name] for name in own]))
        if _sha256(made) != sha256:
            raise FileError("its arrays do not have their SHA-256.")
        return made

    @classmethod
    def of_structure(cls, structure: Any, arrays: Mapping[str, np.ndarray], sha256: str) -> Frozen:
        """What `to_json` described, with its stored arrays. Nothing that is read is executed."""

        def build(node: Any, name: str) -> PyTree:
            match node:
                case "array" if (name or "value") in arrays:
                    return arrays[name or "value"]
                case {"dict": dict(items)}:
                    return {key: build(item, f"{name}[{key!r}]") for key, item in items.items()}
                case {"list": list(items)}:
                    return [build(item, f"{name}[{i}]") for i, item in enumerate(items)]
                case {"tuple": list(items)}:
                    return tuple(build(item, f"{name}[{i}]") for i, item in enumerate(items))
                case {"module": str(kind), "values": dict(values)} if kind in MODULES:
                    with blamed(field="structure"):
                        return _filled(MODULES[kind].like(values), arrays, name)
            raise FileError(
                f"{name} is {node!r}, which is no structure of the stored arrays.", field="structure"
            )

        return cls(build(structure, "")).filled(arrays, sha256)


def fields_of(algorithm: Any) -> dict[str, Frozen]:
    """The frozen trees of an algorithm by where they are, such as `reference`, or `network.weights` within a field."""
    return dict(_found(algorithm, ""))


def apart(tree: PyTree) -> tuple[PyTree, PyTree]:
    """`(its frozen trees, the rest)`, each with None in the other's places."""
    return eqx.partition(tree, _is_frozen, is_leaf=_is_frozen)


def together(frozen: PyTree, rest: PyTree) -> PyTree:
    """The inverse of `apart`."""
    return eqx.combine(frozen, rest, is_leaf=_is_frozen)


def _is_frozen(node: Any) -> bool:
    return isinstance(node, Frozen)


def _found(node: Any, place: str) -> Iterator[tuple[str, Frozen]]:
    if isinstance(node, Frozen):
        yield place.removeprefix("."), node
    elif is_dataclass(node) and not isinstance(node, type):
        for field in fields(node):
            yield from _found(getattr(node, field.name), f"{place}.{field.name}")


def _filled(like: PyTree, arrays: Mapping[str, np.ndarray], place: str) -> PyTree:
    """A tree of these shapes with stored arrays, whose names begin with its place."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    found = []
    for path, leaf in leaves:
        name = place + jax.tree_util.keystr(path)
        array = arrays.get(name)
        if array is None or array.shape != leaf.shape:
            raise FileError(
                f"{name} is {'missing' if array is None else array.shape}; it must be {leaf.shape}."
            )
        found.append(array)
    return structure.unflatten(found)


def _structure(tree: PyTree) -> Any:
    """A description of dicts (of text), lists, tuples and arrays as JSON values; None of anything else."""

    def described(node: PyTree) -> Any:
        if isinstance(node, jax.Array):
            return _ARRAY
        if type(node) is dict and all(isinstance(key, str) for key in node):
            return {"dict": {key: described(value) for key, value in node.items()}}
        if type(node) in (list, tuple):
            return {type(node).__name__: [described(item) for item in node]}
        module: Any = node
        for kind in MODULES.names(type(node)):
            if (values := module.described()) is not None:
                return {"module": kind, "values": values}
        raise TypeError

    try:
        return described(tree)
    except TypeError:
        return None


_known: list[
    tuple[list[weakref.ref], str]
] = []  # the last few trees with their SHA-256, which takes a second a GB


def _sha256(frozen: Frozen) -> str:
    leaves = jax.tree.leaves(frozen.tree)
    for known, digest in _known:
        if len(known) == len(leaves) and all(ref() is leaf for ref, leaf in zip(known, leaves, strict=True)):
            return digest
    running = hashlib.sha256()
    for name, leaf in frozen.arrays.items():
        running.update(f"{name} {leaf.shape} {leaf.dtype}".encode())
        running.update(np.ascontiguousarray(leaf).tobytes())
    _known.append(([weakref.ref(leaf) for leaf in leaves], running.hexdigest()))
    del _known[:-8]
    return running.hexdigest()
