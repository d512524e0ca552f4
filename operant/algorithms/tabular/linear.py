"""Q-learning and SARSA with linear features: semi-gradient control (Sutton & Barto 2018, sections 10.1 and 11.1).

    Q(s, a) = w_a · φ(s)
    δ = r + γ max_a' Q(s', a') − Q(s, a)      or with SARSA  δ = r + γ Q(s', a') − Q(s, a)
    w_a ← w_a + α δ φ(s)

φ is tile coding, or features of your own.

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
from operant.algorithms.base import Algorithm, Estimates, require_discrete_actions, static
from operant.algorithms.tabular import table
from operant.algorithms.tabular.table import Errors, Row
from operant.algorithms.tabular.tile_coding import Features, TileCoding
from operant.algorithms.tabular.waiting import Waiting
from operant.ops.exploration import (
    best_value,
    epsilon_greedy,
    epsilon_greedy_probabilities,
    mask_scores,
)
from operant.ops.schedules import Schedule, at
from operant.ops.step_noise import numbers_or_keys
from operant.plans import Rollout
from operant.spaces import Box, Discrete, Space, describe, example
from operant.types import Batch, Clock, EnvSpec


class LinearState(eqx.Module):
    """The weights, and the steps whose next action is not known yet (SARSA)."""

    weights: jax.Array  # [A, D]
    waiting: Waiting | None
    space: Space = eqx.field(static=True)  # of observations


class LinearQ(Algorithm):
    """Q-learning or SARSA with linear features, for Box observations and Discrete actions, with masks."""

    learning_rate: float | Schedule = 0.3
    """Step size α: with tile coding, the fraction of an error that one step removes."""
    gamma: float = 0.99
    """Discount factor γ."""
    epsilon: float | Schedule = 0.0
    """The probability ε of a random action; 0 is enough where initial values are optimistic."""
    on_policy: bool = static(False)
    """Learn by SARSA instead of Q-learning."""
    tilings: int = static(8)
    """Grids of the tile coding."""
    tiles: int = static(8)
    """Tiles of a grid along each dimension."""
    features: Callable[[jax.Array], jax.Array] | None = static(None)
    """Your own features instead of tile coding: a JAX function from one observation to a vector."""

    def __check_init__(self) -> None:
        ranges.fraction(self, "gamma", "epsilon", "learning_rate")
        ranges.whole(self, "tilings", "tiles")

    @property
    def experience(self) -> Rollout:
        return Rollout(1)

    def check(self, spec: EnvSpec) -> None:
        require_discrete_actions("LinearQ", spec)
        if not isinstance(spec.observation_space, Box):
            raise ValueError(
                f"LinearQ needs Box observations: {spec.id} has {describe(spec.observation_space)}. "
                "For Discrete ones use a table: q-learning, sarsa."
            )
        self._size(spec.observation_space)

    def init(self, spec: EnvSpec, key: jax.Array) -> LinearState:
        assert isinstance(spec.action_space, Discrete)
        space = spec.observation_space
        weights = jnp.zeros((spec.action_space.n, self._size(space)), jnp.float32)
        waiting = Waiting.none(spec, example(space, (spec.num_envs,))) if self.on_policy else None
        return LinearState(weights, waiting, space)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> jax.Array:
        """Uniform `[N, 1 + A]`, or keys: see `epsilon_greedy`."""
        assert isinstance(spec.action_space, Discrete)
        return numbers_or_keys(jax.random.uniform, key, (spec.num_envs,), 1 + spec.action_space.n)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        q_values = jax.vmap(lambda seen: self.q_values(state, seen))(observation)
        if not explore:
            return jnp.argmax(mask_scores(q_values, action_mask), -1), carry, ()
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
        state, metrics = table.step_by_step(learn, state, batch, key, clock, self.learning_rate)
        return state, {**metrics, "rollout/exploration_rate": at(self.epsilon, clock)}

    def _q_learning(self, state: LinearState, row: Row, clock: Clock) -> tuple[LinearState, Errors]:
        next_value = best_value(self.q_values(state, row.next_state), row.next_mask)
        td_target = row.reward + self.gamma * row.continues * next_value
        state, td_error = self._td_update(state, row, td_target, clock)
        return state, Errors.of((td_error, row))

    def _sarsa(self, state: LinearState, row: Row, clock: Clock) -> tuple[LinearState, Errors]:
        assert state.waiting is not None
        previous, last, waiting = state.waiting.complete(row)
        next_q = self.q_values(state, row.state)[row.action]
        state, error = self._td_update(
            state, previous, previous.reward + self.gamma * previous.carried(next_q), clock
        )

        q_values = self.q_values(state, last.next_state)  # no action follows an episode's last step
        policy = epsilon_greedy_probabilities(q_values, last.next_mask, at(self.epsilon, clock))
        next_value = last.continues * jnp.sum(policy * q_values)
        state, last_error = self._td_update(state, last, last.reward + self.gamma * next_value, clock)
        state = LinearState(state.weights, waiting, state.space)
        return state, Errors.of((error, previous), (last_error, last))

    def _td_update(
        self, state: LinearState, row: Row, td_target: jax.Array, clock: Clock
    ) -> tuple[LinearState, jax.Array]:
        """`(state, td_error)` after w_a has moved along φ(s); a row of weight 0 changes nothing."""
        phi = self.features_of(state.space, row.state)
        index = (row.action, phi.index)
        td_error = row.weight * (td_target - jnp.sum(state.weights[index] * phi.value))
        weights = state.weights.at[index].add(at(self.learning_rate, clock) * td_error * phi.value)
        return LinearState(weights, state.waiting, state.space), td_error

    def _size(self, space: Space) -> int:
        if self.features is None:
            return TileCoding(self.tilings, self.tiles).size(space)
        made: Any = jax.eval_shape(self.features, example(space))
        if getattr(made, "ndim", None) != 1:
            raise ValueError(f"features gives {made} for one observation: must be a vector of features.")
        return made.shape[0]
