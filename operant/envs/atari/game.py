"""One Atari game as a Gymnasium environment, and the layers that make an action of an id's out of the emulator's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec as Registration

from operant.envs.atari.ids import nearest
from operant.envs.atari.words import protocol
from operant.envs.gymnasium_layers import PassThrough, Repeated, layers_of
from operant.envs.wrappers.starts import FireStart, NoopStart

if TYPE_CHECKING:
    from operant.envs.atari.options import Atari

PER_SECOND = 60  # frames of the console


def game(atari: Atari, render_mode: str | None = None) -> gym.Env:
    """One game: sticky actions and how it starts, before `Atari.wrappers`.

    The emulator takes one frame at a time and is not sticky itself: ALE's own stickiness remembers an action that its
    stored state does not hold, so that a restored game would go on otherwise.

    Raises ImportError without ale-py, and ValueError where its file is missing or the game has no such mode.
    """
    require_rom(atari)
    _require_mode(atari)
    options: dict[str, Any] = {
        "game": atari.rom,
        "mode": atari.mode,
        "difficulty": atari.difficulty,
        "obs_type": atari.obs_type
        if atari.obs_type != "frames"
        else "grayscale"
        if atari.grayscale
        else "rgb",
        "frameskip": 1,
        "repeat_action_probability": 0.0,
        "full_action_space": atari.full_action_space,
        "continuous": atari.continuous,
        "continuous_action_threshold": atari.continuous_action_threshold,
    }
    entry = Registration(
        atari.id,
        entry_point="ale_py.env:AtariEnv",
        disable_env_checker=True,
        order_enforce=False,
        kwargs=options,
    )
    env = gym.make(entry, render_mode=render_mode)
    if atari.sticky:
        env = Sticky(env, atari.sticky)
    if atari.use_fire_reset:
        env = FireStart().gymnasium(env)
    if atari.noop_max:
        env = NoopStart(atari.noop_max).gymnasium(env)
    if isinstance(
        atari.frameskip, tuple
    ):  # else each step has the same number of frames: see `Atari.wrappers`
        env = gym.wrappers.TimeLimit(env, atari.max_num_frames_per_episode)
        env = RandomSkip(env, *atari.frameskip)
    return Played(env, atari)


class Played(PassThrough):
    """Knows what game it is, and shows it as fast as it is played.

    Attributes:
        atari: the game and all that is done to it.
    """

    def __init__(self, env: gym.Env, atari: Atari) -> None:
        super().__init__(env)
        self.atari = atari
        skip = atari.frameskip if isinstance(atari.frameskip, int) else 3  # on average
        self.metadata = {**env.metadata, "render_fps": PER_SECOND / skip}


def protocol_of(env: gym.Env) -> str | None:
    """How an Atari game is scored, in words; None for all else."""
    return next((protocol(layer.atari) for layer in layers_of(env) if isinstance(layer, Played)), None)


class Sticky(PassThrough):
    """In each frame, with some probability, the action of the frame before is taken once more; at first a no-op.

    Machado et al. 2018, section 5.2, as the emulator does it.
    """

    def __init__(self, env: gym.Env, probability: float) -> None:
        super().__init__(env)
        self._probability = probability

    def reset(self, **options: Any) -> Any:
        self._last: Any = np.zeros(self.action_space.shape or (), self.action_space.dtype)
        return self.env.reset(**options)

    def step(self, action: Any) -> Any:
        if self.unwrapped.np_random.random() >= self._probability:
            self._last = action
        return self.env.step(self._last)


class RandomSkip(Repeated):
    """Takes every action `low` to `high` − 1 times, drawn anew for each."""

    def __init__(self, env: gym.Env, low: int, high: int) -> None:
        super().__init__(env, low, 1)
        self._range = low, high

    def step(self, action: Any) -> Any:
        self.times = int(self.unwrapped.np_random.integers(*self._range))
        return super().step(action)


def require_package(id: str) -> None:
    """Raise ImportError, with the remedy, without ale-py."""
    try:
        import ale_py  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(f'{id} needs the extra atari: pip install "operant-rl[atari]"') from error
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # else it introduces itself on the terminal


def require_rom(atari: Atari) -> None:
    """Raise ImportError without ale-py, and ValueError where it lacks the game or its file."""
    require_package(atari.id)
    from ale_py import roms  # pyright: ignore[reportMissingImports]

    if atari.rom not in roms.get_all_rom_ids():
        raise ValueError(
            f"{atari.id}: this ale-py does not know the game {atari.game!r}.{nearest(atari.game)}"
        )
    try:
        roms.get_rom_path(atari.rom)
    except OSError as error:  # moved, damaged, or not where ALE_ROMS_DIR says
        place = os.environ.get("ALE_ROMS_DIR")
        remedy = f"see ALE_ROMS_DIR={place}, or unset it" if place else "pip install --force-reinstall ale-py"
        raise ValueError(
            f"{atari.id}: the file {atari.rom}.bin is missing or is another one: {remedy}."
        ) from error


def _require_mode(atari: Atari) -> None:
    """Raise ValueError, with those that it has, where the game has no such mode or difficulty."""
    if atari.mode is None and atari.difficulty is None:
        return
    from ale_py import ALEInterface, roms  # pyright: ignore[reportMissingImports]

    ale: Any = ALEInterface()
    ale.loadROM(roms.get_rom_path(atari.rom))
    for name, known in (("mode", ale.getAvailableModes()), ("difficulty", ale.getAvailableDifficulties())):
        value = getattr(atari, name)
        if value is not None and value not in known:
            raise ValueError(f"{atari.id}: {name}={value}: {atari.game} has {', '.join(map(str, known))}.")
