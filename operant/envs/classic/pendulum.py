"""Pendulum-v1: swing a pendulum up and keep it there, with less torque than it takes to lift it."""

from __future__ import annotations

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.base import Environment
from operant.spaces import Box

GRAVITY = 10.0  # m/s²
MASS, LENGTH = 1.0, 1.0  # kg, m: a uniform rod
TIME_STEP = 0.05  # s
MAX_TORQUE = 2.0  # N m
MAX_SPEED = 8.0  # rad/s


class Pendulum(Environment):
    """Gymnasium's `Pendulum-v1`: reward −(θ² + 0.1 θ̇² + 0.001 torque²), with θ = 0 upright, in [−π, π].

    State: `[θ, θ̇]` in rad, rad/s, where θ counts whole turns. Observation: `[cos θ, sin θ, θ̇]`. Action: a
    torque in N m, `[1]`, clipped to ±2. Never terminates. Integrated by semi-implicit Euler: the new velocity
    moves the angle.
    """

    id: ClassVar[str] = "Pendulum-v1"
    max_episode_steps: int | None = eqx.field(default=200, static=True)
    g: float = eqx.field(default=GRAVITY, static=True, converter=float)
    """Gravity in m/s²."""

    @property
    def observation_space(self) -> Box:
        return Box((-1.0, -1.0, -MAX_SPEED), (1.0, 1.0, MAX_SPEED), (3,))

    @property
    def action_space(self) -> Box:
        return Box(-MAX_TORQUE, MAX_TORQUE, (1,))

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, (2,), minval=-1.0, maxval=1.0, dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise * jnp.array([math.pi, 1.0])

    def step(
        self, state: jax.Array, action: jax.Array, noise: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        theta, theta_dot = state[0], state[1]
        torque = jnp.clip(action[0], -MAX_TORQUE, MAX_TORQUE)
        angle = theta - 2 * math.pi * jnp.round(theta * (0.5 / math.pi))
        reward = -(angle**2 + 0.1 * theta_dot**2 + 0.001 * torque**2)
        acceleration = 1.5 * self.g / LENGTH * jnp.sin(theta) + 3.0 / (MASS * LENGTH**2) * torque
        theta_dot = jnp.clip(theta_dot + TIME_STEP * acceleration, -MAX_SPEED, MAX_SPEED)
        theta = theta + TIME_STEP * theta_dot
        return jnp.stack([theta, theta_dot]), reward, jnp.zeros((), bool)

    def observation(self, state: jax.Array) -> jax.Array:
        return jnp.stack([jnp.cos(state[0]), jnp.sin(state[0]), state[1]])
