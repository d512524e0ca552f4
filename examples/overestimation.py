"""The maximum of uncertain values is too high: DQN against Double DQN where every true value is 0.

python examples/overestimation.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

import operant
from operant.spaces import Box, Discrete
from operant.studio.curves import VALUE, learning_curve, series


class Noise(operant.Environment):
    """Every action in every state gives a normally distributed reward with mean 0, so that Q* = 0; states are points in
    a square that come and go at random, for ten steps."""

    id: ClassVar[str] = "Noise"
    max_episode_steps: int | None = 10

    @property
    def observation_space(self) -> Box:
        return Box(-1.0, 1.0, (2,))

    @property
    def action_space(self) -> Discrete:
        return Discrete(8)

    def sample_noise(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        point, reward = jax.random.split(key)
        return jax.random.uniform(point, (2,), minval=-1.0, maxval=1.0), jax.random.normal(reward)

    def reset(self, noise: tuple[jax.Array, jax.Array]) -> jax.Array:
        return noise[0]

    def step(self, state: jax.Array, action: jax.Array, noise: tuple[jax.Array, jax.Array]) -> Any:
        point, reward = noise
        return point, reward, jnp.zeros((), bool)

    def observation(self, state: jax.Array) -> jax.Array:
        return state


def main(
    total_timesteps: int = 20_000,
    seeds: int = 8,
    picture: str | Path = "overestimation.png",
    progress_bar: bool = True,
) -> dict[str, np.ndarray]:
    """What each believes the best action to be worth on average, at the end, `[seeds]`; the truth is 0."""
    curves = {}
    for name, double in (("DQN", False), ("Double DQN", True)):
        agent = operant.DQN(
            Noise(),
            seeds=seeds,
            double=double,
            gamma=0.9,
            learning_rate=1e-3,
            loss_function="mse",
            buffer_size=2_000,
            learning_starts=200,
            train_freq=1,
            target_update_interval=200,
            held_out_states=200,
            network={"hidden_sizes": (32, 32)},
        )
        agent.learn(total_timesteps, progress_bar=progress_bar)
        curves[name] = series(agent.history, VALUE)
    learning_curve(curves, title="Every true value is 0", y=VALUE, reference={"the truth": 0.0}, path=picture)
    believed = {name: values[:, -1] for name, (_, values) in curves.items()}
    for name, values in believed.items():
        print(f"{name} expects {values.mean():.2f} of the best action, on average over {seeds} seeds")
    return believed


if __name__ == "__main__":
    main()
