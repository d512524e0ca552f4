"""What many tests need: a clock, random numbers, small agents that train in silence, an algorithm that only acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import operant
from operant.agent import Agent
from operant.algorithms.base import Algorithm
from operant.types import Clock

SMALL_NETWORK: dict[str, Any] = {"hidden_sizes": (8,), "initialization": "uniform"}
SMALL_PPO: dict[str, Any] = {
    "preset": None,
    "num_envs": 4,
    "n_steps": 16,
    "batch_size": 32,
    "n_epochs": 1,
    "network": SMALL_NETWORK,
}
SMALL_DQN: dict[str, Any] = {"preset": None, "buffer_size": 300, "network": SMALL_NETWORK}


def clock(step: Any = 0, total: Any = 100) -> Clock:
    """After `step` of `total` environment steps."""
    return Clock(jnp.asarray(step, jnp.int32), jnp.asarray(total, jnp.int32))


def normals(generator: np.random.Generator) -> Callable[..., jax.Array]:
    """`normal(*shape, scale=1.0)`: the generator's next numbers, float32."""

    def normal(*shape: int, scale: float = 1.0) -> jax.Array:
        return jnp.asarray(scale * generator.normal(size=shape), jnp.float32)

    return normal


def ppo(**arguments: Any) -> Agent:
    """A small PPO on CartPole, whose iterations are 64 steps."""
    return operant.PPO("CartPole-v1", **SMALL_PPO | arguments)


def dqn(**arguments: Any) -> Agent:
    """A small DQN on CartPole."""
    return operant.DQN("CartPole-v1", **SMALL_DQN | arguments)


def learn(agent: Agent, steps: int = 256, callback: Any = None, **arguments: Any) -> Agent:
    """Train without a progress bar, in chunks of 128 steps."""
    return agent.learn(steps, callback, **{"progress_bar": False, "log_interval": 128} | arguments)


class Acting(Algorithm):
    """An algorithm that chooses between two actions by chance; what it learns is for those that derive from it."""

    def check(self, spec):
        pass

    def sample_noise(self, spec, key):
        return jax.random.randint(key, (spec.num_envs,), 0, 2)

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        return noise, carry, ()
