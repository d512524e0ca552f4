"""Dyna-Q (Sutton 1990), with prioritised sweeping (Moore & Atkeson 1993; Peng & Williams 1993).

A model remembers what each action last did; planning learns from it as from real steps, which are dear:

    Q(s, a) ← Q(s, a) + α [ r + γ max_a' Q(s', a') − Q(s, a) ]      for `planning_steps` remembered pairs (s, a)

Plain Dyna-Q (Sutton & Barto 2018, section 8.2) learns from the real step and from random pairs. Prioritised sweeping
(section 8.4) learns first where the error |r + γ max Q(s') − Q(s, a)| is largest, and every change makes the pairs that
lead to its state urgent in turn. Its order follows the last outcome, so it is for environments with little chance in
them; plain Dyna-Q converges in others too.

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
from operant.algorithms.tabular.table import Row, Table, WithTable
from operant.ops.exploration import best_value
from operant.types import Clock, EnvSpec


class Model(eqx.Module):
    """What each pair last did. All `[S·A]`, the pair (s, a) at s·A + a, but `possible`."""

    reward: jax.Array
    next_state: jax.Array  # int32
    terminated: jax.Array  # bool
    tried: jax.Array  # int32: the pairs that were tried, in the order of their first time
    tried_count: jax.Array  # int32, a scalar: how many that are
    priority: jax.Array  # the error that a pair waits to be swept with; 0: it does not wait
    possible: jax.Array  # [S, A] bool: the actions of each state, as last seen


class DynaQState(WithTable):
    """The table and the model."""

    model: Model


class DynaQ(TabularControl):
    """Q-learning that also plans with a model it learns; in a table, for Discrete spaces, with masks."""

    planning_steps: int = static(5)
    """Remembered pairs that are learnt from after every real step."""
    prioritized: bool = static(True)
    """Sweep the pairs with the largest errors first (prioritised sweeping), instead of random ones (plain Dyna-Q)."""
    priority_threshold: float = 1e-4
    """Smaller errors are not worth planning for."""

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
                tried=jnp.zeros(pairs, jnp.int32),
                tried_count=jnp.zeros((), jnp.int32),
                priority=jnp.zeros(pairs, jnp.float32),
                possible=jnp.ones(table.q_values.shape, bool),
            ),
        )

    def learn(self, state: DynaQState, row: Row, clock: Clock) -> tuple[DynaQState, jax.Array]:
        table, model = state.table, remember(state.table, state.model, row)
        pair = row.state * table.q_values.shape[1] + row.action
        error = row.weight * self.error(table, model, pair)
        visits = table.visits.at[row.state, row.action].add(row.weight.astype(jnp.int32))
        if self.prioritized:
            table = Table(table.q_values, visits, table.space)
            model = urgent(model, model.priority.at[pair].max(self.worth(jnp.abs(error))))
        else:
            step = self.pair_step_size(table, row, clock) * error
            q_values = table.q_values.at[row.state, row.action].add(step)
            table = Table(q_values, visits, table.space)
        bits = jax.random.bits(jax.random.key(row.bits), (self.planning_steps,))

        def plan(now: tuple[Table, Model], bits: jax.Array) -> tuple[tuple[Table, Model], None]:
            sweep = self.sweep if self.prioritized else self.replay
            return sweep(*now, bits, row, clock), None

        (table, model), _ = jax.lax.scan(plan, (table, model), bits)
        return DynaQState(table, model), error

    def error(self, table: Table, model: Model, pair: jax.Array) -> jax.Array:
        """r + γ max_a' Q(s', a') − Q(s, a) of remembered pairs `[…]`."""
        following = model.next_state[pair]
        best = best_value(table.q_values[following], model.possible[following])
        goal = model.reward[pair] + self.gamma * jnp.where(model.terminated[pair], 0.0, best)
        return goal - table.q_values.reshape(-1)[pair]

    def worth(self, error: jax.Array) -> jax.Array:
        """The size of an error as a priority: 0 where it is not worth planning for."""
        return jnp.where(error > self.priority_threshold, error, 0.0)

    def replay(
        self, table: Table, model: Model, bits: jax.Array, row: Row, clock: Clock
    ) -> tuple[Table, Model]:
        """Learn from a pair that was tried, any of them."""
        known = jnp.maximum(model.tried_count, 1).astype(jnp.uint32)
        pair = model.tried[bits % known]
        return self.move(table, model, pair, model.tried_count > 0, row, clock), model

    def sweep(
        self, table: Table, model: Model, bits: jax.Array, row: Row, clock: Clock
    ) -> tuple[Table, Model]:
        """Learn from the most urgent pair; those that lead to its state become urgent by the error they now have."""
        pair = jnp.argmax(model.priority)
        waits = model.priority[pair] > 0
        table = self.move(table, model, pair, waits, row, clock)
        swept = pair // table.q_values.shape[1]
        best = best_value(table.q_values[swept], model.possible[swept])
        known = table.visits.reshape(-1) > 0
        leads = known & (model.next_state == swept) & ~model.terminated & waits
        error = jnp.abs(model.reward + self.gamma * best - table.q_values.reshape(-1))
        priority = model.priority.at[pair].set(0.0)
        return table, urgent(model, jnp.where(leads, jnp.maximum(priority, self.worth(error)), priority))

    def move(
        self, table: Table, model: Model, pair: jax.Array, wanted: jax.Array, row: Row, clock: Clock
    ) -> Table:
        """The table after learning from a remembered pair, where that is wanted."""
        size = self.step_size(table.visits.reshape(-1)[pair], row, clock)
        change = jnp.where(wanted, size * self.error(table, model, pair), 0.0)
        place = jnp.divmod(pair, table.q_values.shape[1])
        return Table(table.q_values.at[place].add(change), table.visits, table.space)


def remember(table: Table, model: Model, row: Row) -> Model:
    """The model after a real step; as it was where the row has no weight."""
    pair = row.state * table.q_values.shape[1] + row.action
    happened = row.weight > 0
    fresh = happened & (table.visits[row.state, row.action] == 0)

    def put(known: jax.Array, place: jax.Array, value: jax.Array, wanted: jax.Array) -> jax.Array:
        return known.at[place].set(jnp.where(wanted, value, known[place]))

    possible = model.possible
    if row.next_mask is not None:
        possible = put(possible, row.next_state, row.next_mask, happened)
    return Model(
        reward=put(model.reward, pair, row.reward, happened),
        next_state=put(model.next_state, pair, row.next_state, happened),
        terminated=put(model.terminated, pair, row.terminated, happened),
        tried=put(model.tried, model.tried_count, pair, fresh),
        tried_count=model.tried_count + fresh,
        priority=model.priority,
        possible=possible,
    )


def urgent(model: Model, priority: jax.Array) -> Model:
    """The model with these priorities."""
    return eqx.tree_at(lambda m: m.priority, model, priority)
