"""A film is short however long the episode, and shows all of it."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from operant.studio.recording import FRAMES, SECONDS, record, watch


class Counter(gym.Env):
    """Its observation, and the brightness of its picture, say how many steps were taken."""

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 50}  # noqa: RUF012 (Gymnasium's own way)
    observation_space = gym.spaces.Box(0, np.inf, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length, render_mode="rgb_array"):
        self.length, self.render_mode = length, render_mode
        self.seeds, self.closed = [], False

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        self.t = 0
        return np.array([0.0], np.float32), {}

    def step(self, action):
        self.t += 1
        return np.array([self.t], np.float32), 1.0, self.t == self.length, False, {}

    def render(self):
        return np.full((2, 2, 3), self.t % 256, np.uint8)

    def close(self):
        self.closed = True


class Still:
    """An actor that takes action 0."""

    resets = 0

    def reset(self):
        self.resets += 1

    def __call__(self, observation, action_mask=None):
        return np.int32(0)


@pytest.mark.parametrize(
    ("shown", "said"), [(None, "nothing"), ("text", "<U4"), (np.zeros((2, 2)), r"float64 \[2, 2\]")]
)
def test_what_is_no_picture_is_said(shown, said):
    env = Counter(3)
    env.render = lambda: shown
    with pytest.raises(ValueError, match=f"Counter cannot be filmed.*height, width, 3.*returned {said}"):
        record(env, Still())
    env.render = lambda: gym.Env.render(env)
    with pytest.raises(ValueError, match="it returned nothing"):
        record(env, Still())


def test_a_short_episode_is_kept_whole():
    env, actor = Counter(5), Still()
    film = record(env, actor, episodes=2, seed=7)
    assert [int(frame[0, 0, 0]) for frame in film.frames] == [*range(6), *range(6)]
    assert [float(seen[0]) for seen in film.observations] == [*map(float, range(6)), *map(float, range(6))]
    assert (film.every, film.fps) == (1, 50)
    assert env.seeds == [7, 8]
    assert actor.resets == 2
    assert env.closed


@pytest.mark.parametrize("length", [FRAMES, 500, 1000, 3333])
def test_a_long_episode_loses_frames_but_not_its_end(length):
    film = record(Counter(length), Still())
    assert FRAMES / 2 <= len(film.frames) <= FRAMES
    assert len(film.frames) / film.fps <= SECONDS + 1e-9
    assert len(film.observations) == length + 1
    shown = [int(frame[0, 0, 0]) for frame in film.frames]
    assert shown == [t % 256 for t in range(0, length + 1, film.every)]


def test_it_ends_after_so_many_steps_and_at_the_rate_asked_for():
    film = record(Counter(10**9), Still(), every=4, max_steps=100)
    assert [int(frame[0, 0, 0]) for frame in film.frames] == list(range(0, 101, 4))
    assert film.fps == 12.5


def test_what_cannot_be_filmed_is_refused():
    with pytest.raises(ValueError, match=r"Counter cannot be filmed: its render_mode is 'human'"):
        record(Counter(3, "human"), Still())


def test_watching_gives_the_returns():
    assert watch(Counter(4, "human"), Still(), episodes=2) == [4.0, 4.0]
