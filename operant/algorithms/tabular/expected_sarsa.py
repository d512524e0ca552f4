"""Expected SARSA (van Seijen et al. 2009, doi:10.1109/ADPRL.2009.4927542; Sutton & Barto 2018, equation 6.9).

    Q(s, a) ← Q(s, a) + α [ r + γ Σ_a' π(a'|s') Q(s', a') − Q(s, a) ]

where π is the behaviour: ε-greedy.

| paper | here |
|---|---|
| α | learning_rate, learning_rate_decay, decay_by |
| γ, ε | gamma, epsilon |
"""

from __future__ import annotations

from operant.algorithms.tabular.control import TabularControl
from operant.algorithms.tabular.table import Errors, Row, Table
from operant.types import Clock


class ExpectedSARSA(TabularControl):
    """Expected SARSA in a table, for Discrete observations and actions, with masks."""

    def learn(self, state: Table, row: Row, clock: Clock) -> tuple[Table, Errors]:
        next_value = self.expected_value(state, row, clock)
        td_target = row.reward + self.gamma * row.continues * next_value
        state, td_error = state.td_update(row, td_target, self.pair_step_size(state, row, clock))
        return state, Errors.of((td_error, row))
