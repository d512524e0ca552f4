"""Tables of action values, and how the tabular algorithms go through their experience, one step after another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import require_discrete_actions
from operant.memory import available, nbytes, text
from operant.ops.metrics import Masked, Metrics
from operant.ops.returns import carried
from operant.ops.schedules import Schedule, at
from operant.spaces import Dict, Discrete, MultiDiscrete, Space, Tuple, describe
from operant.types import Batch, Clock, EnvSpec, PyTree


class Table(eqx.Module):
    """Action values, and how often each action was tried."""

    q_values: jax.Array  # [S, A]
    visits: jax.Array  # [S, A] int32: how often the action was tried in the state
    space: Space = eqx.field(static=True)  # of observations

    @classmethod
    def init(cls, spec: EnvSpec, initial_value: jax.Array | float) -> Table:
        shape = table_shape(spec)
        return cls(
            jnp.full(shape, initial_value, jnp.float32), jnp.zeros(shape, jnp.int32), spec.observation_space
        )

    def td_update(self, row: Row, td_target: jax.Array, step_size: jax.Array) -> tuple[Table, jax.Array]:
        """`(table, td_error)`: Q(s, a) plus step_size · td_error, which is td_target − Q(s, a); the visit is counted.

        A row of weight 0 changes nothing, and its error is 0.
        """
        pair = (row.state, row.action)
        td_error = row.weight * (td_target - self.q_values[pair])
        q_values = self.q_values.at[pair].add(step_size * td_error)
        visits = self.visits.at[pair].add(row.weight.astype(jnp.int32))
        return Table(q_values, visits, self.space), td_error


class Errors(NamedTuple):
    """Temporal-difference errors of what was learnt in one step, or `[rows]` of them: of one row, of two, or none."""

    size: jax.Array  # Σ |δ|
    weight: jax.Array  # how many rows were learnt from

    @classmethod
    def of(cls, *errors: tuple[jax.Array, Row]) -> Errors:
        """Of rows and their errors, which are 0 where a row has no weight."""
        return cls(sum(jnp.abs(error) for error, _ in errors), sum(row.weight for _, row in errors))  # pyright: ignore[reportArgumentType]

    def mean(self) -> Masked:
        """The mean of |δ|; absent where nothing was learnt from."""
        weight = jnp.sum(self.weight)
        return Masked(jnp.sum(self.size) / jnp.where(weight > 0, weight, 1.0), weight > 0)


class WithTable(eqx.Module):
    """A state that holds a table, among other things."""

    table: Table

    @property
    def q_values(self) -> jax.Array:
        return self.table.q_values

    @property
    def visits(self) -> jax.Array:
        return self.table.visits

    @property
    def space(self) -> Space:
        return self.table.space


class Row(NamedTuple):
    """One step of one environment, its observations as numbers of states; scalars, and masks `[A]`."""

    state: jax.Array
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    next_state: jax.Array
    next_mask: PyTree  # None: all actions are possible
    weight: jax.Array  # 0 for a step that never happened
    env: jax.Array  # which of the environments
    number: jax.Array  # how many steps were taken before, in all environments
    bits: PyTree  # uint32, random; None for a row that waited for its next action
    discount: PyTree = None  # of the environment: see `TimeStep`

    @property
    def continues(self) -> jax.Array:
        """How much of the value of the next state counts, before γ: 0 after a terminal state."""
        return self.carried(1 - self.terminated)

    def carried(self, value: jax.Array) -> jax.Array:
        """What lies on the other side of this step, where the episode goes on."""
        return carried(value, self.discount)


def check(name: str, spec: EnvSpec) -> None:
    """Raise ValueError, naming the algorithm and the space, where there is no table for this environment."""
    require_discrete_actions(name, spec)
    if not _countable(spec.observation_space):
        raise ValueError(
            f"{name} keeps a table, and needs Discrete or MultiDiscrete observations, or a Tuple of them: "
            f"{spec.id} has {describe(spec.observation_space)}. Discretise a vector, as in --wrappers "
            "discretize-observation:8:-1:1, or use DQN."
        )


def require_room(name: str, spec: EnvSpec, init: Callable[[EnvSpec, jax.Array], PyTree]) -> None:
    """Raise ValueError, with its size, where the table that `init` makes does not fit into memory."""
    states, actions = table_shape(spec)
    what = f"{name} keeps a table of {states:,} states × {actions:,} actions for {spec.id}"
    remedy = "Use DQN, or make the observations coarser (fewer parts, fewer bins)."
    if states * actions >= 2**31:
        raise ValueError(f"{what}; at most 2^31 − 1 pairs can be counted. {remedy}")
    needed = nbytes(jax.eval_shape(lambda key: init(spec, key), jax.random.key(0)))
    there = available(jax.local_devices())
    if there is not None and needed > there:
        raise ValueError(f"{what}, which takes {text(needed)}; {text(there)} are available. {remedy}")


def table_shape(spec: EnvSpec) -> tuple[int, int]:
    """`(S, A)`: how many states and actions there are."""
    assert isinstance(spec.action_space, Discrete)
    return number_of_states(spec.observation_space), spec.action_space.n


def number_of_states(space: Space) -> int:
    """How many different observations there are."""
    if isinstance(space, Dict | Tuple):
        return math.prod(number_of_states(part) for part in _parts(space).values())
    return math.prod(space.nvec) if isinstance(space, MultiDiscrete) else _discrete(space).n


def state_number(space: Space, observation: jax.Array) -> jax.Array:
    """Observations `[…]` (`[…, K]` of a MultiDiscrete space) as rows of the table: the last part varies fastest."""
    if isinstance(space, Dict | Tuple):
        number = jnp.zeros((), jnp.int32)
        for name, part in _parts(space).items():
            number = number * number_of_states(part) + state_number(part, observation[name])
        return number
    if not isinstance(space, MultiDiscrete):
        return observation
    strides = [math.prod(space.nvec[i + 1 :]) for i in range(len(space.nvec))]
    return sum((observation[..., i] * stride for i, stride in enumerate(strides)), jnp.zeros((), jnp.int32))


def rows(space: Space, batch: Batch, key: jax.Array, clock: Clock) -> Row:
    """A rollout `[T, N, …]` as rows `[T·N, …]`, in the order in which they happened; `clock` is after the last."""
    transition = batch.transition
    count, num_envs = transition.reward.size, transition.reward.shape[1]
    flat = jax.tree.map(lambda x: x.reshape(count, *x.shape[2:]), transition)
    return Row(
        state=state_number(space, flat.observation),
        action=flat.action,
        reward=flat.reward,
        terminated=flat.terminated,
        truncated=flat.truncated,
        next_state=state_number(space, flat.next_observation),
        next_mask=flat.next_action_mask,
        weight=batch.weight.reshape(count),
        env=jnp.arange(count) % num_envs,
        number=clock.step - count + jnp.arange(count),
        bits=jax.random.bits(key, (count,)),
        discount=flat.discount,
    )


def scan_steps(
    step: Callable[[PyTree, Row], tuple[PyTree, PyTree]], state: PyTree, rows: Row
) -> tuple[PyTree, PyTree]:
    """`(state, outputs [rows])` of `step(state, row) → (state, output)`, over one row after another."""
    if rows.reward.shape[0] == 1:  # a loop of one iteration costs more than its body
        state, output = step(state, jax.tree.map(lambda x: x[0], rows))
        return state, jax.tree.map(lambda x: x[None], output)
    return jax.lax.scan(step, state, rows)


def step_by_step(
    learn: Callable[[Any, Row, Clock], tuple[Any, Errors]],
    state: Any,
    batch: Batch,
    key: jax.Array,
    clock: Clock,
    learning_rate: float | Schedule,
) -> tuple[Any, Metrics]:
    """`(state, metrics)` after a whole batch; `learn` gives `(state, TD errors)` after one step."""

    def one(state: Any, row: Row) -> tuple[Any, Errors]:
        return learn(state, row, clock)

    state, errors = scan_steps(one, state, rows(state.space, batch, key, clock))
    return state, {"train/td_error": errors.mean(), "train/learning_rate": at(learning_rate, clock)}


def _parts(space: Dict | Tuple) -> dict[Any, Space]:
    return dict(space.items) if isinstance(space, Dict) else dict(enumerate(space.items))


def _countable(space: Space) -> bool:
    """Whether there is a whole number for each observation."""
    if isinstance(space, Dict | Tuple):
        return all(map(_countable, _parts(space).values()))
    return isinstance(space, Discrete | MultiDiscrete)


def _discrete(space: Space) -> Discrete:
    assert isinstance(space, Discrete)
    return space
