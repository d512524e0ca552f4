"""Observations of N environments as arrays, looked at before they are converted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.gymnasium_spaces import kept_dtype
from operant.envs.gymnasium_values import LARGEST, is_whole, whole_bounds
from operant.types import PyTree

FLOAT32, FLOAT64, INT64 = map(np.dtype, (np.float32, np.float64, np.int64))
WHOLE = frozenset((int, np.int64, np.int32))
FEW = 16  # numbers, up to which a sum of Python's is quicker than NumPy


class Unfit(Exception):
    """An observation may not be of its space: `gymnasium_values.fault` says whether and how, and takes its time."""


Listed = Callable[[Sequence[Any]], PyTree]
Batched = Callable[[Any], PyTree]


class Reader:
    """Turns observations of a space into arrays `[N, …]` of operant's types, as copies.

    `list` takes those of N environments, one each; `batch` those that a vector environment has put together. Everything
    that is not plainly right raises `Unfit` or another error; what they let pass is right. The functions are made once
    for a space, since they are called at every step.
    """

    def __init__(self, space: gym.Space) -> None:
        self.list, self.batch = _reader(space)


def _reader(space: gym.Space) -> tuple[Listed, Batched]:
    if isinstance(space, gym.spaces.Dict):
        return _dict({name: _reader(part) for name, part in space.items()})
    if isinstance(space, gym.spaces.Tuple):
        return _tuple([_reader(part) for part in space.spaces])
    if isinstance(space, gym.spaces.Discrete):
        return _discrete(space)
    return _whole(space) if is_whole(space) else _real(space)


def _dict(parts: dict[str, tuple[Listed, Batched]]) -> tuple[Listed, Batched]:
    def listed(observations: Sequence[Any]) -> PyTree:
        return {name: read([o[name] for o in observations]) for name, (read, _) in parts.items()}

    def batched(given: Any) -> PyTree:
        return {name: read(given[name]) for name, (_, read) in parts.items()}

    return listed, batched


def _tuple(parts: list[tuple[Listed, Batched]]) -> tuple[Listed, Batched]:
    def listed(observations: Sequence[Any]) -> PyTree:
        columns = zip(*observations, strict=True)
        return tuple(read(column) for column, (read, _) in zip(columns, parts, strict=True))

    def batched(given: Any) -> PyTree:
        return tuple(read(own) for own, (_, read) in zip(given, parts, strict=True))

    return listed, batched


def _real(space: gym.Space) -> tuple[Listed, Batched]:
    """Vectors, matrices and images of real numbers, which must be finite."""
    shape = space.shape or ()
    vector = len(shape) == 1

    def require_finite(rows: np.ndarray) -> np.ndarray:
        if vector and rows.size <= FEW:
            if not -LARGEST <= sum(map(sum, rows.tolist())) <= LARGEST * FEW:
                raise Unfit
        elif np.count_nonzero(np.isfinite(rows)) != rows.size:  # quicker than .all(), and than a sum
            raise Unfit
        return rows

    def listed(observations: Sequence[Any]) -> np.ndarray:
        rows = np.empty((len(observations), *shape), FLOAT32)  # half the time of np.stack
        for i, observation in enumerate(observations):
            dtype = observation.dtype
            # An assignment would broadcast another shape.
            if observation.shape != shape or (
                dtype is not FLOAT32 and dtype is not FLOAT64 and dtype.kind not in "biuf"
            ):
                raise Unfit
            rows[i] = observation
        return require_finite(rows)

    def batched(given: Any) -> np.ndarray:
        if given.shape[1:] != shape or given.dtype.kind not in "biuf":
            raise Unfit
        return require_finite(np.array(given, FLOAT32))

    return listed, batched


def _discrete(space: gym.spaces.Discrete) -> tuple[Listed, Batched]:
    """Choices, counted from 0."""
    low, high = whole_bounds(space)

    def listed(observations: Sequence[Any]) -> np.ndarray:
        for observation in observations:
            if observation.__class__ not in WHOLE or not low <= observation <= high:
                raise Unfit
        return (np.array(observations) - low).astype(np.int32) if low else np.array(observations, np.int32)

    return listed, _whole(space)[1]


def _whole(space: gym.Space) -> tuple[Listed, Batched]:
    """Integers; of a MultiDiscrete or a MultiBinary counted from 0, of one axis."""
    box, shape = isinstance(space, gym.spaces.Box), space.shape or ()
    own, ours = np.dtype(space.dtype), kept_dtype(space)
    low, high = whole_bounds(space)
    span, shifted = np.asarray(high - low, np.uint64), bool(np.any(low))
    pixels = box and own == np.uint8 and bool((span == 255).all())  # all that there are
    flat = not box and len(shape) > 1

    def listed(observations: Sequence[Any]) -> np.ndarray:
        rows = np.empty((len(observations), *shape), own)
        for i, observation in enumerate(observations):
            if observation.shape != shape or (
                observation.dtype is not own and not np.can_cast(observation.dtype, own)
            ):
                raise Unfit
            rows[i] = observation
        return rows if pixels else convert(rows)

    def batched(given: Any) -> np.ndarray:
        if given.shape[1:] != shape or given.dtype.kind not in "biu":
            raise Unfit
        return given.copy() if pixels and given.dtype == np.uint8 else convert(given)

    def convert(rows: Any) -> np.ndarray:
        values = rows if rows.dtype is INT64 else rows.astype(np.int64)
        counted = values - low if shifted else values
        # One comparison is enough: what is below 0 is large without a sign.
        if np.count_nonzero(counted.view(np.uint64) > span):
            raise Unfit
        converted = (values if box else counted).astype(ours)
        return converted.reshape(len(rows), -1) if flat else converted

    return listed, batched
