"""CartPole-v1: balance a pole on a cart by pushing the cart left or right."""

from __future__ import annotations

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.base import Environment
from operant.spaces import Box, Discrete

GRAVITY = 9.8  # m/s²
CART_MASS, POLE_MASS = 1.0, 0.1  # kg
TOTAL_MASS = CART_MASS + POLE_MASS
HALF_LENGTH = 0.5  # m, from the joint to the pole's centre of mass
FORCE = 10.0  # N
TIME_STEP = 0.02  # s
MAX_POSITION = 2.4  # m
MAX_ANGLE = math.radians(12)


class CartPole(Environment):
    """Gymnasium's `CartPole-v1`: reward 1 a step until the pole leans beyond 12° or the cart leaves ±2.4 m.

    State and observation: `[position, velocity, angle, angular velocity]` in m, m/s, rad, rad/s. Actions: 0
    pushes to the left, 1 to the right. Integrated by Euler's method. Barto, Sutton & Anderson 1983; the
    equations of motion are those of Florian 2007, "Correct equations for the dynamics of the cart-pole
    system", without friction.
    """

    id: ClassVar[str] = "CartPole-v1"
    max_episode_steps: int | None = eqx.field(default=500, static=True)
    sutton_barto_reward: bool = eqx.field(default=False, static=True)
    """Reward 0 a step and −1 for the last, if the pole falls."""

    @property
    def observation_space(self) -> Box:
        high = (2 * MAX_POSITION, math.inf, 2 * MAX_ANGLE, math.inf)
        return Box(tuple(-bound for bound in high), high, (4,))

    @property
    def action_space(self) -> Discrete:
        return Discrete(2)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, (4,), minval=-0.05, maxval=0.05, dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise

    def step(
        self, state: jax.Array, action: jax.Array, noise: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
        force = jnp.where(action == 1, FORCE, -FORCE)
        cos, sin = jnp.cos(theta), jnp.sin(theta)
        push = (force + POLE_MASS * HALF_LENGTH * theta_dot**2 * sin) * (1 / TOTAL_MASS)
        theta_acceleration = (GRAVITY * sin - cos * push) / (
            HALF_LENGTH * (4 / 3 - POLE_MASS / TOTAL_MASS * cos**2)
        )
        x_acceleration = push - POLE_MASS * HALF_LENGTH / TOTAL_MASS * theta_acceleration * cos
        x = x + TIME_STEP * x_dot
        theta = theta + TIME_STEP * theta_dot
        x_dot = x_dot + TIME_STEP * x_acceleration
        theta_dot = theta_dot + TIME_STEP * theta_acceleration
        terminated = (jnp.abs(x) > MAX_POSITION) | (jnp.abs(theta) > MAX_ANGLE)
        reward = (
            jnp.where(terminated, -1.0, 0.0) if self.sutton_barto_reward else jnp.ones((), dtype=jnp.float32)
        )
        return jnp.stack([x, x_dot, theta, theta_dot]), reward, terminated

    def observation(self, state: jax.Array) -> jax.Array:
        return state
