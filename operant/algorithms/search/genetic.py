"""A genetic algorithm over policies (Such et al. 2017, arXiv:1712.06567, algorithm 1, truncation selection).

The best of a generation survive, and have offspring: copies of them plus Gaussian noise. With 20 survivors of 100, each
has 4, and with itself that makes the next 100. The first generation is random.

| paper | here |
|---|---|
| N | population_size |
| T | n_survivors |
| σ | mutation_std |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.algorithms.search.search import PolicySearch
from operant.ops.schedules import Schedule, at
from operant.types import Clock


class Survivors(eqx.Module):
    """The policies that have offspring."""

    parameters: jax.Array  # [n_survivors, D], the fittest first
    generation: jax.Array  # int32: 0 before the first selection


class GeneticAlgorithm(PolicySearch):
    """A genetic algorithm: the best policies survive, and have offspring like them."""

    population_size: int = static(100)
    """Policies of a generation."""
    n_survivors: int = static(20)
    """How many of the best survive; each has the same number of offspring."""
    initial_std: float = 1.0
    """Standard deviation of each parameter in the first generation."""
    mutation_std: float | Schedule = 0.1
    """Standard deviation of the noise on an offspring's parameters: a number or a schedule such as linear:0.5:0."""
    crossover: float = 0.0
    """The probability that an offspring has a second parent, from which about half of its parameters then come."""
    elitism: bool = static(True)
    """Keep the survivors themselves in the next generation, where they are tried again, along with their offspring."""

    def __check_init__(self) -> None:
        ranges.whole(self, "population_size")
        allowed = f"from 1 to population_size={self.population_size} − 1"
        require(1 <= self.n_survivors < self.population_size, "n_survivors", self.n_survivors, allowed)
        ranges.fraction(self, "crossover")
        ranges.not_negative(self, "initial_std", "mutation_std")

    @property
    def candidates(self) -> int:
        return self.population_size

    def begin(self, center: jax.Array) -> Survivors:
        survivors = jnp.broadcast_to(center, (self.n_survivors, len(center)))
        return Survivors(survivors, jnp.zeros((), jnp.int32))

    def ask(self, state: Survivors, key: jax.Array, clock: Clock) -> jax.Array:
        noise_key, second_key, chance_key, gene_key = jax.random.split(key, 4)
        parents = state.parameters
        shape = (self.population_size, parents.shape[1])
        first = parents[jnp.arange(self.population_size) % self.n_survivors]
        second = parents[jax.random.randint(second_key, shape[:1], 0, self.n_survivors, dtype=jnp.int32)]
        crossed = jax.random.bernoulli(chance_key, self.crossover, shape[:1])
        other = crossed[:, None] & jax.random.bernoulli(gene_key, 0.5, shape)
        noise = jax.random.normal(noise_key, shape, dtype=jnp.float32)
        offspring = jnp.where(other, second, first) + at(self.mutation_std, clock) * noise
        if self.elitism:
            offspring = jnp.concatenate([parents, offspring[self.n_survivors :]])
        return jnp.where(state.generation == 0, first + self.initial_std * noise, offspring)

    def tell(self, state: Survivors, candidates: jax.Array, fitness: jax.Array, clock: Clock):
        _, best = jax.lax.top_k(fitness, self.n_survivors)
        survivors = candidates[best]
        spread = jnp.mean(jnp.std(survivors, axis=0))
        return Survivors(survivors, state.generation + 1), {"train/std": spread}

    def best(self, state: Survivors) -> jax.Array:
        return state.parameters[0]
