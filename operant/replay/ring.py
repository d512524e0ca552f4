"""The ring of past transitions that replay draws from."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.replay import windows
from operant.replay.prioritized import Priorities
from operant.types import Batch, PyTree, Replay, Transition


class Ring(eqx.Module):
    """The last rows of experience; a row is one step of all N environments. Leaves of `rows`: `[capacity, N, …]`."""

    rows: Transition
    position: jax.Array  # int32: where the next row goes
    filled: jax.Array  # int32: how many rows hold experience
    priorities: Priorities | None = None  # of place row·N + environment


def capacity_rows(plan: Replay, num_envs: int) -> int:
    """How many rows hold the plan's capacity: a whole number of insertions, so that none is split by the ring's end."""
    per_insertion = plan.collect_steps * num_envs
    return max(1, plan.capacity // per_insertion) * plan.collect_steps


def init(plan: Replay, transition: PyTree) -> Ring:
    """An empty ring for transitions like the given example (arrays or their shapes, `[N, …]`)."""
    num_envs = transition.reward.shape[0]
    rows = capacity_rows(plan, num_envs)
    data = jax.tree.map(lambda x: jnp.zeros((rows, *x.shape), x.dtype), transition)
    priorities = Priorities.init(rows * num_envs) if plan.priority else None
    return Ring(data, jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32), priorities)


def insert(ring: Ring, transition: Transition) -> Ring:
    """With `collect_steps` new rows `[T, N, …]` in place of the oldest."""
    capacity, num_envs = ring.rows.reward.shape
    added = transition.reward.shape[0]

    def write(rows: jax.Array, new: jax.Array) -> jax.Array:
        return jax.lax.dynamic_update_slice_in_dim(rows, new.astype(rows.dtype), ring.position, 0)

    priorities = ring.priorities
    if priorities is not None:
        place = ring.position * num_envs + jnp.arange(added * num_envs)
        happened = jnp.ones(transition.reward.shape, bool) if transition.valid is None else transition.valid
        priorities = priorities.insert(place, happened.reshape(-1))
    return Ring(
        jax.tree.map(write, ring.rows, transition),
        (ring.position + added) % capacity,
        jnp.minimum(ring.filled + added, capacity),
        priorities,
    )


def sample(
    plan: Replay, ring: Ring, bits: jax.Array, beta: jax.Array | float = 1.0
) -> tuple[Batch, jax.Array]:
    """`(batch [B], places [B])`, drawn with replacement by random `uint32` numbers `[B]`, or `[B, 2]` by priority.

    β is the exponent of the importance weights. Where every transition is as likely, the remainder of 32 random bits is
    uniform to within 1 part in 4,000 at a million transitions.
    """
    num_envs = ring.rows.reward.shape[1]
    if ring.priorities is None:
        place = (bits % (ring.filled * num_envs).astype(jnp.uint32)).astype(jnp.int32)
        importance = None
    else:
        place, importance = ring.priorities.draw(bits, beta)
    transition = _take(ring.rows, place)
    weight = weight_of(transition)
    batch = Batch(transition, weight if importance is None else weight * importance)
    if plan.n_step > 1:
        batch = _n_steps(plan, ring, place, batch)
    return batch, place


def weight_of(transition: Transition) -> jax.Array:
    """1 for every step, and 0 for one that never happened."""
    valid = transition.valid
    return jnp.ones_like(transition.reward) if valid is None else valid.astype(jnp.float32)


def _n_steps(plan: Replay, ring: Ring, place: jax.Array, batch: Batch) -> Batch:
    """The batch with its transitions reaching n steps ahead."""
    num_envs = ring.rows.reward.shape[1]
    env = place % num_envs
    last, rewards, steps = windows.n_step(ring.rows, place // num_envs, env, plan.n_step, ring.position)
    end = _take(ring.rows, last * num_envs + env)
    transition = replace(
        batch.transition,
        terminated=end.terminated,
        truncated=end.truncated,
        next_observation=end.next_observation,
        next_action_mask=end.next_action_mask,
    )
    return Batch(transition, batch.weight, rewards=rewards, steps=steps)


def _take(rows: PyTree, place: jax.Array) -> PyTree:
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[place], rows)
