"""Whether a value is of a Gymnasium space: in one sentence what is wrong with it, before anything is converted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from operant.types import PyTree

LARGEST = float(np.finfo(np.float32).max)


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
            return f"{name} must be a dict with the keys {list(space)}; got {what(value)}."
        missing = [key for key in space if key not in value]
        if missing:
            return f"{name} must have the keys {list(space)}; it has {list(value)}."
        reasons = (fault(part, value[key], leading, f"{name}[{key!r}]") for key, part in space.items())
        return next((reason for reason in reasons if reason), None)
    if isinstance(space, gym.spaces.Tuple):
        if not isinstance(value, tuple | list) or len(value) != len(space.spaces):
            return f"{name} must be a tuple of {len(space.spaces)} parts; got {what(value)}."
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
        return f"{name} must hold numbers, of {brief(space)}; got {what(value)}."
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
            f"{name} holds {array.dtype}, but {brief(space)} is of whole numbers. Declare a Box of float32, or give "
            f"{np.dtype(space.dtype)}."
        )
    low, high = whole_bounds(space)
    wrong = (array < low) | (array > high)
    if not wrong.any():
        return None
    if isinstance(space, gym.spaces.Box) and ((array >= space.low) & (array <= space.high)).all():
        return (
            f"{_first(name, array, wrong)}: operant keeps whole numbers as int32. Declare a Box of float32."
        )
    return f"{_first(name, array, wrong)}, which is not in {brief(space)}."


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


def what(value: Any) -> str:
    """A value's type and itself, if short."""
    text = repr(value)
    return type(value).__name__ + (f" {text}" if len(text) <= 60 else "")


OLD = (
    "Environments of Gym before 0.26 gave four: with the package shimmy, "
    "gymnasium.make('GymV21Environment-v0', env=env) turns one into an environment of today."
)


def step_fault(result: Any) -> str | None:
    """What keeps the result of `step` from being one: five values, the last of them a dict."""
    if not isinstance(result, tuple | list) or len(result) != 5:
        got = f"{len(result)} values" if isinstance(result, tuple | list) else what(result)
        return f"step() must return (observation, reward, terminated, truncated, info); got {got}. {OLD}"
    return info_fault(result[4])


def reset_fault(result: Any) -> str | None:
    """What keeps the result of `reset` from being one."""
    if not isinstance(result, tuple | list) or len(result) != 2 or not isinstance(result[1], Mapping):
        got = f"{len(result)} values" if isinstance(result, tuple) and len(result) != 2 else what(result)
        return f"reset() must return (observation, info), info being a dict; got {got}. {OLD}"
    return None


def info_fault(info: Any) -> str | None:
    return None if isinstance(info, Mapping) else f"info is {what(info)}; it must be a dict, if an empty one."


def reward_fault(reward: Any) -> str | None:
    """What keeps a value from being a reward: one number, finite in float32."""
    try:
        array = np.asarray(reward)
    except ValueError:
        return f"reward is {what(reward)}; it must be one number."
    if array.dtype.kind not in "biuf":
        return f"reward is {what(reward)}; it must be one number."
    if array.shape != ():
        return f"reward has shape {array.shape}; it must be one number, such as float(reward.sum())."
    finite = -LARGEST <= array <= LARGEST
    return None if finite else f"reward is {array}; it must be a finite number of float32."


def flag_fault(name: str, flag: Any) -> str | None:
    """What keeps a value from being a flag: True or False, or 1 or 0 as whole numbers."""
    array = np.asarray(flag) if isinstance(flag, bool | int | np.generic | np.ndarray) else None
    if (
        array is not None
        and array.shape == ()
        and (array.dtype == bool or (array.dtype.kind in "iu" and array in (0, 1)))
    ):
        return None
    return f"{name} is {what(flag)}; it must be True or False."


def brief(space: gym.Space) -> str:
    """A space in one line, the middle left out where it is long."""
    text = " ".join(str(space).split())
    return text if len(text) <= 100 else f"{text[:60]} … {text[-36:]}"
