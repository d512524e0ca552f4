"""Grid search over a policy's parameters: brute force.

Every parameter takes `resolution` values from `low` to `high`, and all combinations are tried, one population after
another, the last parameter changing fastest. After the last combination the search starts over, which makes the mean
returns more precise.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import static
from operant.algorithms.search.search import PolicySearch, require_range
from operant.types import Clock, EnvSpec

LARGEST = 1_000_000  # points: the results of each are kept


class GridResults(eqx.Module):
    """The results of the grid's G points."""

    total: jax.Array  # [G] sum of its fitness
    count: jax.Array  # [G] how often it was tried
    next_index: jax.Array  # int32: the point to try next
    sample: jax.Array  # [D] any point: its size is the number of parameters


class GridSearch(PolicySearch):
    """Grid search: try all combinations of some values of each parameter."""

    population_size: int = static(100)
    """Points tried in parallel."""
    resolution: int = static(5)
    """Values of each parameter."""
    low: float = -1.0
    """The smallest of them."""
    high: float = 1.0
    """The largest."""

    def __check_init__(self) -> None:
        ranges.whole(self, "population_size")
        ranges.whole(self, "resolution", least=2)
        require_range(self.low, self.high)

    @property
    def candidates(self) -> int:
        return self.population_size

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        size = self.shape_of(spec).size
        if self.resolution**size > LARGEST:
            raise ValueError(
                f"A grid of resolution={self.resolution} in {size} parameters has {self.resolution**size:,} points; at "
                f"most {LARGEST:,} are searched. Lower resolution, choose a smaller policy, or use random search."
            )

    def begin(self, center: jax.Array) -> GridResults:
        points = self.resolution ** len(center)
        return GridResults(
            jnp.zeros(points, jnp.float32), jnp.zeros(points, jnp.float32), jnp.zeros((), jnp.int32), center
        )

    def points(self, index: jax.Array, size: int) -> jax.Array:
        """The points of these numbers `[M]`, as parameters `[M, size]`."""
        place = self.resolution ** jnp.arange(size - 1, -1, -1)
        digits = index[:, None] // place[None] % self.resolution
        points = self.low + (self.high - self.low) * digits / (self.resolution - 1)
        return points.astype(jnp.float32)

    def ask(self, state: GridResults, key: jax.Array, clock: Clock) -> jax.Array:
        return self.points(self._now(state), len(state.sample))

    def tell(self, state: GridResults, candidates: jax.Array, fitness: jax.Array, clock: Clock):
        now, points = self._now(state), len(state.total)
        tried = GridResults(
            state.total.at[now].add(fitness),
            state.count.at[now].add(1.0),
            (state.next_index + self.population_size) % points,
            state.sample,
        )
        return tried, {
            "train/fitness_best": jnp.max(self.means(tried)),
            "train/grid_tried": jnp.mean(tried.count > 0),
        }

    def _now(self, state: GridResults) -> jax.Array:
        """The numbers of the points that are tried now, `[P]`."""
        return (state.next_index + jnp.arange(self.population_size)) % len(state.total)

    def means(self, state: GridResults) -> jax.Array:
        """The mean fitness of each point, `[G]`; −∞ where it was not tried."""
        return jnp.where(state.count > 0, state.total / jnp.maximum(state.count, 1.0), -jnp.inf)

    def best(self, state: GridResults) -> jax.Array:
        return self.points(jnp.argmax(self.means(state))[None], len(state.sample))[0]
