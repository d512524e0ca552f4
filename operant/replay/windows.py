"""Consecutive rows of one environment: what n-step returns and sequences are made of, never across the write head.

Rows are indices into a ring of `capacity` rows; the newest is the one before `position`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from operant.types import PyTree, Transition


def next_rows(row: jax.Array, length: int, position: jax.Array, capacity: int) -> tuple[jax.Array, jax.Array]:
    """`(rows, exist)`, each `[length, B]`: every row `[B]` and those after it, and whether they have been written."""
    ahead = jnp.arange(length)[:, None]
    remaining = (position - 1 - row) % capacity
    return (row[None] + ahead) % capacity, ahead <= remaining[None]


Outcome = Callable[[tuple[jax.Array, jax.Array]], tuple[jax.Array, jax.Array]]
"""`(rewards, terminated)` of the steps at `(rows, environments)`, each `[n, B]`."""


def n_step(
    rows: Transition,
    row: jax.Array,
    env: jax.Array,
    n: int,
    position: jax.Array,
    outcome: Outcome | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """`(last row [B], rewards [n, B], steps [B], terminated [B])` of up to n steps on from each `(row, env)` `[B]`.

    They end early at an episode's end, at the newest row, and before a step that never happened. Rewards after the end
    are 0. With `outcome` rewards and terminations are what it says, instead of those stored.
    """
    ahead, exist = next_rows(row, n, position, rows.reward.shape[0])
    at = (ahead, jnp.broadcast_to(env[None], ahead.shape))
    reward, terminated = (rows.reward[at], rows.terminated[at]) if outcome is None else outcome(at)
    going_on = ~(rows.done[at] | terminated)
    # Not `rows.mask`, an array as long as the ring of which a few elements would be read.
    if rows.valid is not None:
        exist &= rows.valid[at]
    # The first is always taken: what never happened has no weight.
    taken = jnp.concatenate([jnp.ones_like(exist[:1]), exist[1:] & going_on[:-1]])
    taken = jnp.cumprod(taken.astype(jnp.int32), axis=0)
    steps = jnp.sum(taken, 0)
    last = (row + steps - 1) % rows.reward.shape[0]
    ends = jnp.take_along_axis(terminated, steps[None] - 1, 0)[0]
    return last, jnp.where(taken > 0, reward, 0.0), steps, ends


def discounts(rows: Transition, row: jax.Array, env: jax.Array, n: int, steps: jax.Array) -> PyTree:
    """`[n + 1, B]`: the products of the environment's discounts before each of up to n steps, and after all of them.

    None where it has none. `steps` `[B]` is how many were taken, of which later ones count 1.
    """
    if rows.discount is None:
        return None
    ahead = jnp.arange(n)[:, None]
    at = ((row[None] + ahead) % rows.reward.shape[0], jnp.broadcast_to(env[None], (n, len(row))))
    own = jnp.where(ahead < steps[None], rows.discount[at], 1.0)
    return jnp.cumprod(jnp.concatenate([jnp.ones_like(own[:1]), own]), 0)
