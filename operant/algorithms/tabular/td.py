"""TD(λ) (Sutton 1988, doi:10.1007/BF00115009; Sutton & Barto 2018, sections 6.1 and 12.2); TD(0) with λ = 0.

    δ = r + γ V(s') − V(s)
    e(s) ← e(s) + 1   (accumulating)   or   1   (replacing)
    V ← V + α δ e,   e ← γ λ e      for all states

Offline, V stays as it is during an episode, and all changes are made at its end: with accumulating traces they are
exactly those of the λ-return, Σ_t α (G_t^λ − V(s_t)), and with λ = 1 those of every-visit Monte Carlo.

| paper | here |
|---|---|
| λ | trace_decay |
| α | learning_rate, learning_rate_decay, decay_by: that of the state just visited |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import static
from operant.algorithms.tabular.learner import require_traces
from operant.algorithms.tabular.prediction import TabularPrediction, ValueTable
from operant.algorithms.tabular.table import Errors, Row, step_by_step
from operant.ops.traces import Traces, fade, mark
from operant.spaces import Space
from operant.types import Batch, Clock, EnvSpec


class TDState(eqx.Module):
    """The table, and for each environment the traces and the changes that are made at the episode's end."""

    table: ValueTable
    traces: jax.Array  # [N, S]
    changes: jax.Array  # [N, S]

    @property
    def values(self) -> jax.Array:
        return self.table.values

    @property
    def visits(self) -> jax.Array:
        return self.table.visits

    @property
    def policy(self) -> jax.Array:
        return self.table.policy

    @property
    def space(self) -> Space:
        return self.table.space


class TD(TabularPrediction):
    """Evaluating a policy by TD(λ), in a table, for Discrete observations and actions."""

    trace_decay: float = 0.0
    """λ of the eligibility traces: 0 (TD(0)) learns from the next step only, 1 from all that follow."""
    traces: Traces = static("accumulating")
    """What a visit does to its trace: "accumulating" adds 1, "replacing" sets it to 1."""
    offline: bool = static(False)
    """Make all changes of an episode at its end."""

    def __check_init__(self) -> None:
        require_traces(self.trace_decay, self.traces)

    def init(self, spec: EnvSpec, key: jax.Array) -> TDState:
        table = self.value_table(spec)
        nothing = jnp.zeros((spec.num_envs, *table.values.shape), jnp.float32)
        return TDState(table, nothing, nothing.copy())

    def update(self, state: TDState, batch: Batch, key: jax.Array, clock: Clock):
        return step_by_step(self.learn, state, batch, key, clock, self.learning_rate)

    def learn(self, state: TDState, row: Row, clock: Clock) -> tuple[TDState, Errors]:
        values, mask = state.values, row.weight > 0
        td_target = row.reward + self.gamma * row.continues * values[row.next_state]
        td_error = row.weight * (td_target - values[row.state])

        trace = mark(state.traces[row.env], row.state, self.traces)
        change = self.step_size(state.visits[row.state], row, clock) * td_error * trace
        done = row.terminated | row.truncated
        if self.offline:
            change = state.changes[row.env] + change
            values = values + jnp.where(done, change, 0.0)
            change = jnp.where(done, 0.0, change)
        else:
            values, change = values + change, state.changes[row.env]
        trace = jnp.where(done, 0.0, row.carried(fade(trace, self.gamma, self.trace_decay)))
        trace = jnp.where(mask, trace, state.traces[row.env])

        visits = state.visits.at[row.state].add(mask)
        table = ValueTable(values, visits, state.policy, state.space)
        traces = state.traces.at[row.env].set(trace)
        return TDState(table, traces, state.changes.at[row.env].set(change)), Errors.of((td_error, row))
