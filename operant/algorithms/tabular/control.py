"""What the algorithms that learn a table of action values share: how they act.

Behaviour is ε-greedy on f(s, a) = Q(s, a) + κ/(1 + N(s, a)), the exploration function with N counting visits; with
κ = 0 it is ε-greedy on Q.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import Estimates
from operant.algorithms.tabular import table
from operant.algorithms.tabular.learner import TabularLearner
from operant.algorithms.tabular.table import Errors, Row, Table
from operant.ops.exploration import best_value, epsilon_greedy, epsilon_greedy_probabilities, mask_scores
from operant.ops.schedules import Linear, Schedule, at
from operant.ops.step_noise import numbers_or_keys
from operant.spaces import Discrete
from operant.types import Batch, Clock, EnvSpec


class TabularControl(TabularLearner):
    """Learning action values in a table, step by step."""

    epsilon: float | Schedule = Linear(1.0, 0.05, 0.5)
    """The probability ε of a random action: a number or a schedule."""
    exploration_bonus: float = 0.0
    """κ: a greedy action maximises Q(s, a) + κ/(1 + N(s, a)), where N counts how often the action was tried."""

    def __check_init__(self) -> None:
        ranges.fraction(self, "epsilon")
        ranges.not_negative(self, "exploration_bonus")

    def init(self, spec: EnvSpec, key: jax.Array) -> Any:
        return Table.init(spec, self.initial_value)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> jax.Array:
        """Uniform `[N, 1 + A]`, or keys: see `epsilon_greedy`."""
        assert isinstance(spec.action_space, Discrete)
        return numbers_or_keys(jax.random.uniform, key, (spec.num_envs,), 1 + spec.action_space.n)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        seen = table.state_number(state.space, observation)
        if not explore:
            return jnp.argmax(mask_scores(state.q_values[seen], action_mask), -1), carry, ()
        return epsilon_greedy(self.score(state, seen), action_mask, at(self.epsilon, clock), noise), carry, ()

    def estimates(self, state, observation, action_mask, carry):
        q_values = state.q_values[table.state_number(state.space, observation)]
        return Estimates(value=best_value(q_values, action_mask), q_values=q_values), carry

    def score(self, state: Any, seen: jax.Array) -> jax.Array:
        """f(s, ·) `[…, A]` of states `[…]`."""
        return state.q_values[seen] + self.exploration_bonus / (1 + state.visits[seen])

    def expected_value(self, state: Any, row: Row, clock: Clock) -> jax.Array:
        """Σ_a π(a|s') Q(s', a) of a row's next state, π being the behaviour; 0 where no action is allowed."""
        policy = epsilon_greedy_probabilities(
            self.score(state, row.next_state), row.next_mask, at(self.epsilon, clock)
        )
        return jnp.sum(policy * state.q_values[row.next_state], -1)

    def pair_step_size(self, state: Any, row: Row, clock: Clock) -> jax.Array:
        """α for this row's state and action."""
        return self.step_size(state.visits[row.state, row.action], row, clock)

    @abstractmethod
    def learn(self, state: Any, row: Row, clock: Clock) -> tuple[Any, Errors]:
        """`(state, TD errors)` after one step."""

    def update(self, state: Any, batch: Batch, key: jax.Array, clock: Clock):
        state, metrics = table.step_by_step(self.learn, state, batch, key, clock, self.learning_rate)
        return state, {**metrics, "rollout/exploration_rate": at(self.epsilon, clock)}
