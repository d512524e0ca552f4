"""TwoJointReach: an arm with two joints whose tip is to reach a place, of a robot's tasks the smallest."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.envs.goals import ACHIEVED, DESIRED
from operant.spaces import Box, Dict, Discrete
from operant.types import PyTree

LINKS = (0.5, 0.5)  # m: from the shoulder to the elbow, and from there to the tip
MAX_SPEED = 2.0  # rad/s, of either joint
TIME_STEP = 0.1  # s
CHOICES = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], np.float32)  # of both joints' greatest speed

SIZE = 240  # pixels of a picture, which shows a square of 2.2 m
BACKGROUND, ARM, JOINT, GOAL, REACHED = (
    (247, 246, 244),
    (0, 114, 178),
    (55, 65, 81),
    (213, 94, 0),
    (0, 158, 115),
)


class Arm(NamedTuple):
    """Where it stands, and where its tip is to be."""

    angles: jax.Array  # [2] rad, of the shoulder from the x axis, and of the elbow from the upper arm
    goal: jax.Array  # [2] m


class TwoJointReach(Environment):
    """Bring the tip of a planar arm to a goal, and hold it there.

    Angles at first and goal are drawn anew for every episode; the goal is where two random angles would put the tip.
    Actions: the speeds of shoulder and elbow, in units of 2 rad/s, from −1 to 1 each; with `discrete` one of stay, or
    one joint forwards or backwards at full speed. A step is 0.1 s. Reward: 0 where the tip is at most `tolerance` from
    the goal, and else −1; with `dense` the negative distance in m. Success ends no episode, which the time limit does.

    Observation: `observation` is `[cos θ₁, sin θ₁, cos θ₂, sin θ₂]`, `achieved_goal` the tip, and `desired_goal` the
    goal, `[x, y]` in m from the shoulder.
    """

    id: ClassVar[str] = "TwoJointReach"
    max_episode_steps: int | None = eqx.field(default=50, static=True)
    dense: bool = eqx.field(default=False, static=True)
    """Reward the distance at every step, instead of whether the goal is reached."""
    tolerance: float = eqx.field(default=0.05, static=True, converter=float)
    """How far from the goal, in m, is near enough."""
    discrete: bool = eqx.field(default=False, static=True)
    """Five choices, instead of two speeds."""

    def __check_init__(self) -> None:
        if not 0 < self.tolerance < math.inf:
            raise ValueError(f"TwoJointReach: tolerance={self.tolerance!r}: must be a number of m above 0.")

    @property
    def observation_space(self) -> Dict:
        reach = sum(LINKS)
        place = Box(-reach, reach, (2,))
        return Dict.of({"observation": Box(-1.0, 1.0, (4,)), ACHIEVED: place, DESIRED: place})

    @property
    def action_space(self) -> Box | Discrete:
        return Discrete(len(CHOICES)) if self.discrete else Box(-1.0, 1.0, (2,))

    def sample_noise(self, key: jax.Array) -> jax.Array:
        """Angles: of the arm at first, and of one that is at the goal. `[2, 2]` rad."""
        return jax.random.uniform(key, (2, 2), minval=-math.pi, maxval=math.pi, dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> Arm:
        return Arm(noise[0], tip(noise[1]))

    def step(self, state: Arm, action: jax.Array, noise: jax.Array) -> tuple[Arm, jax.Array, jax.Array]:
        speeds = jnp.asarray(CHOICES)[action] if self.discrete else jnp.clip(action, -1.0, 1.0)
        successor = Arm(state.angles + TIME_STEP * MAX_SPEED * speeds, state.goal)
        reward = self.compute_reward(tip(successor.angles), state.goal)
        return successor, reward, jnp.zeros((), bool)

    def observation(self, state: Arm) -> PyTree:
        cos, sin = jnp.cos(state.angles), jnp.sin(state.angles)
        seen = jnp.stack([cos[0], sin[0], cos[1], sin[1]])
        return {"observation": seen, ACHIEVED: tip(state.angles), DESIRED: state.goal}

    def compute_reward(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array:
        if self.dense:
            return -distance(achieved_goal, desired_goal)
        return jnp.where(self.compute_success(achieved_goal, desired_goal), 0.0, -1.0).astype(jnp.float32)

    def compute_success(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array:
        return distance(achieved_goal, desired_goal) <= self.tolerance

    def picture(self, state: Arm) -> jax.Array:
        """The arm from above, and the goal, which turns green where it is reached."""
        hand, elbow = tip(state.angles), elbow_of(state.angles)
        pixels = jnp.asarray(_PIXELS)
        shoulder, width = jnp.zeros(2, jnp.float32), 0.03
        reached = self.compute_success(hand, state.goal)
        goal = jnp.where(reached, jnp.array(REACHED), jnp.array(GOAL))
        shapes = (
            (_from_segment(pixels, state.goal, state.goal) <= max(self.tolerance, width), goal),
            (_from_segment(pixels, shoulder, elbow) <= width, jnp.array(ARM)),
            (_from_segment(pixels, elbow, hand) <= width * 0.7, jnp.array(ARM)),
            (_from_segment(pixels, shoulder, shoulder) <= width * 1.5, jnp.array(JOINT)),
            (_from_segment(pixels, elbow, elbow) <= width * 1.2, jnp.array(JOINT)),
        )
        picture = jnp.broadcast_to(jnp.array(BACKGROUND)[None, None], (SIZE, SIZE, 3))
        for where, colour in shapes:
            picture = jnp.where(where[..., None], colour[None, None], picture)
        return picture.astype(jnp.uint8)


def elbow_of(angles: jax.Array) -> jax.Array:
    """Where the elbow is, `[x, y]` in m."""
    return LINKS[0] * jnp.stack([jnp.cos(angles[0]), jnp.sin(angles[0])])


def tip(angles: jax.Array) -> jax.Array:
    """Where the tip is, `[x, y]` in m."""
    together = angles[0] + angles[1]
    return elbow_of(angles) + LINKS[1] * jnp.stack([jnp.cos(together), jnp.sin(together)])


def distance(one: jax.Array, other: jax.Array) -> jax.Array:
    """Between two places `[2]`, in m."""
    return jnp.sqrt(jnp.sum(jnp.square(one - other)))


def _from_segment(points: jax.Array, start: jax.Array, end: jax.Array) -> jax.Array:
    """How far points `[H, W, 2]` are from the line from `start` to `end` `[2]`: `[H, W]`."""
    way = end - start
    away = points - start[None, None]
    share = jnp.clip(jnp.sum(away * way[None, None], -1) / jnp.maximum(jnp.sum(way**2), 1e-12), 0.0, 1.0)
    return jnp.sqrt(jnp.sum(jnp.square(away - share[..., None] * way[None, None]), -1))


_AXIS = (np.arange(SIZE, dtype=np.float32) + 0.5) * (2.2 / SIZE) - 1.1
_PIXELS = np.stack(np.meshgrid(_AXIS, _AXIS[::-1]), axis=-1).astype(np.float32)  # rows from above
