"""Spaces and values across the border to Gymnasium: float64 becomes float32, and all counts start from 0."""

from __future__ import annotations

from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np

from operant import spaces
from operant.envs.gymnasium_values import brief, is_whole, what, whole_bounds
from operant.types import PyTree

SUPPORTED = "Box, Discrete, MultiDiscrete, MultiBinary, Dict and Tuple"


def space_from_gymnasium(space: gym.Space) -> spaces.Space:
    """The same space in operant's vocabulary.

    Floats become float32, integers int32, uint8 stays; `Discrete` and `MultiDiscrete` count from 0; several
    axes of a `MultiDiscrete` or `MultiBinary` become one.

    Raises:
        ValueError: the space, or a part of it, is of another kind, holds nothing, or has names that are no text.
    """
    if (isinstance(space, gym.spaces.Box) and 0 in space.shape) or not getattr(space, "spaces", True):
        raise ValueError(f"operant cannot take the space {space}: there is nothing in it. Leave it out.")
    if isinstance(space, gym.spaces.Box):
        dtype = _number(space.dtype)
        return spaces.Box(_bound(space.low, dtype), _bound(space.high, dtype), space.shape, dtype.name)
    if isinstance(space, gym.spaces.Discrete):
        return spaces.Discrete(int(space.n))
    if isinstance(space, gym.spaces.MultiDiscrete):
        return spaces.MultiDiscrete(tuple(int(n) for n in space.nvec.flat))
    if isinstance(space, gym.spaces.MultiBinary):
        return spaces.MultiBinary(int(np.prod(space.shape)))
    if isinstance(space, gym.spaces.Dict):
        other = [key for key in space if not isinstance(key, str)]
        if other:
            raise ValueError(
                f"operant cannot take the space {brief(space)}: the keys of a Dict are text, and {other[0]!r} is of "
                f"type {type(other[0]).__name__}. Name it, such as {str(other[0])!r}."
            )
        return spaces.Dict.of({name: space_from_gymnasium(part) for name, part in space.items()})
    if isinstance(space, gym.spaces.Tuple):
        return spaces.Tuple(tuple(map(space_from_gymnasium, space.spaces)))
    raise ValueError(
        f"operant cannot take the space {space}: spaces are {SUPPORTED}. "
        "Turn it into one of these with gymnasium.wrappers.TransformObservation or TransformAction."
    )


