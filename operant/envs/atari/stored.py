"""Where Atari games stand, as arrays by name: in a checkpoint, so that training goes on in the very frame.

A game is stored where every layer around it is one that is known here. The emulator's own state is ALE's, with its
generator; nothing that is read is executed.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.atari.game import Played, RandomSkip, Sticky
from operant.envs.gymnasium_layers import RawRewardInInfo, Repeated, RewardSum, StackAlongLastAxis, layers_of
from operant.envs.timeouts import TimedEnvironment
from operant.envs.wrappers.lives import Lives
from operant.envs.wrappers.starts import Start

NOTHING = (
    *(Played, RandomSkip, RawRewardInInfo, Repeated, StackAlongLastAxis, Start, TimedEnvironment),
    *(gym.wrappers.ClipReward, gym.wrappers.TransformReward, gym.wrappers.TransformObservation),
    getattr(gym.wrappers, "RepeatAction", Repeated),  # not in every supported release
)
KEPT: dict[type, tuple[str, ...]] = {
    **dict.fromkeys(NOTHING, ()),
    gym.wrappers.FrameStackObservation: ("obs_queue",),
    gym.wrappers.TimeLimit: ("_elapsed_steps",),
    Lives: ("_lives",),
    RewardSum: ("total",),
    Sticky: ("_last",),
}
"""What each layer keeps from step to step, by the names of its attributes."""


def stored(env: gym.Env) -> dict[str, np.ndarray] | None:
    """All that one game and its layers keep from step to step; None for what is no such game.

    A game that has not been reset yet is none either.
    """
    arrays, layers = {}, list(layers_of(env))
    if not any(isinstance(layer, Played) for layer in layers) or any(
        type(layer) not in KEPT for layer in layers
    ):
        return None
    inner: Any = env.unwrapped
    for number, layer in enumerate(layers):
        for name in KEPT[type(layer)]:
            value = getattr(layer, name, None)
            if value is None:
                return None
            arrays[f"{number}{name}"] = np.stack(value) if isinstance(value, deque) else np.asarray(value)
    arrays["emulator"] = _bytes(inner.ale.cloneState(include_rng=True).serialize())
    arrays["generator"] = _bytes(json.dumps(inner.np_random.bit_generator.state).encode())
    return arrays


def restore(env: gym.Env, arrays: Mapping[str, np.ndarray]) -> None:
    """Put a game, which has been reset, where another of the same layers was stored.

    Raises ValueError where these are not the arrays of such a game.
    """
    now = stored(env)
    kinds = {name: array.dtype for name, array in (now or {}).items()}
    if kinds != {name: array.dtype for name, array in arrays.items()}:
        raise ValueError("what is stored is of other games, or of the same in other wrappers.")
    from ale_py import ALEState  # pyright: ignore[reportMissingImports]

    inner: Any = env.unwrapped
    try:
        inner.ale.restoreState(ALEState(arrays["emulator"].tobytes()))
        inner.np_random.bit_generator.state = json.loads(arrays["generator"].tobytes())
    except Exception as error:  # of whatever kind ale-py and NumPy have for it
        raise ValueError(f"it is no state of this game ({error}).") from error
    for number, layer in enumerate(layers_of(env)):
        for name in KEPT[type(layer)]:
            setattr(layer, name, _like(getattr(layer, name), arrays[f"{number}{name}"]))


def _like(value: Any, array: np.ndarray) -> Any:
    """An array as what was stored as one."""
    if isinstance(value, deque):
        return deque(array, maxlen=value.maxlen)
    return array if isinstance(value, np.ndarray) else type(value)(array)


def _bytes(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)
