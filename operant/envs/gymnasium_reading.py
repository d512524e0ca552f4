"""Observations of N environments as arrays, looked at before they are converted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.gymnasium_spaces import kept_dtype
from operant.envs.gymnasium_values import is_whole, whole_bounds
from operant.types import PyTree


class Unfit(Exception):
    """An observation may not be of its space: `gymnasium_values.fault` says whether and how, and takes its time."""


class Reader:
    """Turns observations of a space into arrays `[N, …]` of operant's types, as copies.

    Everything that is not plainly right raises `Unfit`; what it lets pass is right.
    """

    def __init__(self, space: gym.Space) -> None:
        self._together, self._convert = _reader(space)

    def list(self, observations: Sequence[PyTree]) -> PyTree:
        """Those of N environments, one each."""
        return self._convert(self._together(observations))

    def batch(self, observations: PyTree) -> PyTree:
        """Those that a vector environment has put together already."""
        return self._convert(observations, copy=True)


Together = Callable[[Sequence[Any]], Any]  # N observations as arrays of the environment's own types
Convert = Callable[..., Any]  # such arrays in operant's types


def _reader(space: gym.Space) -> tuple[Together, Convert]:
    if isinstance(space, gym.spaces.Dict):
        return _dict({name: _reader(part) for name, part in space.items()})
    if isinstance(space, gym.spaces.Tuple):
        return _tuple([_reader(part) for part in space.spaces])
    if isinstance(space, gym.spaces.Box):
        return _rows(space), _whole(space) if is_whole(space) else _real(space)
    return np.array, _whole(space)


def _dict(parts: dict[str, tuple[Together, Convert]]) -> tuple[Together, Convert]:
    def together(observations: Sequence[Any]) -> Any:
        return {name: gather([o[name] for o in observations]) for name, (gather, _) in parts.items()}

    def convert(batch: Any, copy: bool = False) -> Any:
        return {name: part(batch[name], copy=copy) for name, (_, part) in parts.items()}

    return together, convert


def _tuple(parts: list[tuple[Together, Convert]]) -> tuple[Together, Convert]:
    def together(observations: Sequence[Any]) -> Any:
        if any(len(o) != len(parts) for o in observations):
            raise Unfit
        return tuple(gather([o[i] for o in observations]) for i, (gather, _) in enumerate(parts))

    def convert(batch: Any, copy: bool = False) -> Any:
        return tuple(part(own, copy=copy) for own, (_, part) in zip(batch, parts, strict=True))

    return together, convert


def _rows(space: gym.spaces.Box) -> Together:
    """Arrays put below each other: half the time of np.stack."""
    shape, whole = space.shape, is_whole(space)
    dtype = np.dtype(space.dtype if whole else np.float32)
    also = dtype if whole else np.dtype(np.float64)  # the commonest other one, as quickly

    def fits(other: np.dtype) -> bool:
        return np.can_cast(other, dtype) if whole else other.kind in "biuf"

    def together(observations: Sequence[Any]) -> Any:
        rows = np.empty((len(observations), *shape), dtype)
        for i, observation in enumerate(observations):
            # Unlike these lines, an assignment broadcasts, cuts off fractions and wraps.
            if observation.shape != shape:
                raise Unfit
            other = observation.dtype
            if other is not dtype and other is not also and not fits(other):
                raise Unfit
            rows[i] = observation
        return rows

    return together


def _real(space: gym.spaces.Box) -> Convert:
    shape = space.shape

    def convert(rows: Any, copy: bool = False) -> Any:
        if copy:
            if rows.shape[1:] != shape or rows.dtype.kind not in "biuf":
                raise Unfit
            rows = np.array(rows, np.float32)
        if np.count_nonzero(np.isfinite(rows)) != rows.size:  # without a warning, and quicker than .all()
            raise Unfit
        return rows

    return convert


def _whole(space: gym.Space) -> Convert:
    """Integers, and choices counted from 0, of at most one axis."""
    box, shape = isinstance(space, gym.spaces.Box), space.shape or ()
    ours, flat = kept_dtype(space), shape if box or len(shape) < 2 else (-1,)
    low, high = whole_bounds(space)
    span = np.asarray(high - low, np.uint64)
    always = box and space.dtype == np.uint8 and (span == 255).all()  # pixels: all that there are

    def convert(rows: Any, copy: bool = False) -> Any:
        if rows.dtype.kind not in "biu" or rows.shape[1:] != shape:
            raise Unfit
        if always and rows.dtype == np.uint8:
            return rows.copy() if copy else rows
        values = rows.astype(np.int64) - low
        if np.count_nonzero(
            values.view(np.uint64) > span
        ):  # one comparison: what is below 0 is large without a sign
            raise Unfit
        return (rows if box else values).astype(ours).reshape(len(rows), *flat)

    return convert
