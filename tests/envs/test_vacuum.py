"""The vacuum robot against a slow loop in plain Python, and what must hold whatever it does."""

from __future__ import annotations

import math

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.envs.registry import native
from operant.envs.vacuum import CELL, CONTACTS, DOCK, FURNITURE, RADIUS, ROOM, SPEED, VacuumRobot

ROBOT = VacuumRobot()
RNG = np.random.default_rng(0)
STEPS = 300


def away(x, y, box):
    """How far a point is from a rectangle."""
    left, bottom, right, top = map(float, box)
    return math.hypot(max(left - x, 0.0, x - right), max(bottom - y, 0.0, y - top))


def middles():
    """The middles of all cells that furniture leaves free."""
    columns, rows = (round(float(size) / CELL) for size in ROOM)
    for i in range(columns):
        for j in range(rows):
            x, y = (i + 0.5) * CELL, (j + 0.5) * CELL
            if all(away(x, y, box) > 0 for box in FURNITURE):
                yield i, j, x, y


class SlowRobot:
    """One thing at a time."""

    def __init__(self, turn):
        self.x, self.y = map(float, DOCK)
        self.heading, self.bumped = turn * 2 * math.pi, 0.0
        self.dust = {(i, j) for i, j, x, y in middles() if math.hypot(x - self.x, y - self.y) > RADIUS}

    def free(self, x, y):
        inside = all(RADIUS <= v <= float(size) - RADIUS for v, size in zip((x, y), ROOM, strict=True))
        return inside and all(away(x, y, box) > RADIUS for box in FURNITURE)

    def step(self, p, r, drive, turn):
        before = self.x, self.y
        self.bumped = 0.0
        if drive < p:
            for _ in range(CONTACTS):
                x = self.x + SPEED / CONTACTS * math.cos(self.heading)
                y = self.y + SPEED / CONTACTS * math.sin(self.heading)
                if not self.free(x, y):
                    self.bumped = 1.0
                    break
                self.x, self.y = x, y
        else:
            self.heading += r * (2 * turn - 1)
        swept = set()
        for i, j in self.dust:
            x, y = (i + 0.5) * CELL, (j + 0.5) * CELL
            if math.hypot(x - self.x, y - self.y) > RADIUS + SPEED:
                continue
            points = np.linspace(before, (self.x, self.y), 200)  # the way, point by point
            if np.hypot(points[:, 0] - x, points[:, 1] - y).min() <= RADIUS:
                swept.add((i, j))
        self.dust -= swept
        return float(len(swept))


@pytest.fixture(scope="module")
def lived():
    """`(states, rewards, actions, noise)` of STEPS random steps, leaves `[STEPS + 1, …]` and `[STEPS, …]`."""
    actions = np.stack([RNG.random(STEPS) ** 0.3, RNG.uniform(0, math.pi, STEPS)], 1).astype(np.float32)
    noise = RNG.random((STEPS + 1, 3)).astype(np.float32)

    @jax.jit
    def live(noise, actions):
        first = ROBOT.reset(noise[0])

        def body(state, row):
            successor, reward, terminated = ROBOT.step(state, *row)
            return successor, (successor, reward, terminated)

        _, (states, rewards, terminated) = jax.lax.scan(body, first, (actions, noise[1:]))
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, states), rewards, terminated

    return *jax.device_get(live(noise, actions)), actions, noise


def test_vacuum_robot_moves_and_sweeps_as_a_slow_loop_does(lived):
    states, rewards, _, actions, noise = lived
    slow = SlowRobot(noise[0][2])
    bumps = 0
    for t in range(STEPS):
        reward = slow.step(*map(float, (*actions[t], *noise[t + 1][:2])))
        assert rewards[t] == reward, t
        np.testing.assert_allclose(states.position[t + 1], [slow.x, slow.y], atol=1e-3)
        np.testing.assert_allclose(states.heading[t + 1], slow.heading, atol=1e-3)
        np.testing.assert_array_equal(states.seen[t + 1], [slow.bumped, reward])
        bumps += slow.bumped
    assert bumps > 20
    assert {tuple(place) for place in np.argwhere(states.dust[-1] > 0)} == slow.dust


def test_vacuum_robot_neither_makes_nor_loses_dust_and_drives_over_nothing(lived):
    states, rewards, terminated, *_ = lived
    left = states.dust.sum(axis=(1, 2))
    np.testing.assert_array_equal(left[0] - left[1:], np.cumsum(rewards))
    assert rewards.sum() > 50
    assert not terminated.any()
    assert (states.position >= RADIUS).all()
    assert (states.position <= ROOM - RADIUS).all()
    assert min(away(x, y, box) for x, y in states.position for box in FURNITURE) >= RADIUS
    np.testing.assert_array_equal(states.trail[-1], states.position[-len(states.trail[-1]) :])


def test_vacuum_robot_picture_shows_dust_furniture_and_the_robot(lived):
    states = lived[0]
    state = jax.tree.map(lambda x: x[-1], states)
    picture = np.asarray(jax.jit(ROBOT.picture)(state))
    assert picture.dtype == np.uint8
    rows, columns = picture.shape[:2]

    def colour(x, y):
        return tuple(picture[int((1 - y / ROOM[1]) * rows), int(x / ROOM[0] * columns)])

    x, y = state.position
    back = state.heading + math.pi
    robot = colour(x + RADIUS / 2 * math.cos(back), y + RADIUS / 2 * math.sin(back))
    furniture = {colour((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in FURNITURE}
    dusty = {
        colour(cx, cy)
        for i, j, cx, cy in middles()
        if state.dust[i, j] and math.hypot(*(np.array([cx, cy]) - state.position)) > 1
    }
    assert len(furniture) == len(dusty) == 1
    assert len({robot, *furniture, *dusty}) == 3


def test_vacuum_robot_is_an_environment_like_any_other():
    assert native("VacuumRobot").max_episode_steps == 1800  # half an hour
    env = gym.make("VacuumRobot", render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    assert observation.shape == (2,)
    assert env.render().shape[2] == 3
    assert env.step(env.action_space.sample())[4] == {}
    env.close()
