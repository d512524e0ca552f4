"""Evolution strategies (Salimans, Ho, Chen, Sidor & Sutskever 2017, arXiv:1703.03864).

The objective is smoothed by Gaussian noise, and its gradient is estimated from the returns of noisy copies of θ:

    ∇_θ E_{ε ~ N(0, I)} F(θ + σε) = 1/σ E[ F(θ + σε) ε ] ≈ 1/(Pσ) Σᵢ uᵢ εᵢ

Noise comes in antithetic pairs, ε and −ε, and uᵢ is not the return but its rank, from −½ (worst) to ½ (best), so that
no single episode outweighs the others. Adam follows the gradient.

| paper | here |
|---|---|
| n | population_size |
| σ | noise_std |
| α | learning_rate |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.algorithms.search.search import PolicySearch
from operant.ops.schedules import Schedule, at
from operant.types import Clock


class Ascent(eqx.Module):
    """The current parameters, and the optimiser's state."""

    theta: jax.Array  # [D]
    optimizer: optax.OptState


def centered_ranks(fitness: jax.Array) -> jax.Array:
    """The ranks of `fitness` `[P]`, scaled to [−½, ½]; equal ones share the mean of their ranks."""
    mine, other = fitness[:, None], fitness[None, :]
    below, equal = (jnp.sum(x, axis=1, dtype=jnp.float32) for x in (other < mine, other == mine))
    below = below + (equal - 1) / 2
    return below / (len(fitness) - 1) - 0.5


class EvolutionStrategies(PolicySearch):
    """Evolution strategies: follow the gradient that noisy copies of the parameters estimate."""

    population_size: int = static(100)
    """Noisy copies of a generation, in pairs: an even number."""
    noise_std: float | Schedule = 0.1
    """σ: standard deviation of the noise on each parameter."""
    learning_rate: float | Schedule = 0.01
    """α: step size of Adam; a number or a schedule such as linear:0.1:0."""
    rank_shaping: bool = static(True)
    """Learn from the ranks of returns instead of the returns."""

    def __check_init__(self) -> None:
        ranges.positive(self, "noise_std")
        ranges.not_negative(self, "learning_rate")
        even = self.population_size >= 2 and self.population_size % 2 == 0
        require(even, "population_size", self.population_size, "an even number of at least 2")

    @property
    def candidates(self) -> int:
        return self.population_size

    def begin(self, center: jax.Array) -> Ascent:
        return Ascent(center, optax.adam(0.0).init(center))

    def ask(self, state: Ascent, key: jax.Array, clock: Clock) -> jax.Array:
        noise = jax.random.normal(key, (self.population_size // 2, len(state.theta)), dtype=jnp.float32)
        return state.theta[None] + at(self.noise_std, clock) * jnp.concatenate([noise, -noise])

    def tell(self, state: Ascent, candidates: jax.Array, fitness: jax.Array, clock: Clock):
        learning_rate = at(self.learning_rate, clock)
        gradient = self.gradient(state, candidates, fitness, clock)
        step, optimizer = optax.adam(learning_rate).update(-gradient, state.optimizer)
        assert isinstance(step, jax.Array)
        metrics = {"train/grad_norm": jnp.linalg.norm(gradient), "train/learning_rate": learning_rate}
        return Ascent(state.theta + step, optimizer), metrics

    def gradient(self, state: Ascent, candidates: jax.Array, fitness: jax.Array, clock: Clock) -> jax.Array:
        """The estimate of ∇_θ (equation 1), `[D]`."""
        std = at(self.noise_std, clock)
        noise = (candidates - state.theta[None]) / std
        weight = centered_ranks(fitness) if self.rank_shaping else fitness
        return weight @ noise / (self.population_size * std)

    def best(self, state: Ascent) -> jax.Array:
        return state.theta
