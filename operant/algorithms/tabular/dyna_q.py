"""Dyna-Q (Sutton 1990), with prioritised sweeping (Moore & Atkeson 1993; Peng & Williams 1993).

A model remembers the last outcome of each action. Planning learns from it as from real steps, which cost more:

    Q(s, a) ← Q(s, a) + α [ r + γ max_a' Q(s', a') − Q(s, a) ]      for `planning_steps` remembered pairs (s, a)

Plain Dyna-Q (Sutton & Barto 2018, section 8.2) learns from the real step and from random pairs. Prioritised sweeping
(section 8.4) learns first where the error |r + γ max Q(s') − Q(s, a)| is largest, and every change makes the pairs that
lead to its state urgent in turn. Its order follows the last outcomes, so it suits environments that are nearly
deterministic; plain Dyna-Q converges in others too.

| book | here |
|---|---|
| n | planning_steps |
| θ | priority_threshold |
| Model(s, a) | Model |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import static
from operant.algorithms.tabular.control import TabularControl
from operant.algorithms.tabular.table import Errors, Row, Table, WithTable
from operant.ops.exploration import best_value
from operant.ops.returns import bootstrap, carried
from operant.types import Clock, EnvSpec


class Model(eqx.Module):
    """The last outcome of each pair. All are `[S·A]`, the pair (s, a) at s·A + a, except `possible`."""

    reward: jax.Array
    next_state: jax.Array  # int32
    terminated: jax.Array  # bool
    discount: jax.Array | None  # of the environment; None where it has none
    tried: jax.Array  # int32: the pairs that were tried, in the order of their first try
    tried_count: jax.Array  # int32, a scalar: how many pairs were tried
    priority: jax.Array  # of sweeping; 0: the pair is not in the queue
    possible: jax.Array  # [S, A] bool: the actions of each state, as last seen


class DynaQState(WithTable):
    """The table and the model."""

    model: Model


class DynaQ(TabularControl):
    """Q-learning that also plans with a model it learns; in a table, for Discrete spaces, with masks."""

    planning_steps: int = static(5)
    """Remembered pairs to learn from after every real step."""
    prioritized: bool = static(True)
    """Sweep the pairs with the largest errors first (prioritised sweeping), instead of random ones (plain Dyna-Q)."""
    priority_threshold: float = 1e-4
    """Errors below this are not planned for."""

    def __check_init__(self) -> None:
        ranges.whole(self, "planning_steps")
        ranges.not_negative(self, "priority_threshold")

    def init(self, spec: EnvSpec, key: jax.Array) -> DynaQState:
        table = Table.init(spec, self.initial_value)
        pairs = table.q_values.size
        return DynaQState(
            table,
            Model(
                reward=jnp.zeros(pairs, jnp.float32),
                next_state=jnp.zeros(pairs, jnp.int32),
                terminated=jnp.zeros(pairs, bool),
                discount=jnp.ones(pairs, jnp.float32) if spec.discounted else None,
                tried=jnp.zeros(pairs, jnp.int32),
                tried_count=jnp.zeros((), jnp.int32),
                priority=jnp.zeros(pairs, jnp.float32),
                possible=jnp.ones(table.q_values.shape, bool),
            ),
        )

    def learn(self, state: DynaQState, row: Row, clock: Clock) -> tuple[DynaQState, Errors]:
        table, model = state.table, update_model(state.table, state.model, row)
        pair = row.state * table.q_values.shape[1] + row.action
        td_error = row.weight * self.td_error(table, model, pair)
        visits = table.visits.at[row.state, row.action].add(row.weight.astype(jnp.int32))
        if self.prioritized:
            table = Table(table.q_values, visits, table.space)
            model = with_priority(model, model.priority.at[pair].max(self.priority(jnp.abs(td_error))))
        else:
            step = self.pair_step_size(table, row, clock) * td_error
            q_values = table.q_values.at[row.state, row.action].add(step)
            table = Table(q_values, visits, table.space)
        bits = jax.random.bits(jax.random.key(row.bits), (self.planning_steps,))

        def plan(now: tuple[Table, Model], bits: jax.Array) -> tuple[tuple[Table, Model], None]:
            plan_step = self.sweep if self.prioritized else self.random_pair
            return plan_step(*now, bits, row, clock), None

        (table, model), _ = jax.lax.scan(plan, (table, model), bits)
        return DynaQState(table, model), Errors.of((td_error, row))

    def td_error(self, table: Table, model: Model, pair: jax.Array) -> jax.Array:
        """r + γ max_a' Q(s', a') − Q(s, a) of remembered pairs `[…]`."""
        next_state = model.next_state[pair]
        next_value = best_value(table.q_values[next_state], model.possible[next_state])
        discount = None if model.discount is None else model.discount[pair]
        td_target = model.reward[pair] + self.gamma * bootstrap(next_value, model.terminated[pair], discount)
        return td_target - table.q_values.reshape(-1)[pair]

    def priority(self, error: jax.Array) -> jax.Array:
        """The priority of pairs with errors of these sizes: 0 below the threshold."""
        return jnp.where(error > self.priority_threshold, error, 0.0)

    def random_pair(
        self, table: Table, model: Model, bits: jax.Array, row: Row, clock: Clock
    ) -> tuple[Table, Model]:
        """Learn from a random one of the pairs that were tried."""
        known = jnp.maximum(model.tried_count, 1).astype(jnp.uint32)
        pair = model.tried[bits % known]
        return self.planning_update(table, model, pair, model.tried_count > 0, row, clock), model

    def sweep(
        self, table: Table, model: Model, bits: jax.Array, row: Row, clock: Clock
    ) -> tuple[Table, Model]:
        """Learn from the pair of the highest priority; those that lead to its state get their errors as priorities."""
        pair = jnp.argmax(model.priority)
        waits = model.priority[pair] > 0
        table = self.planning_update(table, model, pair, waits, row, clock)
        swept = pair // table.q_values.shape[1]
        value = best_value(table.q_values[swept], model.possible[swept])
        known = table.visits.reshape(-1) > 0
        leads = known & (model.next_state == swept) & ~model.terminated & waits
        error = jnp.abs(
            model.reward + self.gamma * carried(value, model.discount) - table.q_values.reshape(-1)
        )
        priority = model.priority.at[pair].set(0.0)
        return table, with_priority(
            model, jnp.where(leads, jnp.maximum(priority, self.priority(error)), priority)
        )

    def planning_update(
        self, table: Table, model: Model, pair: jax.Array, wanted: jax.Array, row: Row, clock: Clock
    ) -> Table:
        """The table after learning from a remembered pair, where `wanted`."""
        size = self.step_size(table.visits.reshape(-1)[pair], row, clock)
        change = jnp.where(wanted, size * self.td_error(table, model, pair), 0.0)
        index = jnp.divmod(pair, table.q_values.shape[1])
        return Table(table.q_values.at[index].add(change), table.visits, table.space)


def update_model(table: Table, model: Model, row: Row) -> Model:
    """The model after a real step; unchanged by a row of weight 0."""
    pair = row.state * table.q_values.shape[1] + row.action
    mask = row.weight > 0
    fresh = mask & (table.visits[row.state, row.action] == 0)

    def set_where(values: jax.Array, index: jax.Array, value: jax.Array, wanted: jax.Array) -> jax.Array:
        return values.at[index].set(jnp.where(wanted, jnp.asarray(value, values.dtype), values[index]))

    possible = model.possible
    if row.next_mask is not None:
        possible = set_where(possible, row.next_state, row.next_mask, mask)
    return Model(
        reward=set_where(model.reward, pair, row.reward, mask),
        next_state=set_where(model.next_state, pair, row.next_state, mask),
        terminated=set_where(model.terminated, pair, row.terminated, mask),
        discount=None if model.discount is None else set_where(model.discount, pair, row.discount, mask),
        tried=set_where(model.tried, model.tried_count, pair, fresh),
        tried_count=model.tried_count + fresh,
        priority=model.priority,
        possible=possible,
    )


def with_priority(model: Model, priority: jax.Array) -> Model:
    """The model with these priorities."""
    return eqx.tree_at(lambda m: m.priority, model, priority)
