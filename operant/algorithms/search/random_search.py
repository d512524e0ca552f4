"""Random search over a policy's parameters (Bergstra & Bengio 2012, "Random search for hyper-parameter optimization").

Candidates are uniform in a box; the best ever seen is kept. It is the baseline of every other method, and in few
dimensions hard to beat: the best of n candidates is in the top fraction q of all with probability 1 − (1 − q)ⁿ.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import static
from operant.algorithms.search.search import PolicySearch, require_range
from operant.types import Clock


class Champion(eqx.Module):
    """The best candidate so far."""

    parameters: jax.Array  # [D]
    fitness: jax.Array


class RandomSearch(PolicySearch):
    """Random search: try parameters anywhere in a box, and keep the best."""

    population_size: int = static(100)
    """Candidates tried in parallel."""
    low: float = -1.0
    """The smallest value of each parameter."""
    high: float = 1.0
    """The largest."""

    def __check_init__(self) -> None:
        ranges.whole(self, "population_size")
        require_range(self.low, self.high)

    @property
    def candidates(self) -> int:
        return self.population_size

    def begin(self, center: jax.Array) -> Champion:
        return Champion(center, jnp.full((), -jnp.inf, jnp.float32))

    def ask(self, state: Champion, key: jax.Array, clock: Clock) -> jax.Array:
        shape = (self.population_size, len(state.parameters))
        return self.low + (self.high - self.low) * jax.random.uniform(key, shape, dtype=jnp.float32)

    def tell(self, state: Champion, candidates: jax.Array, fitness: jax.Array, clock: Clock):
        first = jnp.argmax(fitness)
        better = fitness[first] > state.fitness
        parameters = jnp.where(better, candidates[first], state.parameters)
        champion = Champion(parameters, jnp.where(better, fitness[first], state.fitness))
        return champion, {"train/fitness_best": champion.fitness}

    def best(self, state: Champion) -> jax.Array:
        return state.parameters
