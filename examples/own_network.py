"""A network of your own: any Equinox module that maps an observation to features, here random Fourier features.

A plain network learns smooth functions first; sines of random frequencies let it tell nearby states apart early
(Tancik et al. 2020; in reinforcement learning: Li & Pathak 2021).

    python examples/own_network.py
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

import operant
from operant.authoring import Linear


class Fourier(eqx.Module):
    """`observation [...] -> features [size]`: a layer of sines and cosines, and a layer that mixes them."""

    frequencies: jax.Array
    mix: Linear

    def __init__(self, observation_size: int, size: int, key: jax.Array, scale: float = 1.0):
        first, second = jax.random.split(key)
        self.frequencies = scale * jax.random.normal(first, (observation_size, size // 2))
        self.mix = Linear.build(size, size, second)

    def __call__(self, observation):
        angles = observation @ jax.lax.stop_gradient(self.frequencies)  # they stay as they are
        return jax.nn.relu(self.mix(jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)))


def main(total_timesteps: int = 50_000, progress_bar: bool = True) -> operant.Agent:
    """Train PPO with it: the heads of the policy and of the value function take its features."""
    network = Fourier(4, 64, jax.random.key(0))
    agent = operant.PPO("CartPole-v1", network=network)
    agent.learn(total_timesteps, progress_bar=progress_bar)
    print(agent.evaluate(20))
    return agent


if __name__ == "__main__":
    main()
