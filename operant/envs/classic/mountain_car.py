"""MountainCar-v0 and MountainCarContinuous-v0: rock an underpowered car out of a valley."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.base import Environment
from operant.spaces import Box, Discrete

MIN_POSITION, MAX_POSITION = -1.2, 0.6
GOAL, CONTINUOUS_GOAL = 0.5, 0.45
MAX_SPEED = 0.07
FORCE, CONTINUOUS_FORCE, GRAVITY = 0.001, 0.0015, 0.0025


class MountainCar(Environment):
    """Gymnasium's `MountainCar-v0`: reward −1 a step until the car passes 0.5, not rolling backwards.

    State and observation: `[position, velocity]`. Actions: 0 accelerates to the left, 1 not at all, 2 to the
    right. The wall on the left stops the car. Moore 1990; Sutton & Barto 2018, example 10.1.
    """

    id: ClassVar[str] = "MountainCar-v0"
    max_episode_steps: int | None = eqx.field(default=200, static=True)
    goal_velocity: float = eqx.field(default=0.0, static=True, converter=float)
    """How fast the car must be at the goal, at least."""

    @property
    def observation_space(self) -> Box:
        return Box((MIN_POSITION, -MAX_SPEED), (MAX_POSITION, MAX_SPEED), (2,))

    @property
    def action_space(self) -> Discrete:
        return Discrete(3)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, minval=-0.6, maxval=-0.4, dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return jnp.stack([noise, jnp.zeros_like(noise)])

    def step(
        self, state: jax.Array, action: jax.Array, noise: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        state = driven(state, FORCE * (action - 1))
        terminated = (state[0] >= GOAL) & (state[1] >= self.goal_velocity)
        return state, -jnp.ones((), dtype=jnp.float32), terminated

    def observation(self, state: jax.Array) -> jax.Array:
        return state


class MountainCarContinuous(Environment):
    """Gymnasium's `MountainCarContinuous-v0`: reward 100 for passing 0.45, less 0.1·action² a step.

    State and observation: `[position, velocity]`. Action: how hard to accelerate, `[1]`, from −1 (to the left) to 1;
    what is beyond accelerates no harder, but is paid for in full. Moore 1990; the continuous version is Gymnasium's.
    """

    id: ClassVar[str] = "MountainCarContinuous-v0"
    max_episode_steps: int | None = eqx.field(default=999, static=True)
    goal_velocity: float = eqx.field(default=0.0, static=True, converter=float)
    """How fast the car must be at the goal, at least."""

    @property
    def observation_space(self) -> Box:
        return Box((MIN_POSITION, -MAX_SPEED), (MAX_POSITION, MAX_SPEED), (2,))

    @property
    def action_space(self) -> Box:
        return Box(-1.0, 1.0, (1,))

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, minval=-0.6, maxval=-0.4, dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return jnp.stack([noise, jnp.zeros_like(noise)])

    def step(
        self, state: jax.Array, action: jax.Array, noise: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        state = driven(state, CONTINUOUS_FORCE * jnp.clip(action[0], -1.0, 1.0))
        terminated = (state[0] >= CONTINUOUS_GOAL) & (state[1] >= self.goal_velocity)
        return state, jnp.where(terminated, 100.0, 0.0) - 0.1 * action[0] ** 2, terminated

    def observation(self, state: jax.Array) -> jax.Array:
        return state


def driven(state: jax.Array, acceleration: jax.Array) -> jax.Array:
    """`[position, velocity]` after one step in the valley sin(3·position); the wall on the left stops the car."""
    position, velocity = state[0], state[1]
    velocity = velocity + acceleration - GRAVITY * jnp.cos(3 * position)
    velocity = jnp.clip(velocity, -MAX_SPEED, MAX_SPEED)
    position = jnp.clip(position + velocity, MIN_POSITION, MAX_POSITION)
    velocity = jnp.where((position <= MIN_POSITION) & (velocity < 0), 0.0, velocity)
    return jnp.stack([position, velocity])
