"""Augmented random search (Mania, Guy & Recht 2018, arXiv:1803.07055).

The policy is evaluated on both sides along random directions δ, and moves along those with the best returns:

    θ ← θ + α / (b σ_R) Σ_{k ≤ b} [ r(θ + νδₖ) − r(θ − νδₖ) ] δₖ

where the b directions with the highest max(r(θ + νδ), r(θ − νδ)) count, and σ_R is the deviation of their 2b returns.
V1 is this; V2 is the same with `normalize_observations`; V1-t and V2-t have n_top < n_delta.

| paper | here |             | paper | here |
|---|---|---|---|---|
| N | n_delta |            | α | learning_rate |
| b | n_top |              | ν | delta_std |
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

_EPSILON = 1e-6  # where all returns are equal, nothing moves


class Parameters(eqx.Module):
    """The current parameters."""

    theta: jax.Array  # [D]


class ARS(PolicySearch):
    """Augmented random search: step along random directions by the difference in return of their two sides."""

    n_delta: int = static(8)
    """Random directions of a generation, each tried on both sides."""
    n_top: int | None = static(None)
    """How many of the best directions are used; none: all."""
    learning_rate: float | Schedule = 0.02
    """α: step size; a number or a schedule such as linear:0.1:0."""
    delta_std: float | Schedule = 0.05
    """ν: the size of the perturbation along a direction."""
    zero_policy: bool = static(True)
    """Start from parameters that are all 0, instead of the network's initialisation."""

    def __check_init__(self) -> None:
        ranges.whole(self, "n_delta", "n_top")
        ranges.positive(self, "delta_std")
        ranges.not_negative(self, "learning_rate")
        allowed = f"from 1 to n_delta={self.n_delta}, or None"
        require(1 <= self.top <= self.n_delta, "n_top", self.n_top, allowed)

    @property
    def top(self) -> int:
        """b: how many directions are used."""
        return self.n_delta if self.n_top is None else self.n_top

    @property
    def candidates(self) -> int:
        return 2 * self.n_delta

    def begin(self, center: jax.Array) -> Parameters:
        return Parameters(jnp.zeros_like(center) if self.zero_policy else center)

    def ask(self, state: Parameters, key: jax.Array, clock: Clock) -> jax.Array:
        delta = jax.random.normal(key, (self.n_delta, len(state.theta)), dtype=jnp.float32)
        return state.theta[None] + at(self.delta_std, clock) * jnp.concatenate([delta, -delta])

    def tell(self, state: Parameters, candidates: jax.Array, fitness: jax.Array, clock: Clock):
        learning_rate, delta_std = at(self.learning_rate, clock), at(self.delta_std, clock)
        delta = (candidates[: self.n_delta] - candidates[self.n_delta :]) / (2 * delta_std)
        plus, minus = fitness[: self.n_delta], fitness[self.n_delta :]
        _, best = jax.lax.top_k(jnp.maximum(plus, minus), self.top)
        plus, minus, delta = plus[best], minus[best], delta[best]
        deviation = jnp.std(jnp.concatenate([plus, minus]))
        step_size = learning_rate / (self.top * deviation + _EPSILON)
        metrics = {
            "train/step_size": step_size,
            "train/learning_rate": learning_rate,
            "train/delta_std": delta_std,
            "rollout/return_std": deviation,
        }
        return Parameters(state.theta + step_size * ((plus - minus) @ delta)), metrics

    def best(self, state: Parameters) -> jax.Array:
        return state.theta
