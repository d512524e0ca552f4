"""What went wrong in somebody's algorithm, in plain words: errors of JAX, and trees that are not alike."""

from __future__ import annotations

import re
import traceback
from typing import Any

import jax
import numpy as np

from operant.engine.files import is_key, leaf_names
from operant.types import PyTree

_TRACED = (
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.TracerArrayConversionError,
    jax.errors.ConcretizationTypeError,
)
ROUNDING = 1e-4  # relative: what another order of roundings makes of numbers in one iteration, at most
MOST = 4  # leaves that are named


class FaultError(Exception):
    """Something that an algorithm does and must not, said in a sentence."""


def of_error(error: Exception) -> str:
    """An exception as a sentence or two, with the line of the algorithm where it was raised."""
    where = _where(error)
    if isinstance(error, FaultError):
        return str(error)
    if isinstance(error, _TRACED):
        return (
            f"Python asks for the value of a number that is not known while the program is compiled{where}. A "
            "hyperparameter that decides about a size or a branch is declared static(…); otherwise use jnp.where or "
            "jax.lax.cond."
        )
    text = str(error).strip().split("\n\n")[0]
    return text + where if isinstance(error, ValueError) else f"{type(error).__name__}: {text}{where}"


def _where(error: Exception) -> str:
    """The last line that is neither operant's nor of an installed package."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not re.search(r"site-packages|[/\\]operant[/\\]|<frozen|[/\\]lib[/\\]python", frame.filename):
            return f" ({frame.filename.rpartition('/')[2]}, line {frame.lineno})"
    return ""


def shape(leaf: Any) -> str:
    """`float32 [3, 4]`, or what something is that is no array."""
    if not is_array(leaf):
        return f"{leaf!r}, which is no array" if isinstance(leaf, bool | int | float | str) else _kind(leaf)
    return f"{leaf.dtype} {list(leaf.shape)}"


def is_array(leaf: Any) -> bool:
    """Whether JAX can carry it through a compiled program as it is."""
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}, which is no array"


def require_arrays(what: str, tree: PyTree) -> None:
    """Raise FaultError naming the leaves that are not arrays."""
    wrong = [
        f"{name} is {shape(leaf)}"
        for name, leaf in zip(leaf_names(tree), jax.tree.leaves(tree), strict=True)
        if not is_array(leaf)
    ]
    if wrong:
        raise FaultError(
            f"{what}: every leaf must be an array, but {listed(wrong)}. Make a number an array (jnp.zeros((), …)), and "
            "declare whatever never changes, such as an activation function, as a static field of its module."
        )


def require_alike(what: str, before: PyTree, after: PyTree, remedy: str) -> None:
    """Raise FaultError saying how `after` differs from `before` in structure, shapes or dtypes."""
    if jax.tree.structure(before) != jax.tree.structure(after):
        one, other = set(leaf_names(before)), set(leaf_names(after))
        missing, new = sorted(one - other), sorted(other - one)
        parts = [f"{listed(missing)} missing"] * bool(missing) + [f"{listed(new)} new"] * bool(new)
        said = " and ".join(parts) or f"{type(before).__name__} became {type(after).__name__}"
        raise FaultError(f"{what} has another structure than before: {said}. {remedy}")
    wrong = [
        f"{name} was {shape(old)} and is {shape(new)}"
        for name, old, new in zip(
            leaf_names(before), jax.tree.leaves(before), jax.tree.leaves(after), strict=True
        )
        if (np.shape(old), _dtype(old)) != (np.shape(new), _dtype(new))
    ]
    if wrong:
        raise FaultError(f"{what} has another shape or type than before: {listed(wrong)}. {remedy}")


def _dtype(leaf: Any) -> Any:
    return jax.numpy.result_type(leaf)


def listed(names: list[str]) -> str:
    """The first few of them."""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def kept(tree: PyTree) -> PyTree:
    """A copy in NumPy, since the loops use up what they are given."""
    return jax.tree.map(
        lambda x: np.array(jax.random.key_data(x) if is_key(x) else x),
        tree,
    )


def unequal(one: PyTree, other: PyTree) -> list[str]:
    """The names of the leaves that differ in any bit."""
    one, other = kept(one), kept(other)
    pairs = zip(leaf_names(one), jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return [name for name, a, b in pairs if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")]


def close(one: PyTree, other: PyTree, tolerance: float = ROUNDING) -> bool:
    """Whether they differ by roundings alone."""
    pairs = zip(jax.tree.leaves(kept(one)), jax.tree.leaves(kept(other)), strict=True)
    return all(
        np.allclose(a, b, tolerance, tolerance) if a.dtype.kind == "f" else np.array_equal(a, b)
        for a, b in pairs
    )
