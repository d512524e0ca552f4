"""What the algorithms that learn a table of action values share: how they act, and their step size.

Behaviour is ε-greedy on f(s, a) = Q(s, a) + κ/(1 + N(s, a)), the exploration function with N counting visits; with
κ = 0 it is ε-greedy on Q. The step size is α = α₀/(1 + k·decay), k the visits of the pair, or the steps taken.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm, require, static
from operant.algorithms.tabular import table
from operant.algorithms.tabular.table import Row, Table
from operant.ops.exploration import epsilon_greedy, epsilon_greedy_probabilities, possible
from operant.ops.schedules import Linear, Schedule, at
from operant.spaces import Discrete
from operant.types import Batch, Clock, EnvSpec, Rollout


class TabularControl(Algorithm):
    """Learning action values in a table, one step after another. Concrete algorithms say what one step teaches."""

    learning_rate: float | Schedule = 0.1
    """Step size α₀: a number or a schedule such as linear:0.5:0."""
    learning_rate_decay: float = 0.0
    """The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1 averages."""
    decay_by: str = static("visits")
    """What k counts: "visits" of the state and action, or "steps" of training."""
    gamma: float = 0.99
    """Discount factor γ."""
    epsilon: float | Schedule = Linear(1.0, 0.05, 0.5)
    """The probability ε of a random action: a number or a schedule."""
    exploration_bonus: float = 0.0
    """κ: what is tried next has the highest Q(s, a) + κ/(1 + N(s, a)), N counting how often it was tried."""
    initial_value: float = 0.0
    """Every action value before learning; an optimistic one makes the agent try everything."""

    def __check_init__(self) -> None:
        for name in ("gamma", "epsilon", "learning_rate"):
            if isinstance(getattr(self, name), int | float):
                require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a number in [0, 1]")
        for name in ("learning_rate_decay", "exploration_bonus"):
            if isinstance(getattr(self, name), int | float):
                require(getattr(self, name) >= 0, name, getattr(self, name), "at least 0")
        require(self.decay_by in ("visits", "steps"), "decay_by", self.decay_by, '"visits" or "steps"')

    @property
    def experience(self) -> Rollout:
        return Rollout(1)

    def check(self, spec: EnvSpec) -> None:
        table.check(type(self).__name__, spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> Any:
        return Table.init(spec, self.initial_value)

    def draw(self, spec: EnvSpec, key: jax.Array) -> jax.Array:
        """Uniform `[N, 1 + A]`: see `epsilon_greedy`."""
        assert isinstance(spec.action_space, Discrete)
        return jax.random.uniform(key, (spec.num_envs, 1 + spec.action_space.n))

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        seen = table.state_number(state.space, observation)
        if not explore:
            return jnp.argmax(possible(state.q_values[seen], action_mask), -1), carry
        return epsilon_greedy(self.score(state, seen), action_mask, at(self.epsilon, clock), noise), carry

    def score(self, state: Any, seen: jax.Array) -> jax.Array:
        """f(s, ·) `[…, A]` of states `[…]`."""
        return state.q_values[seen] + self.exploration_bonus / (1 + state.visits[seen])

    def expected_value(self, state: Any, row: Row, clock: Clock) -> jax.Array:
        """Σ_a π(a|s') Q(s', a) of the state behind a row, π being how it acts; 0 where nothing is possible."""
        policy = epsilon_greedy_probabilities(
            self.score(state, row.next_state), row.next_mask, at(self.epsilon, clock)
        )
        return jnp.sum(policy * state.q_values[row.next_state], -1)

    def step_size(self, state: Any, row: Row, clock: Clock) -> jax.Array:
        """α for this row."""
        count = state.visits[row.state, row.action] if self.decay_by == "visits" else row.number
        return at(self.learning_rate, clock) / (1 + count * self.learning_rate_decay)

    def update(self, state: Any, batch: Batch, key: jax.Array, clock: Clock):
        def one(state: Any, row: Row) -> tuple[Any, jax.Array]:
            return self.learn(state, row, clock)

        state, error = table.in_order(one, state, table.rows(state.space, batch, key, clock))
        return state, {
            "train/td_error": jnp.mean(jnp.abs(error)),
            "train/learning_rate": at(self.learning_rate, clock),
            "rollout/exploration_rate": at(self.epsilon, clock),
        }

    @abstractmethod
    def learn(self, state: Any, row: Row, clock: Clock) -> tuple[Any, jax.Array]:
        """`(state, temporal-difference error)` after one step."""
