"""SARSA(λ) with eligibility traces (Rummery & Niranjan 1994; Singh & Sutton 1996, doi:10.1007/BF00114726).

    δ = r + γ Q(s', a') − Q(s, a)
    e(s, a) ← e(s, a) + 1   (accumulating)   or   1   (replacing)
    Q ← Q + α δ e,   e ← γ λ e      for all states and actions

Traces end with the episode. With λ = 0 this is `SARSA`, where it is said when a' is known.

| paper | here |
|---|---|
| λ | trace_decay |
| kind of trace | traces |
| α | learning_rate, learning_rate_decay, decay_by: that of the pair just visited |
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from operant.algorithms.base import static
from operant.algorithms.tabular.control import TabularControl
from operant.algorithms.tabular.learner import require_traces
from operant.algorithms.tabular.table import Errors, Row, Table, WithTable
from operant.algorithms.tabular.waiting import Waiting
from operant.ops.traces import Traces, fade, mark
from operant.types import Clock, EnvSpec


class SARSALambdaState(WithTable):
    """The table, the steps whose next action is not known yet, and the eligibility trace of each pair."""

    waiting: Waiting
    traces: jax.Array  # [N, S, A]


class SARSALambda(TabularControl):
    """SARSA(λ) in a table, for Discrete observations and actions, with masks."""

    trace_decay: float = 0.9
    """λ of the eligibility traces: 0 learns from the next step only, 1 from all that follow."""
    traces: Traces = static("accumulating")
    """What a visit does to its trace: "accumulating" adds 1, "replacing" sets it to 1."""

    def __check_init__(self) -> None:
        require_traces(self.trace_decay, self.traces)

    def init(self, spec: EnvSpec, key: jax.Array) -> SARSALambdaState:
        table = Table.init(spec, self.initial_value)
        traces = jnp.zeros((spec.num_envs, *table.q_values.shape), jnp.float32)
        return SARSALambdaState(table, Waiting.none(spec), traces)

    def learn(self, state: SARSALambdaState, row: Row, clock: Clock) -> tuple[SARSALambdaState, Errors]:
        previous, last, waiting = state.waiting.complete(row)

        td_target = previous.reward + self.gamma * previous.carried(state.q_values[row.state, row.action])
        table, trace, error = self._td_update(state.table, state.traces[row.env], previous, td_target, clock)

        td_target = last.reward + self.gamma * last.continues * self.expected_value(table, last, clock)
        table, trace, last_error = self._td_update(table, trace, last, td_target, clock)
        trace = jnp.where(last.weight > 0, 0.0, trace)
        state = SARSALambdaState(table, waiting, state.traces.at[row.env].set(trace))
        return state, Errors.of((error, previous), (last_error, last))

    def _td_update(
        self, table: Table, trace: jax.Array, row: Row, td_target: jax.Array, clock: Clock
    ) -> tuple[Table, jax.Array, jax.Array]:
        """`(table, trace [S, A], td_error)` after every pair moved by its trace; a row of weight 0 changes nothing."""
        pair = (row.state, row.action)
        td_error = row.weight * (td_target - table.q_values[pair])
        marked = mark(trace, pair, self.traces)
        q_values = table.q_values + self.pair_step_size(table, row, clock) * td_error * marked
        visits = table.visits.at[pair].add(row.weight.astype(jnp.int32))
        trace = jnp.where(row.weight > 0, row.carried(fade(marked, self.gamma, self.trace_decay)), trace)
        return Table(q_values, visits, table.space), trace, td_error
