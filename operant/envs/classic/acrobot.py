"""Acrobot-v1: swing the free end of two hanging links above a line, with a motor only between them."""

from __future__ import annotations

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.base import Environment
from operant.spaces import Box, Discrete

GRAVITY = 9.8  # m/s²
TIME_STEP = 0.2  # s
MAX_SPEED_1, MAX_SPEED_2 = 4 * math.pi, 9 * math.pi  # rad/s


class Acrobot(Environment):
    """Gymnasium's `Acrobot-v1`: reward −1 a step, but 0 for the last, which lifts the free end above 1 m.

    State: `[θ₁, θ₂, θ̇₁, θ̇₂]` in rad, rad/s; θ₁ = 0 hangs down, θ₂ is relative to the first link, both in
    [−π, π]. Observation: `[cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂]`. Actions: a torque of −1, 0 or 1 N m.
    One Runge-Kutta step of fourth order. Sutton 1996; the equations are the book's (Sutton & Barto 1998,
    section 11.3).
    """

    id: ClassVar[str] = "Acrobot-v1"
    max_episode_steps: int | None = eqx.field(default=500, static=True)

    @property
    def observation_space(self) -> Box:
        high = (1.0, 1.0, 1.0, 1.0, MAX_SPEED_1, MAX_SPEED_2)
        return Box(tuple(-bound for bound in high), high, (6,))

    @property
    def action_space(self) -> Discrete:
        return Discrete(3)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, (4,), minval=-0.1, maxval=0.1, dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise

    def step(
        self, state: jax.Array, action: jax.Array, noise: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        torque = action - 1.0
        k1 = velocity(state, torque)
        k2 = velocity(state + TIME_STEP / 2 * k1, torque)
        k3 = velocity(state + TIME_STEP / 2 * k2, torque)
        k4 = velocity(state + TIME_STEP * k3, torque)
        state = state + TIME_STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        angles = state[:2] - 2 * math.pi * jnp.round(state[:2] * (0.5 / math.pi))
        limit = jnp.array([MAX_SPEED_1, MAX_SPEED_2])
        state = jnp.concatenate([angles, jnp.clip(state[2:], -limit, limit)])
        terminated = -jnp.cos(state[0]) - jnp.cos(state[0] + state[1]) > 1.0
        return state, jnp.where(terminated, 0.0, -1.0), terminated

    def observation(self, state: jax.Array) -> jax.Array:
        cos, sin = jnp.cos(state[:2]), jnp.sin(state[:2])
        return jnp.stack([cos[0], sin[0], cos[1], sin[1], state[2], state[3]])


def velocity(state: jax.Array, torque: jax.Array) -> jax.Array:
    """d/dt of the state `[4]`, for links of 1 kg and 1 m, centred at 0.5 m, of inertia 1 kg m²."""
    theta_1, theta_2, theta_1_dot, theta_2_dot = state[0], state[1], state[2], state[3]
    cos, sin = jnp.cos(theta_2), jnp.sin(theta_2)
    d_1 = 3.5 + cos
    d_2 = 1.25 + 0.5 * cos
    phi_2 = 0.5 * GRAVITY * jnp.sin(theta_1 + theta_2)
    phi_1 = -(0.5 * theta_2_dot + theta_1_dot) * theta_2_dot * sin + 1.5 * GRAVITY * jnp.sin(theta_1) + phi_2
    ratio = d_2 / d_1
    theta_2_dot_dot = (torque + ratio * phi_1 - 0.5 * theta_1_dot**2 * sin - phi_2) / (1.25 - ratio * d_2)
    theta_1_dot_dot = -(ratio * theta_2_dot_dot + phi_1 / d_1)
    return jnp.stack([theta_1_dot, theta_2_dot, theta_1_dot_dot, theta_2_dot_dot])
