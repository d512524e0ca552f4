"""Filming a policy: an episode as a limited number of frames."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import numpy as np

from operant import html
from operant.engine.policy import Actor
from operant.envs.view import EnvironmentView
from operant.types import PyTree

FRAMES = 256
SECONDS = 10.0


@dataclass(frozen=True, repr=False)
class Recording:
    """An episode: its observations, and its frames."""

    frames: list[np.ndarray]  # [H, W, 3] uint8
    observations: list[Any]  # of every step, whether it was drawn or not
    every: int  # environment steps from one frame to the next
    fps: float  # at which the environment's own time passes, or as much faster as SECONDS ask
    path: Path | None = None  # of the film, where one was written
    estimates: list[Any] | None = None  # one for each frame, where they were asked for

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.frames[0].shape[:2])) if self.frames else "no"
        where = "" if self.path is None else f", in {self.path}"
        return f"<Recording of {len(self.observations)} states, {len(self.frames)} frames of {shape} pixels{where}>"

    def _repr_html_(self) -> str:
        """The film itself, as a notebook shows it."""
        if self.path is not None and self.path.exists():
            return html.video(self.path.read_bytes())
        from operant.studio.video import write_video

        with TemporaryDirectory() as folder:
            return html.video(write_video(Path(folder) / "film.mp4", self.frames, self.fps).read_bytes())


def record(
    env: gym.Env,
    actor: Actor,
    *,
    episodes: int = 1,
    seed: int = 0,
    every: int = 1,
    max_steps: int = 10_000,
    estimate: Callable[[PyTree, PyTree, PyTree], Any] | None = None,
) -> Recording:
    """Play whole episodes in `env`, made with `render_mode="rgb_array"`, and keep at most `FRAMES` frames.

    Frames are drawn at every `every`-th step; when they become too many, every other is dropped and `every` doubles.
    Episode i is reset with `seed + i`; after `max_steps` steps in all the recording ends. `estimate(observation, action
    mask, carry)` is what is thought of the state of each frame. Closes the environment.
    """
    if env.render_mode != "rgb_array":
        raise ValueError(
            f"{EnvironmentView(env).id} cannot be filmed: its render_mode is {env.render_mode!r}. Make it with "
            'render_mode="rgb_array".'
        )
    frames: list[np.ndarray] = []
    observations: list[Any] = []
    estimates: list[Any] = []

    def see(view: EnvironmentView) -> None:
        nonlocal every
        if len(observations) % every == 0:
            frames.append(_picture(env))
            if estimate is not None:
                estimates.append(estimate(view.observation, view.action_mask, actor.carry))
        observations.append(view.observation)
        if len(frames) > FRAMES:
            del frames[1::2], estimates[1::2]
            every *= 2

    with _without_window():
        _play(env, actor, episodes, seed, see, max_steps)
    fps = float(env.metadata.get("render_fps") or 30) / every
    thought = None if estimate is None else estimates
    return Recording(frames, observations, every, max(fps, len(frames) / SECONDS), estimates=thought)


def frame_of(env: gym.Env) -> np.ndarray:
    """The picture of an environment's present state, made with `render_mode="rgb_array"`."""
    with _without_window():
        return _picture(env)


def _picture(env: gym.Env) -> np.ndarray:
    """The rendered frame. Raises ValueError if it is not a picture."""
    try:
        shown = env.render()
    except NotImplementedError:
        shown = None
    picture = np.asarray(shown)
    if picture.ndim != 3 or picture.shape[2] not in (3, 4) or picture.dtype.kind not in "uif":
        what = "nothing" if shown is None else f"{picture.dtype} {list(picture.shape)}"
        raise ValueError(
            f"{EnvironmentView(env).id} cannot be filmed: its render() must return a picture, [height, width, 3], "
            f"in render_mode='rgb_array'; it returned {what}."
        )
    return picture[:, :, :3]


def watch(env: gym.Env, actor: Actor, *, episodes: int = 1, seed: int = 0) -> list[float]:
    """Play whole episodes in a window, `env` being made with `render_mode="human"`; returns their returns."""
    return _play(env, actor, episodes, seed, lambda view: None, None)


def require_display() -> None:
    """Raise ValueError if no window can be opened."""
    if not _has_display():
        raise ValueError(
            "There is no display to watch on; make a film instead: `operant record RUN|MODEL film.mp4`, in Python "
            "agent.record('film.mp4')."
        )


def _has_display() -> bool:
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)


@contextmanager
def _without_window() -> Iterator[None]:
    """SDL, which many environments draw with, warns without a display unless told that none is needed."""
    if _has_display():
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        del os.environ["SDL_VIDEODRIVER"]


def _play(
    env: gym.Env,
    actor: Actor,
    episodes: int,
    seed: int,
    see: Callable[[EnvironmentView], None],
    max_steps: int | None,
) -> list[float]:
    """The return of each episode; `see` is called at every state."""
    view = EnvironmentView(env)
    returns, steps = [], 0
    try:
        for episode in range(episodes):
            view.reset(seed + episode)
            actor.reset()
            see(view)
            done = False
            returns.append(0.0)
            while not done and (max_steps is None or steps < max_steps):
                reward, done = view.step(actor(view.observation, view.action_mask))
                see(view)
                returns[-1] += reward
                steps += 1
    finally:
        view.close()
    return returns
