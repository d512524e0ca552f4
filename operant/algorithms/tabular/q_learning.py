"""Q-learning (Watkins 1989; Watkins & Dayan 1992, doi:10.1007/BF00992698; Sutton & Barto 2018, section 6.5).

    Q(s, a) ← Q(s, a) + α [ r + γ max_a' f(s', a') − Q(s, a) ]

with f = Q, or with the exploration function f = Q + κ/(1 + N) where `exploration_bonus` is not 0.

| paper | here |
|---|---|
| α | learning_rate, learning_rate_decay, decay_by |
| γ | gamma |
| ε | epsilon |
| κ | exploration_bonus |
"""

from __future__ import annotations

from operant.algorithms.tabular.control import TabularControl
from operant.algorithms.tabular.table import Errors, Row, Table
from operant.ops.exploration import best_value
from operant.types import Clock


class QLearning(TabularControl):
    """Q-learning in a table, for Discrete observations and actions, with masks."""

    def learn(self, state: Table, row: Row, clock: Clock) -> tuple[Table, Errors]:
        next_value = best_value(self.score(state, row.next_state), row.next_mask)
        td_target = row.reward + self.gamma * row.continues * next_value
        state, td_error = state.td_update(row, td_target, self.pair_step_size(state, row, clock))
        return state, Errors.of((td_error, row))
