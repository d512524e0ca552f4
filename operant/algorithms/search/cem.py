"""Cross-entropy method (De Boer, Kroese, Mannor & Rubinstein 2005, "A tutorial on the cross-entropy method"), with the
extra noise of Szita & Lőrincz 2006, "Learning Tetris using the noisy cross-entropy method".

Candidates are drawn from a normal distribution, which is then fitted to the best of them, its elite E:

    x_i ~ N(μ, σ² + Z_t)        μ ← mean of E        σ² ← variance of E        for each parameter by itself

Z_t is noise of its own, usually falling, that keeps the distribution from collapsing too early.

| paper | here |
|---|---|
| n | population_size |
| ρ | elite_fraction |
| Z_t | extra_std squared |
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


class Normal(eqx.Module):
    """The distribution that candidates are drawn from."""

    mean: jax.Array  # [D]
    std: jax.Array  # [D]


class CEM(PolicySearch):
    """The cross-entropy method: fit a normal distribution to the best candidates, and draw the next from it."""

    population_size: int = static(100)
    """Candidates of a generation."""
    elite_fraction: float = static(0.1)
    """The share of them that the distribution is fitted to: at least two."""
    initial_std: float = 1.0
    """Initial standard deviation of each parameter."""
    extra_std: float | Schedule = 0.0
    """Deviation of the noise added to that of the elite: a number or a schedule such as linear:1:0."""

    def __check_init__(self) -> None:
        ranges.whole(self, "population_size")
        ranges.not_negative(self, "initial_std", "extra_std")
        require(0 < self.elite_fraction < 1, "elite_fraction", self.elite_fraction, "between 0 and 1")
        if self.elites < 2:
            raise ValueError(
                f"population_size={self.population_size} × elite_fraction={self.elite_fraction} gives an elite of "
                f"{self.elites}, which has no deviation: it must be at least 2. Raise one of them."
            )

    @property
    def elites(self) -> int:
        """How many candidates make the elite."""
        return round(self.population_size * self.elite_fraction)

    @property
    def candidates(self) -> int:
        return self.population_size

    def begin(self, center: jax.Array) -> Normal:
        return Normal(center, jnp.full_like(center, self.initial_std))

    def ask(self, state: Normal, key: jax.Array, clock: Clock) -> jax.Array:
        std = jnp.sqrt(state.std**2 + at(self.extra_std, clock) ** 2)
        noise = jax.random.normal(key, (self.population_size, len(std)), dtype=jnp.float32)
        return state.mean[None] + std[None] * noise

    def tell(self, state: Normal, candidates: jax.Array, fitness: jax.Array, clock: Clock):
        _, index = jax.lax.top_k(fitness, self.elites)
        elite = candidates[index]
        std = jnp.std(elite, axis=0)
        return Normal(jnp.mean(elite, axis=0), std), {"train/std": jnp.mean(std)}

    def best(self, state: Normal) -> jax.Array:
        return state.mean
