"""The spaces of a dataset that nobody has described: those that hold its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.border import Border
from operant.envs.gymnasium_spaces import space_from_gymnasium
from operant.types import EnvSpec

Spaces = tuple[gym.Space, gym.Space]  # of observations and of actions, as Gymnasium has them


class DatasetError(ValueError):
    """A dataset that cannot be learnt from; the message says what is wrong with it, and what to do."""


def described(id: str, kinds: Spaces) -> EnvSpec:
    """An environment of these spaces, of which nothing else is known."""
    ours = space_from_gymnasium(kinds[0]), space_from_gymnasium(kinds[1])
    return EnvSpec(id, observation_space=ours[0], action_space=ours[1], border=Border(*kinds))


def inferred_spaces(name: str, observations: Any, actions: Any) -> Spaces:
    """Spaces that hold these numbers: whole ones of a step are choices, several are as many; others have no bounds."""
    return _space(f"{name}: observations", observations, pixels=True), _space(f"{name}: actions", actions)


def _space(what: str, values: Any, *, pixels: bool = False) -> gym.Space:
    if isinstance(values, Mapping):
        return gym.spaces.Dict({key: _space(what, part, pixels=pixels) for key, part in values.items()})
    if isinstance(values, tuple):
        return gym.spaces.Tuple([_space(what, part, pixels=pixels) for part in values])
    try:
        array = np.asarray(values)
    except ValueError:
        raise DatasetError(f"{what} must be an array of numbers; its rows differ in length.") from None
    if array.dtype.kind not in "biuf" or not array.ndim or not array.size:
        raise DatasetError(f"{what} must be numbers, a step a row; got {array.dtype} of shape {array.shape}.")
    shape = array.shape[1:]
    if array.dtype == np.uint8 and pixels and len(shape) > 1:
        return gym.spaces.Box(0, 255, shape, np.uint8)
    if array.dtype.kind == "f" or len(shape) > 1 or (pixels and shape):
        return gym.spaces.Box(-np.inf, np.inf, shape, np.float32)
    if array.min() < 0:
        raise DatasetError(
            f"{what} are whole numbers, and {array.min()} is none that a choice has: they count from 0. Name the "
            "environment, whose spaces say where choices start."
        )
    if not shape:
        return gym.spaces.Discrete(int(array.max()) + 1)
    if array.dtype.kind == "b":
        return gym.spaces.MultiBinary(shape[0])
    return gym.spaces.MultiDiscrete(array.max(0).astype(np.int64) + 1)