def space_to_gymnasium(space: spaces.Space) -> gym.Space:
    """The Gymnasium space of the same name and values."""
    if isinstance(space, spaces.Box):
        low, high = (bound.astype(space.dtype) for bound in space.bounds)
        return gym.spaces.Box(low, high, dtype=np.dtype(space.dtype).type)
    if isinstance(space, spaces.Discrete):
        return gym.spaces.Discrete(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return gym.spaces.MultiDiscrete(list(space.nvec))
    if isinstance(space, spaces.MultiBinary):
        return gym.spaces.MultiBinary(space.n)
    if isinstance(space, spaces.Dict):
        return gym.spaces.Dict({name: space_to_gymnasium(part) for name, part in space.items})
    return gym.spaces.Tuple([space_to_gymnasium(part) for part in space.items])


def observation_to_jax(space: gym.Space, observation: PyTree) -> PyTree:
    """A copy of an observation of Gymnasium's `space`, with operant's types; any leading axes are kept."""
    if isinstance(space, gym.spaces.Dict):
        return {name: observation_to_jax(part, observation[name]) for name, part in space.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(observation_to_jax(part, o) for part, o in zip(space.spaces, observation, strict=True))
    start = getattr(space, "start", None)
    if start is not None and np.any(start):
        observation = np.asarray(observation) - start
    value = np.array(observation, _number(space.dtype))
    return value if _flat(space) else value.reshape(*value.shape[: value.ndim - len(space.shape or ())], -1)


def action_to_gym(space: gym.Space, action: PyTree) -> PyTree:
    """An action of operant's, with any leading axes, as Gymnasium's `space` declares it.

    Boxes are clipped to their bounds (and rounded if they hold integers), counts start where the space says.
    """
    if isinstance(space, gym.spaces.Dict):
        return {name: action_to_gym(part, action[name]) for name, part in space.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(action_to_gym(part, a) for part, a in zip(space.spaces, action, strict=True))
    if isinstance(space, gym.spaces.Discrete):  # the commonest, and asked for at every step
        value = np.asarray(action, space.dtype)
        return value + space.start if space.start else value
    value = np.asarray(action)
    if isinstance(space, gym.spaces.Box):
        if is_whole(space):
            return np.clip(np.rint(value), *whole_bounds(space)).astype(space.dtype)
        return np.minimum(np.maximum(value, space.low), space.high).astype(space.dtype, copy=False)
    if not _flat(space):
        value = value.reshape(*value.shape[:-1], *(space.shape or ()))
    value = value.astype(space.dtype)
    start = getattr(space, "start", None)
    return value if start is None else value + np.asarray(start, value.dtype)


def split_actions(space: gym.Space, actions: PyTree, count: int) -> list[PyTree]:
    """The `count` single actions of a batch from `action_to_gym`."""
    if isinstance(space, gym.spaces.Dict):
        parts = {name: split_actions(part, actions[name], count) for name, part in space.items()}
        return [{name: part[i] for name, part in parts.items()} for i in range(count)]
    if isinstance(space, gym.spaces.Tuple):
        columns = [split_actions(part, a, count) for part, a in zip(space.spaces, actions, strict=True)]
        return list(zip(*columns, strict=True))
    if isinstance(space, gym.spaces.Discrete):
        return actions.tolist()  # Gymnasium checks a Python int in a tenth of the time of a NumPy one
    return list(actions) if space.shape else [actions[i, ...] for i in range(count)]  # arrays, of no axes too


def first_action(space: gym.Space, actions: PyTree) -> PyTree:
    """The first of a batch from `action_to_gym`, in the types that the space declares."""
    if isinstance(space, gym.spaces.Dict):
        return {name: first_action(part, actions[name]) for name, part in space.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(first_action(part, a) for part, a in zip(space.spaces, actions, strict=True))
    return (
        actions[0] if isinstance(space, gym.spaces.Discrete) else actions[0, ...]
    )  # an array, of no axes too


def mask_size(space: gym.Space) -> int | None:
    """The number of flags in an action mask; None for actions that cannot be masked."""
    if isinstance(space, gym.spaces.Discrete):
        return int(space.n)
    if isinstance(space, gym.spaces.MultiBinary):
        return 2 * int(np.prod(space.shape))
    return int(space.nvec.sum()) if isinstance(space, gym.spaces.MultiDiscrete) else None


def flat_mask(space: gym.Space, mask: Any, *, final: bool = False) -> np.ndarray:
    """An action mask as flags `[mask_size(space)]`, True for what is possible.

    Those of a MultiDiscrete's parts are concatenated, and a MultiBinary's switches have two each, off and on, as in
    sb3-contrib; Gymnasium's tuple of them will do, and so will lists. Where nothing is possible, in one of the parts,
    all flags are up in the `final` mask of an episode, since nobody acts any more.

    Raises:
        ValueError: it has another length, holds something else than flags, or allows nothing and is not `final`.
    """
    if mask_size(space) is None:
        raise ValueError(
            f"{brief(space)} has no action masks: only Discrete, MultiDiscrete and MultiBinary have."
        )
    flags = _flags(mask)
    if flags.size != mask_size(space):
        raise ValueError(
            f"an action mask for {brief(space)} needs {mask_size(space)} flags; got {flags.size}."
        )
    if flags.dtype != bool:
        if flags.dtype.kind not in "iuf" or not np.isin(flags, (0, 1)).all():
            raise ValueError(f"an action mask holds True and False, or 1 and 0; got {what(mask)}.")
        flags = flags.astype(bool)
    if isinstance(space, gym.spaces.MultiDiscrete):
        parts = np.split(flags, np.cumsum(space.nvec.ravel())[:-1])
    else:
        parts = flags.reshape(-1, 2) if isinstance(space, gym.spaces.MultiBinary) else (flags,)
    if all(part.any() for part in parts):
        return flags.copy()
    if final:
        return np.ones_like(flags)
    raise ValueError(
        "the action mask allows no action at all. At least one must be possible while an episode goes on."
    )


def _flags(mask: Any) -> np.ndarray:
    """A mask, in whatever lists and tuples, as one row."""
    try:
        return np.asarray(mask).ravel()
    except ValueError:  # parts of different lengths
        return np.concatenate([_flags(part) for part in mask])


def kept_dtype(space: gym.Space) -> np.dtype:
    """The type that operant keeps a space's observations in."""
    return _number(space.dtype)


@cache
def _number(dtype: Any) -> np.dtype:
    if dtype == np.uint8:
        return np.dtype(np.uint8)
    return np.dtype(np.float32 if np.issubdtype(dtype, np.floating) else np.int32)


def _bound(bound: np.ndarray, dtype: np.dtype) -> spaces.Bound:
    """One number where all are equal, so that images stay small; what float32 cannot hold is infinite."""
    if dtype == np.int32:
        bound = np.clip(bound.astype(np.float64), np.iinfo(dtype).min, np.iinfo(dtype).max)
    with np.errstate(over="ignore"):
        values = bound.astype(dtype).astype(np.float64).ravel()
    if values.size and (values == values[0]).all():
        return float(values[0])
    return tuple(values.tolist())


def _flat(space: gym.Space) -> bool:
    """Whether the space has the axes here that it has there."""
    multiple = isinstance(space, gym.spaces.MultiDiscrete | gym.spaces.MultiBinary)
    return not multiple or len(space.shape or ()) == 1
