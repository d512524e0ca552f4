"""The ring of past transitions that replay draws from."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.replay import windows
from operant.replay.prioritized import Drawn, Priorities, importance_weights
from operant.types import Batch, PyTree, Replay, Transition


class Ring(eqx.Module):
    """The last rows of experience; a row is one step of all N environments. Leaves of `rows`: `[capacity, N, …]`."""

    rows: Transition
    position: jax.Array  # int32: where the next row goes
    filled: jax.Array  # int32: how many rows hold experience
    memory: PyTree = None  # [capacity, N, …] the policy's before each step; None unless sequences are drawn
    priorities: Priorities | None = None  # of place row·N + environment


def capacity_rows(plan: Replay, num_envs: int) -> int:
    """How many rows hold the plan's capacity: a whole number of insertions, so that none is split by the ring's end."""
    per_insertion = plan.collect_steps * num_envs
    return max(1, plan.capacity // per_insertion) * plan.collect_steps


def init(plan: Replay, transition: PyTree, carry: PyTree = ()) -> Ring:
    """An empty ring for transitions and policy memories like the given examples (arrays or their shapes, `[N, …]`).

    Raises ValueError where it cannot hold a sequence.
    """
    num_envs = transition.reward.shape[0]
    rows = capacity_rows(plan, num_envs)
    needed = plan.sequence + plan.collect_steps - 1
    if plan.sequence > 1 and rows < needed:
        raise ValueError(
            f"buffer_size={plan.capacity} holds {rows} steps of {num_envs} environments; sequences of {plan.sequence} "
            f"steps need {needed}: raise buffer_size to {needed * num_envs}."
        )
    empty = lambda tree: jax.tree.map(lambda x: jnp.zeros((rows, *x.shape), x.dtype), tree)  # noqa: E731
    return Ring(
        rows=empty(transition),
        position=jnp.zeros((), jnp.int32),
        filled=jnp.zeros((), jnp.int32),
        memory=empty(carry) if plan.sequence > 1 else None,
        priorities=Priorities.init(rows * num_envs) if plan.priority else None,
    )


def insert(plan: Replay, ring: Ring, transition: Transition, memory: PyTree = None) -> Ring:
    """With `collect_steps` new rows `[T, N, …]` in place of the oldest; `memory` is read where sequences are drawn."""
    capacity = ring.rows.reward.shape[0]
    added = transition.reward.shape[0]

    def write(rows: jax.Array, new: jax.Array) -> jax.Array:
        return jax.lax.dynamic_update_slice_in_dim(rows, new.astype(rows.dtype), ring.position, 0)

    return Ring(
        rows=jax.tree.map(write, ring.rows, transition),
        position=(ring.position + added) % capacity,
        filled=jnp.minimum(ring.filled + added, capacity),
        memory=None if ring.memory is None else jax.tree.map(write, ring.memory, memory),
        priorities=None if ring.priorities is None else _drawable(plan, ring, transition),
    )


def _drawable(plan: Replay, ring: Ring, transition: Transition) -> Priorities:
    """Priorities of what can be drawn once these rows are written."""
    assert ring.priorities is not None
    capacity, num_envs = ring.rows.reward.shape
    added = transition.reward.shape[0]
    if plan.sequence == 1:
        happened = jnp.ones(transition.reward.shape, bool) if transition.valid is None else transition.valid
        return ring.priorities.insert_range(ring.position * num_envs, happened.reshape(-1))
    # A sequence can start where its last row has been written: so many rows back. Those behind cannot yet.
    back = jnp.arange(plan.sequence - 1, -added, -1)
    rows = (ring.position - back) % capacity
    can_start = (back >= plan.sequence - added) & (back <= ring.filled)
    place = rows[:, None] * num_envs + jnp.arange(num_envs)[None]
    return ring.priorities.insert(place.reshape(-1), jnp.repeat(can_start, num_envs))


def sample(plan: Replay, ring: Ring, bits: jax.Array, beta: jax.Array | float = 1.0) -> tuple[Batch, Drawn]:
    """`(batch, what was drawn)`, with replacement, by random `uint32` numbers `[B]`, or `[B, 2]` by priority.

    β is the exponent of the importance weights. Where all is as likely, the remainder of 32 random bits is uniform to
    within 1 part in 4,000 at a million transitions.
    """
    drawn = _draw(plan, ring, bits) if ring.priorities is None else ring.priorities.draw(bits)
    batch = (
        _transitions(plan, ring, drawn.place) if plan.sequence == 1 else _sequences(plan, ring, drawn.place)
    )
    if drawn.priority is not None:
        weight = jnp.broadcast_to(importance_weights(drawn.priority, beta), batch.weight.shape)
        batch = replace(batch, weight=batch.weight * weight)
    return batch, drawn


def weight_of(transition: Transition) -> jax.Array:
    """1 for every step, and 0 for one that never happened."""
    valid = transition.valid
    return jnp.ones_like(transition.reward) if valid is None else valid.astype(jnp.float32)


def cut(ring: Ring) -> Ring:
    """With the newest episodes ended where they are, since what comes next does not follow from them."""
    newest = (ring.position - 1) % ring.rows.reward.shape[0]
    truncated = ring.rows.truncated.at[newest].set(~ring.rows.terminated[newest])
    return eqx.tree_at(lambda r: r.rows.truncated, ring, truncated)


def _draw(plan: Replay, ring: Ring, bits: jax.Array) -> Drawn:
    """Places that are equally likely: of a transition, or of a sequence's first."""
    capacity, num_envs = ring.rows.reward.shape
    if plan.sequence == 1:
        return Drawn((bits % (ring.filled * num_envs).astype(jnp.uint32)).astype(jnp.int32))
    starts = jnp.maximum(ring.filled - plan.sequence + 1, 1)
    chosen = (bits % (starts * num_envs).astype(jnp.uint32)).astype(jnp.int32)
    oldest = ring.position - ring.filled
    return Drawn((oldest * num_envs + chosen) % (capacity * num_envs))


def _transitions(plan: Replay, ring: Ring, place: jax.Array) -> Batch:
    transition = _take(ring.rows, place)
    batch = Batch(transition, weight_of(transition))
    if plan.n_step == 1:
        return batch
    num_envs = ring.rows.reward.shape[1]
    env = place % num_envs
    last, rewards, steps = windows.n_step(ring.rows, place // num_envs, env, plan.n_step, ring.position)
    end = _take(ring.rows, last * num_envs + env)
    transition = replace(
        transition,
        terminated=end.terminated,
        truncated=end.truncated,
        next_observation=end.next_observation,
        next_action_mask=end.next_action_mask,
    )
    return replace(batch, transition=transition, rewards=rewards, steps=steps)


def _sequences(plan: Replay, ring: Ring, place: jax.Array) -> Batch:
    """`[sequence, B, …]`, without weight as long as there is none that long."""
    capacity, num_envs = ring.rows.reward.shape
    along = jnp.arange(plan.sequence)[:, None] * num_envs
    transition = _take(ring.rows, (place[None] + along) % (capacity * num_envs))
    weight = jnp.where(ring.filled >= plan.sequence, weight_of(transition), 0.0)
    return Batch(transition, weight, _take(ring.memory, place))


def _take(rows: PyTree, place: jax.Array) -> PyTree:
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[place], rows)
