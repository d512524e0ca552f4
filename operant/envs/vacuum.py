"""A vacuum cleaner's robot: how often should it turn, and how far, to find all the dust in half an hour?"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.spaces import Box

ROOM = np.array([6.0, 5.0], np.float32)  # m
FURNITURE = np.array(  # (left, bottom, right, top) of each piece, in m
    [
        [1.2, 1.4, 2.6, 2.2],  # a table
        [4.2, 3.8, 6.0, 5.0],  # a sofa in the corner
        [3.6, 0.0, 4.4, 1.6],  # a shelf
        [0.0, 3.6, 0.6, 5.0],  # a cupboard
    ],
    np.float32,
)
CELL = 0.2  # m: the dust map's
RADIUS = 0.17  # m, of the robot, which sweeps what it covers
SPEED = 0.3  # m/s
TIME_STEP = 1.0  # s
HALF_AN_HOUR = 1800  # steps
CONTACTS = 6  # places on a step's way at which the robot feels for obstacles
DOCK = np.array([0.4, 0.4], np.float32)  # m: where it starts
TRAIL = 40  # positions that are remembered, to be shown

PIXELS = 48  # of a picture, for each metre
FLOOR, DUST, OBSTACLE, WAY, ROBOT, NOSE = (
    np.array(colour, np.float32)
    for colour in (
        (247, 246, 244),
        (196, 184, 165),
        (107, 114, 128),
        (86, 180, 233),
        (0, 114, 178),
        (255, 255, 255),
    )
)


class VacuumState(eqx.Module):
    """Where the robot is, and where dust is left."""

    position: jax.Array  # [2] m
    heading: jax.Array  # rad, from the x axis to the y axis
    dust: jax.Array  # [X, Y] units in each cell of the floor
    seen: jax.Array  # [2]: what it noticed in its last step
    trail: jax.Array  # [TRAIL, 2] m: where it was, the latest last


class VacuumRobot(Environment):
    """Clean a furnished room of 6 × 5 m in half an hour; each step is a second.

    An action `[p, r]` says how to behave for a second: drive on with probability p, or else turn on the spot by a
    random angle in [−r, r]. Against a wall or furniture the robot stops. Reward: the dust swept up, one unit for each
    cell of 20 cm. Observation: `[bumped (0 or 1), dust of the last second]`; it knows neither where it is nor where the
    dust is. Géron, "Hands-on machine learning", chapter on reinforcement learning, describes the robot.
    """

    id: ClassVar[str] = "VacuumRobot"
    max_episode_steps: int | None = eqx.field(default=HALF_AN_HOUR, static=True)

    @property
    def observation_space(self) -> Box:
        return Box((0.0, 0.0), (1.0, math.inf), (2,))

    @property
    def action_space(self) -> Box:
        return Box((0.0, 0.0), (1.0, math.pi), (2,))

    def sample_noise(self, key: jax.Array) -> jax.Array:
        """Three numbers from 0 to 1: whether it drives, how far it turns, and where it looks at first."""
        return jax.random.uniform(key, (3,), dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> VacuumState:
        position = jnp.asarray(DOCK)
        dust = jnp.where(_swept(position, position), 0.0, jnp.asarray(_FLOOR, jnp.float32))
        trail = jnp.broadcast_to(position, (TRAIL, 2))
        return VacuumState(position, 2 * math.pi * noise[2], dust, jnp.zeros(2, dtype=jnp.float32), trail)

    def step(
        self, state: VacuumState, action: jax.Array, noise: jax.Array
    ) -> tuple[VacuumState, jax.Array, jax.Array]:
        drives = noise[0] < action[0]
        turn = action[1] * (2 * noise[1] - 1)
        heading = jnp.where(drives, state.heading, state.heading + turn)
        full = SPEED * TIME_STEP * jnp.stack([jnp.cos(heading), jnp.sin(heading)])
        shares = jnp.arange(1, CONTACTS + 1) / CONTACTS
        free = ~_blocked(state.position[None] + shares[:, None] * full[None])
        reached = jnp.sum(jnp.cumprod(free)) / CONTACTS  # up to the first place that is not free
        position = state.position + jnp.where(drives, reached, 0.0) * full
        swept = _swept(state.position, position)
        collected = jnp.sum(jnp.where(swept, state.dust, 0.0))
        bumped = drives & (reached < 1)
        successor = VacuumState(
            position,
            heading,
            jnp.where(swept, 0.0, state.dust),
            jnp.stack([bumped.astype(jnp.float32), collected]),
            jnp.concatenate([state.trail[1:], position[None]]),
        )
        return successor, collected, jnp.zeros((), bool)

    def observation(self, state: VacuumState) -> jax.Array:
        return state.seen

    def picture(self, state: VacuumState) -> jax.Array:
        """The room from above: dust, furniture, the robot with its nose, and where it came from."""
        colours = jnp.asarray(FLOOR)[None, None] + jnp.zeros((*_PIXELS.shape[:2], 1), dtype=jnp.float32)
        cell = (_PIXELS / CELL).astype(np.int32)
        dusty = state.dust[cell[..., 0], cell[..., 1]] > 0
        way = state.trail[:, None, None, :] - _PIXELS[None]  # [TRAIL, rows, columns, 2]
        place = _PIXELS - state.position[None, None]
        cos, sin = jnp.cos(state.heading), jnp.sin(state.heading)
        along = place[..., 0] * cos + place[..., 1] * sin
        across = place[..., 1] * cos - place[..., 0] * sin
        for where, colour in (
            (dusty, DUST),
            (jnp.asarray(_near(_PIXELS, 0.0)), OBSTACLE),
            (jnp.min(jnp.sum(way**2, axis=-1), axis=0) < (RADIUS / 5) ** 2, WAY),
            (jnp.sum(place**2, axis=-1) < RADIUS**2, ROBOT),
            ((along > 0) & (along < RADIUS) & (jnp.abs(across) < RADIUS / 6), NOSE),
        ):
            colours = jnp.where(where[..., None], jnp.asarray(colour)[None, None], colours)
        return colours.astype(jnp.uint8)


def _middles(count: np.ndarray, size: float) -> np.ndarray:
    """The centres of a grid of cells of this size, `[columns, rows, 2]` in m."""
    x, y = ((np.arange(n) + 0.5) * size for n in count)
    return np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).astype(np.float32)


def _near(points: Any, margin: float) -> Any:
    """Whether points `[…, 2]` are in furniture, or nearer to it than `margin`: `[…]`, NumPy or JAX."""
    near = False
    for left, bottom, right, top in FURNITURE:
        x, y = points[..., 0], points[..., 1]
        away_x, away_y = (
            (low - v).clip(0) + (v - high).clip(0) for v, low, high in ((x, left, right), (y, bottom, top))
        )
        near = near | (away_x**2 + away_y**2 <= margin**2)
    return near


_CENTRES = _middles(np.round(ROOM / CELL).astype(int), CELL)  # [X, Y, 2]
_FLOOR = ~_near(_CENTRES, 0.0)  # [X, Y]
_PIXELS = _middles(np.round(ROOM * PIXELS).astype(int), 1 / PIXELS).swapaxes(0, 1)[::-1]  # rows from above


def _blocked(points: jax.Array) -> jax.Array:
    """Whether the robot cannot be at points `[K, 2]`."""
    walls = (points < RADIUS) | (points > jnp.asarray(ROOM - RADIUS)[None])
    return jnp.any(walls, axis=-1) | _near(points, RADIUS)


def _swept(start: jax.Array, end: jax.Array) -> jax.Array:
    """Which cells' middles a robot sweeps that goes from `start` to `end` `[2]` in a line: `[X, Y]`."""
    way = end - start
    x, y = _CENTRES[:, :1, 0] - start[0], _CENTRES[:1, :, 1] - start[1]
    share = jnp.clip((x * way[0] + y * way[1]) / jnp.maximum(jnp.sum(way**2), 1e-12), 0.0, 1.0)
    return jnp.square(x - share * way[0]) + jnp.square(y - share * way[1]) <= RADIUS**2
