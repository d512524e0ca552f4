"""An environment of your own that runs on the device: pure functions of its state, with all randomness as data.

python examples/own_environment.py
"""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

import operant
from operant.authoring import Environment, spaces


class Ferry(Environment):
    """Cross a river that carries the boat downstream, and land at a jetty.

    Each step goes one metre towards the far bank; the action steers upstream or downstream, and the current pushes at
    random. The reward comes at the far bank: 1 − the distance to the jetty in metres.
    """

    id: ClassVar[str] = "Ferry"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    width: int = eqx.field(default=10, static=True)  # metres

    @property
    def observation_space(self):
        return spaces.Box(-20.0, 20.0, (2,))  # [to the far bank, downstream of the jetty]

    @property
    def action_space(self):
        return spaces.Discrete(2)

    def sample_noise(self, key):
        return jax.random.uniform(key)  # how hard the current pushes in this step, or where the boat sets out

    def reset(self, noise):
        return jnp.stack([jnp.float32(self.width), 8 * noise - 4])

    def step(self, state, action, noise):
        there = state + jnp.stack([-1.0, jnp.where(action == 1, 1.0, -1.0) + 0.6 * noise])
        landed = there[0] <= 0
        return there, jnp.where(landed, 1 - jnp.abs(there[1]), 0.0), landed

    def observation(self, state):
        return state


def main(total_timesteps: int = 60_000, progress_bar: bool = True) -> operant.Agent:
    """Train PPO on it, whole in one program."""
    agent = operant.PPO(Ferry(), num_envs=16, n_steps=64, learning_rate=3e-3)
    agent.learn(total_timesteps, progress_bar=progress_bar)
    print("trained:", agent.evaluate(100))
    print("random: ", agent.random().evaluate(100, deterministic=False))
    return agent


if __name__ == "__main__":
    main()
