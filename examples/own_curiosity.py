"""A curiosity of your own: counts of hashed observations (Tang et al. 2017, arXiv:1611.04717, section 2.3).

    r_i = 1 / √N(φ(s')),   φ(s) = the signs of sin(5 A s),   A: a fixed random matrix of k rows

Observations with the same k signs count as the same state, so that counting works where no observation comes twice. The
paper takes the signs of A s; the sine makes cells of limited size out of wedges, which suits few dimensions.

    python examples/own_curiosity.py
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

import operant
from operant.authoring import Curiosity, spaces, static


class HashState(eqx.Module):
    """The planes, and how often each of the 2^k cells was arrived in."""

    planes: jax.Array  # [size of an observation, k]
    visits: jax.Array  # [2^k]
    space: spaces.Box = eqx.field(static=True)  # of observations


class Hashed(Curiosity):
    """A bonus of 1/√N for the N-th visit of a cell, for vectors with bounds."""

    bits: int = static(10)
    """k: with more bits, cells are smaller."""

    def check(self, spec):
        seen = spec.observation_space
        if not (isinstance(seen, spaces.Box) and seen.bounded and len(seen.shape) == 1):
            raise ValueError(f"Hashed needs vectors with bounds, which {spec.id} has not. Take operant.RND.")

    def init(self, spec, key):
        planes = jax.random.normal(key, (*spec.observation_space.shape, self.bits))
        return HashState(planes, jnp.zeros(2**self.bits), spec.observation_space)

    def cell(self, state, observations):
        low, high = state.space.bounds

        def one(observation):
            between = 2 * (observation - low) / (high - low) - 1  # −1 to 1 in every element
            return jnp.sum((jnp.sin(5 * between @ state.planes) > 0) * 2 ** jnp.arange(self.bits))

        return jnp.vectorize(one, signature="(n)->()")(observations)

    def update_statistics(self, state, transition, weight):
        cells = self.cell(state, transition.next_observation)
        return HashState(state.planes, state.visits.at[cells].add(weight), state.space)

    def reward(self, state, transition):
        visits = state.visits[self.cell(state, transition.next_observation)]
        return jax.lax.rsqrt(jnp.maximum(visits, 1.0))


def main(total_timesteps: int = 50_000, progress_bar: bool = True) -> operant.Agent:
    """Train PPO on MountainCar with it, and say how many cells it has been in."""
    agent = operant.PPO("MountainCar-v0", preset=None, curiosity=Hashed(), num_envs=8, n_steps=256)
    agent.learn(total_timesteps, progress_bar=progress_bar)
    print(f"{int((agent.state.curiosity.visits > 0).sum())} cells; {agent.evaluate(20)}")
    return agent


if __name__ == "__main__":
    main()
