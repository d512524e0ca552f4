"""Q-learning and SARSA with linear features: semi-gradient control (Sutton & Barto 2018, sections 10.1 and 11.1).

    Q(s, a) = w_a · φ(s)
    δ = r + γ max_a' Q(s', a') − Q(s, a)      or with SARSA  δ = r + γ Q(s', a') − Q(s, a)
    w_a ← w_a + α δ φ(s)

φ is tile coding, or features made by hand.

| book | here |
|---|---|
| x(s) | features |
| α | learning_rate (with tile coding: of the whole value, 8 times the book's for 8 tilings) |
| γ, ε | gamma, epsilon |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import Algorithm, Estimates, static
from operant.algorithms.tabular import table
from operant.algorithms.tabular.table import Row
from operant.algorithms.tabular.tile_coding import Features, TileCoding
from operant.algorithms.tabular.waiting import Waiting
from operant.ops.exploration import (
    best_value,
    epsilon_greedy,
    epsilon_greedy_probabilities,
    possible,
)
from operant.ops.schedules import Schedule, at
from operant.spaces import Box, Discrete, Space, describe, example
from operant.types import Batch, Clock, EnvSpec, Rollout


class LinearState(eqx.Module):
    """The weights, and the steps whose next action is not known yet (SARSA)."""

    weights: jax.Array  # [A, D]
    waiting: Waiting | None
    space: Space = eqx.field(static=True)  # of observations


class LinearQ(Algorithm):
    """Q-learning or SARSA with linear features, for Box observations and Discrete actions, with masks."""

    learning_rate: float | Schedule = 0.3
    """Step size α: with tile coding the part of an error that one step removes."""
    gamma: float = 0.99
    """Discount factor γ."""
    epsilon: float | Schedule = 0.0
    """The probability ε of a random action; 0 will do where first values are optimistic."""
    on_policy: bool = static(False)
    """Learn by SARSA, instead of by Q-learning."""
    tilings: int = static(8)
    """Grids of the tile coding."""
    tiles: int = static(8)
    """Tiles of a grid along each dimension."""
    features: Callable[[jax.Array], jax.Array] | None = static(None)
    """Features by hand, instead of tile coding: a JAX function of one observation that gives a vector."""

    def __check_init__(self) -> None:
        ranges.fraction(self, "gamma", "epsilon", "learning_rate")
        ranges.whole(self, "tilings", "tiles")

    @property
    def experience(self) -> Rollout:
        return Rollout(1)

    def check(self, spec: EnvSpec) -> None:
        if not isinstance(spec.action_space, Discrete):
            raise ValueError(
                f"LinearQ needs a Discrete action space: {spec.id} has {describe(spec.action_space)}. "
                "PPO takes it; or discretise actions of a Box: wrappers=[Discretize(5)], --wrappers discretize:5."
            )
        if not isinstance(spec.observation_space, Box):
            raise ValueError(
                f"LinearQ needs Box observations: {spec.id} has {describe(spec.observation_space)}. "
                "For Discrete ones take a table: q-learning, sarsa."
            )
        self._size(spec.observation_space)

    def init(self, spec: EnvSpec, key: jax.Array) -> LinearState:
        assert isinstance(spec.action_space, Discrete)
        space = spec.observation_space
        weights = jnp.zeros((spec.action_space.n, self._size(space)), jnp.float32)
        waiting = Waiting.none(spec.num_envs, example(space, (spec.num_envs,))) if self.on_policy else None
        return LinearState(weights, waiting, space)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> jax.Array:
        """Uniform `[N, 1 + A]`: see `epsilon_greedy`."""
        assert isinstance(spec.action_space, Discrete)
        return jax.random.uniform(key, (spec.num_envs, 1 + spec.action_space.n), dtype=jnp.float32)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        q_values = jax.vmap(lambda seen: self.q_values(state, seen))(observation)
        if not explore:
            return jnp.argmax(possible(q_values, action_mask), -1), carry, ()
        return epsilon_greedy(q_values, action_mask, at(self.epsilon, clock), noise), carry, ()

    def estimates(self, state, observation, action_mask, carry):
        q_values = jax.vmap(lambda seen: self.q_values(state, seen))(observation)
        return Estimates(value=best_value(q_values, action_mask), q_values=q_values), carry

    def q_values(self, state: LinearState, observation: jax.Array) -> jax.Array:
        """Q(s, ·) `[A]` of one observation."""
        phi = self.features_of(state.space, observation)
        return jnp.sum(state.weights[:, phi.index] * phi.value[None], -1)

    def features_of(self, space: Space, observation: jax.Array) -> Features:
        """φ(s) of one observation."""
        if self.features is not None:
            value = self.features(observation)
            return Features(jnp.arange(value.shape[0]), value)
        assert isinstance(space, Box)
        return TileCoding(self.tilings, self.tiles)(space, observation)

    def update(self, state: LinearState, batch: Batch, key: jax.Array, clock: Clock):
        learn = self._sarsa if self.on_policy else self._q_learning

        def one(state: LinearState, row: Row) -> tuple[LinearState, jax.Array]:
            return learn(state, row, clock)

        state, error = table.in_order(one, state, table.rows(state.space, batch, key, clock))
        return state, {
            "train/td_error": jnp.mean(jnp.abs(error)),
            "train/learning_rate": at(self.learning_rate, clock),
            "rollout/exploration_rate": at(self.epsilon, clock),
        }

    def _q_learning(self, state: LinearState, row: Row, clock: Clock) -> tuple[LinearState, jax.Array]:
        following = best_value(self.q_values(state, row.next_state), row.next_mask)
        return self._towards(state, row, row.reward + self.gamma * (1 - row.terminated) * following, clock)

    def _sarsa(self, state: LinearState, row: Row, clock: Clock) -> tuple[LinearState, jax.Array]:
        assert state.waiting is not None
        before, last, waiting = state.waiting.settle(row)
        following = self.q_values(state, row.state)[row.action]
        state, error = self._towards(state, before, before.reward + self.gamma * following, clock)

        q_values = self.q_values(state, last.next_state)  # behind an episode's last step no action is taken
        policy = epsilon_greedy_probabilities(q_values, last.next_mask, at(self.epsilon, clock))
        following = (1 - last.terminated) * jnp.sum(policy * q_values)
        state, last_error = self._towards(state, last, last.reward + self.gamma * following, clock)
        return LinearState(state.weights, waiting, state.space), error + last_error

    def _towards(
        self, state: LinearState, row: Row, goal: jax.Array, clock: Clock
    ) -> tuple[LinearState, jax.Array]:
        """`(state, error)`: w_a moved along φ(s); nothing happens where the row has no weight."""
        phi = self.features_of(state.space, row.state)
        place = (row.action, phi.index)
        error = row.weight * (goal - jnp.sum(state.weights[place] * phi.value))
        weights = state.weights.at[place].add(at(self.learning_rate, clock) * error * phi.value)
        return LinearState(weights, state.waiting, state.space), error

    def _size(self, space: Space) -> int:
        if self.features is None:
            return TileCoding(self.tilings, self.tiles).size(space)
        made: Any = jax.eval_shape(self.features, example(space))
        if getattr(made, "ndim", None) != 1:
            raise ValueError(f"features gives {made} for one observation: must be a vector of features.")
        return made.shape[0]
