"""SARSA (Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4).

    Q(s, a) ← Q(s, a) + α [ r + γ Q(s', a') − Q(s, a) ]

where a' is the action taken in s'. A step is learnt from as soon as the next action is known, and the last one of
an episode at once. After a time limit no a' was taken: the expectation over a' takes its place.

| book | here |
|---|---|
| α | learning_rate, learning_rate_decay, decay_by |
| γ, ε | gamma, epsilon |
"""

from __future__ import annotations

import jax

from operant.algorithms.tabular.control import TabularControl
from operant.algorithms.tabular.table import Errors, Row, Table, WithTable
from operant.algorithms.tabular.waiting import Waiting
from operant.types import Clock, EnvSpec


class SARSAState(WithTable):
    """The table, and the steps whose next action is not known yet."""

    waiting: Waiting


class SARSA(TabularControl):
    """SARSA in a table, for Discrete observations and actions, with masks."""

    def init(self, spec: EnvSpec, key: jax.Array) -> SARSAState:
        return SARSAState(Table.init(spec, self.initial_value), Waiting.none(spec))

    def learn(self, state: SARSAState, row: Row, clock: Clock) -> tuple[SARSAState, Errors]:
        previous, last, waiting = state.waiting.complete(row)

        td_target = previous.reward + self.gamma * previous.carried(state.q_values[row.state, row.action])
        table, error = state.table.td_update(previous, td_target, self.pair_step_size(state, previous, clock))

        td_target = last.reward + self.gamma * last.continues * self.expected_value(table, last, clock)
        table, last_error = table.td_update(last, td_target, self.pair_step_size(table, last, clock))
        return SARSAState(table, waiting), Errors.of((error, previous), (last_error, last))
