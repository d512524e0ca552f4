"""Short clips of policies for a person to compare: films, what was seen and done in them, and which two to compare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np

from operant.curiosity.answers import ARRAYS, ASKED, QUESTIONS, Clip, film
from operant.engine.policy import Actor
from operant.envs.view import EnvironmentView
from operant.studio.recording import frame_of
from operant.studio.video import write_video

FRUITLESS = 50  # episodes without a single clip, after which nobody waits for one


class Filmed(NamedTuple):
    """A clip, and its pictures."""

    clip: Clip
    frames: list[np.ndarray]  # k of them, [H, W, 3] uint8
    fps: float


def write(
    folder: str | Path, players: Sequence[tuple[gym.Env, Actor]], *, pairs: int, length: int, seed: int
) -> Path:
    """Make twice as many clips as `pairs`, of all players about alike, and which two are to be compared.

    Raises ValueError where clips are there already, episodes are too short, or observations have several parts.
    """
    folder = Path(folder)
    if pairs < 1 or length < 1:
        raise ValueError(f"clips={pairs}, clip_length={length}: must be at least 1.")
    if (folder / ARRAYS).exists():
        raise ValueError(f"{folder} has clips already: choose another folder.")
    clips: list[Filmed] = []
    for i, (env, actor) in enumerate(players):
        wanted = 2 * pairs * (i + 1) // len(players) - len(clips)
        made = filmed(env, actor, length, seed + 1000 * i)
        clips += [next(made) for _ in range(wanted)]
        env.close()
    order = np.random.default_rng(seed).permutation(2 * pairs)
    folder.mkdir(parents=True, exist_ok=True)
    for number, i in enumerate(order):
        write_video(folder / film(number), clips[i].frames, clips[i].fps)
    questions = [{"prompt": ASKED, "responses": [film(i), film(i + 1)]} for i in range(0, 2 * pairs, 2)]
    (folder / QUESTIONS).write_text("".join(json.dumps(each) + "\n" for each in questions), encoding="utf-8")
    np.savez(
        folder / ARRAYS,
        observations=np.stack([clips[i].clip.observations for i in order]),
        actions=np.stack([clips[i].clip.actions for i in order]),
    )
    return folder


def filmed(env: gym.Env, actor: Actor, length: int, seed: int) -> Iterator[Filmed]:
    """Clip after clip of episodes that are reset with `seed`, `seed + 1`, …; none goes over the end of one.

    Raises ValueError where episodes are too short, or observations have several parts.
    """
    view, fruitless = EnvironmentView(env), 0
    fps = float(env.metadata.get("render_fps") or 30)
    for episode in range(seed, seed + 10**6):
        view.reset(episode)
        actor.reset()
        observations, actions, frames, done, found = [], [], [], False, False
        while not done:
            if not isinstance(view.observation, np.ndarray):
                raise ValueError(f"{view.id} has observations of several parts, of which no clips are made.")
            frames.append(frame_of(env))
            observations.append(view.observation)
            action = np.asarray(actor(view.observation, view.action_mask))
            actions.append(action)
            _, done = view.step(action)
            if len(frames) == length:
                yield Filmed(Clip(np.stack(observations), np.stack(actions)), frames, fps)
                observations, actions, frames, found = [], [], [], True
        fruitless = 0 if found else fruitless + 1
        if fruitless == FRUITLESS:
            raise ValueError(
                f"clip_length={length}: {fruitless} episodes of {view.id} were shorter. Lower it."
            )
