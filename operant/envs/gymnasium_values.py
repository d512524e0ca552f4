"""Whether a value is of a Gymnasium space: in one sentence what is wrong with it, before anything is converted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from operant.types import PyTree


def fault(
    space: gym.Space, value: PyTree, leading: tuple[int, ...] = (), name: str = "observation"
) -> str | None:
    """What keeps `value`, of shape `(*leading, *space.shape)`, from being of this space; None when nothing does.

    A value that can be converted without changing it will do: whole numbers for real ones, another precision, lists.
    Real numbers must be finite in float32, and may lie outside a Box's bounds, as some of Gymnasium's own environments
    do by a little. Whole numbers must lie within them.
    """
    if isinstance(space, gym.spaces.Dict):
        if not isinstance(value, Mapping):
            return f"{name} must be a dict with the keys {list(space)}; got {_what(value)}."
        missing = [key for key in space if key not in value]
        if missing:
            return f"{name} must have the keys {list(space)}; it has {list(value)}."
        reasons = (fault(part, value[key], leading, f"{name}[{key!r}]") for key, part in space.items())
        return next((reason for reason in reasons if reason), None)
    if isinstance(space, gym.spaces.Tuple):
        if not isinstance(value, tuple | list) or len(value) != len(space.spaces):
            return f"{name} must be a tuple of {len(space.spaces)} parts; got {_what(value)}."
        parts = enumerate(zip(space.spaces, value, strict=True))
        reasons = (fault(part, v, leading, f"{name}[{i}]") for i, (part, v) in parts)
        return next((reason for reason in reasons if reason), None)
    return _leaf_fault(space, value, (*leading, *(space.shape or ())), name)


def _leaf_fault(space: gym.Space, value: Any, shape: tuple[int, ...], name: str) -> str | None:
    try:
        array = np.asarray(value)
    except ValueError:
        return f"{name} must be an array of numbers; its rows differ in length."
    if array.dtype.kind not in "biuf":
        return f"{name} must hold numbers, of {space}; got {_what(value)}."
    if array.shape != shape:
        return f"{name} must have shape {shape}; got {array.shape}."
    if not is_whole(space):
        with np.errstate(over="ignore"):
            wrong = ~np.isfinite(array.astype(np.float32))
        return (
            f"{_first(name, array, wrong)}: it must be a finite number of float32." if wrong.any() else None
        )
    if array.dtype.kind == "f":
        return (
            f"{name} is of {array.dtype}, where {space} is of whole numbers. Declare a space of float32, or give what "
            f"the space says (observation.astype({space.dtype}))."
        )
    low, high = whole_bounds(space)
    wrong = (array < low) | (array > high)
    return f"{_first(name, array, wrong)}, which is not in {space}." if wrong.any() else None


def is_whole(space: gym.Space) -> bool:
    """Whether the values of a space that is neither a Dict nor a Tuple are whole numbers."""
    return np.dtype(space.dtype).kind in "biu"


def whole_bounds(space: gym.Space) -> tuple[Any, Any]:
    """The least and the greatest value of a space of whole numbers: one number each, or arrays of the space's shape.

    Those of a Box are as int32 at most, which is what operant keeps them as.
    """
    if isinstance(space, gym.spaces.Discrete):
        return int(space.start), int(space.start) + int(space.n) - 1
    if isinstance(space, gym.spaces.MultiDiscrete):
        return space.start, space.start + (space.nvec - 1)
    if isinstance(space, gym.spaces.Box):
        least, most = map(np.int64, (np.iinfo(np.int32).min, np.iinfo(np.int32).max))
        return np.maximum(space.low, least).astype(np.int64), np.minimum(space.high, most).astype(np.int64)
    return 0, 1


def _first(name: str, array: np.ndarray, wrong: np.ndarray) -> str:
    """The first wrong number, such as `observation[2] is nan`."""
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{name}{list(index) if index else ''} is {array[index]}"


def _what(value: Any) -> str:
    """A value's type and itself, if short."""
    text = repr(value)
    return type(value).__name__ + (f" {text}" if len(text) <= 60 else "")
