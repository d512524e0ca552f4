"""Double Q-learning (van Hasselt 2010, algorithm 1; Sutton & Barto 2018, section 6.7).

Two tables. A coin decides which one learns; the other one evaluates the action that the first prefers:

    Q₁(s, a) ← Q₁(s, a) + α [ r + γ Q₂(s', argmax_a' Q₁(s', a')) − Q₁(s, a) ]

The maximum of noisy estimates is too high on average; evaluated by independent estimates, it is not. Behaviour is
ε-greedy on the mean of both.

| paper | here |
|---|---|
| Q^A, Q^B | tables |
| α | learning_rate, learning_rate_decay, decay_by |
| γ, ε | gamma, epsilon |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.tabular.control import TabularControl
from operant.algorithms.tabular.table import Errors, Row, Table
from operant.ops.exploration import mask_scores
from operant.spaces import Space
from operant.types import Clock, EnvSpec


class DoubleTable(eqx.Module):
    """Two tables of action values."""

    tables: jax.Array  # [2, S, A]
    visits: jax.Array  # [S, A] int32, of both together
    space: Space = eqx.field(static=True)

    @property
    def q_values(self) -> jax.Array:
        """Their mean `[S, A]`."""
        return jnp.mean(self.tables, 0)


class DoubleQLearning(TabularControl):
    """Double Q-learning in two tables, for Discrete observations and actions, with masks."""

    def init(self, spec: EnvSpec, key: jax.Array) -> DoubleTable:
        table = Table.init(spec, self.initial_value)
        return DoubleTable(jnp.stack([table.q_values] * 2), table.visits, table.space)

    def learn(self, state: DoubleTable, row: Row, clock: Clock) -> tuple[DoubleTable, Errors]:
        learns = (row.bits & 1).astype(jnp.int32)
        own, other = state.tables[learns, row.next_state], state.tables[1 - learns, row.next_state]
        score = mask_scores(own, row.next_mask)
        best = jnp.argmax(score)
        next_q = jnp.where(jnp.isneginf(score[best]), 0.0, other[best])
        td_target = row.reward + self.gamma * row.continues * next_q
        index = (learns, row.state, row.action)
        td_error = row.weight * (td_target - state.tables[index])
        tables = state.tables.at[index].add(self.pair_step_size(state, row, clock) * td_error)
        visits = state.visits.at[row.state, row.action].add(row.weight.astype(jnp.int32))
        return DoubleTable(tables, visits, state.space), Errors.of((td_error, row))
