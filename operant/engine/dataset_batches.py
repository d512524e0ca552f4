"""Which recorded steps an update learns from: the order of an epoch, and the batches of it.

Where a run stands in a dataset follows from how many updates it has made, and the order of an epoch from the run's key
and the epoch's number.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.engine.train_state import Stream, stream
from operant.ops.shuffle import permutations
from operant.plans import Dataset
from operant.types import Batch, PyTree, Transition


class Order(NamedTuple):
    """In which order the K epochs from `first` on go through a dataset's windows."""

    windows: jax.Array  # int32 [K, W]
    offset: jax.Array  # int32 [K]: the step with which the first window begins


class Rows(NamedTuple):
    """A batch's steps, `[L, B]`."""

    rows: jax.Array  # int32
    weight: jax.Array  # float32: 0 for what fills up the last window, or the last batch


def windows(plan: Dataset, steps: int) -> int:
    """W: of how many sequences an epoch consists; without a memory, of all steps."""
    return -(-steps // plan.sequence)


def updates_per_epoch(plan: Dataset, steps: int) -> int:
    """Of how many batches; the last one may have less in it than the others."""
    return -(-windows(plan, steps) // plan.batch_size)


def order(plan: Dataset, steps: int, count: int, key: jax.Array, first: jax.Array) -> Order:
    """That of `count` epochs of a run with this key: each one's own, whichever are made together."""

    def one(epoch: jax.Array) -> Order:
        mine = jax.random.fold_in(stream(key, Stream.REPLAY), epoch)
        if plan.neighbours > 1:
            shuffled = among_neighbours(mine, windows(plan, steps), plan.batch_size, plan.neighbours)
        else:
            shuffled = permutations(mine, 1, windows(plan, steps))[0]
        return Order(shuffled, jax.random.randint(jax.random.fold_in(mine, 1), (), 0, plan.sequence))

    return jax.lax.map(one, first + jnp.arange(count, dtype=jnp.int32))


def among_neighbours(key: jax.Array, count: int, size: int, neighbours: int) -> jax.Array:
    """An order of 0…count−1 in batches of `size`, each drawn from about `neighbours · size` numbers in a row.

    The batches come in any order, but for the one that is not full, which is the last; any numbers may be in it.
    """
    of_last, of_blocks, of_rows, of_batches = (jax.random.fold_in(key, i) for i in range(2, 6))
    full, rest = count // size, count % size
    place = jax.random.randint(of_last, (), 0, full + 1) * size  # where those of the last batch are taken out
    index = jnp.arange(full * size)
    offset = jax.random.randint(of_blocks, (), 0, neighbours) * size
    block = (index + offset) // (neighbours * size)
    index = index[jnp.lexsort((jax.random.uniform(of_rows, index.shape), block))]
    batches = jnp.where(index < place, index, index + rest).reshape(full, size)
    batches = batches[permutations(of_batches, 1, full)[0]] if full else batches
    return jnp.concatenate([batches.reshape(-1), place + jnp.arange(rest)]).astype(jnp.int32)


def select_rows(plan: Dataset, steps: int, order: Order, update: jax.Array) -> Rows:
    """The batch of the update of this number, counted from the first of these epochs."""
    each = updates_per_epoch(plan, steps)
    epoch, batch = update // each, update % each
    slot = batch * plan.batch_size + jnp.arange(plan.batch_size)
    known = slot < windows(plan, steps)
    window = order.windows[epoch, jnp.where(known, slot, 0)]
    step = (window * plan.sequence)[None] + jnp.arange(plan.sequence)[:, None]
    known = known[None] & (step < steps)
    rows = (jnp.where(known, step, 0) + order.offset[epoch]) % steps
    return Rows(rows, known.astype(jnp.float32))


def batch_of(algorithm: Algorithm, plan: Dataset, state: PyTree, steps: Transition, selected: Rows) -> Batch:
    """What `Algorithm.update` learns from: `[B]`, or sequences `[L, B]`."""
    rows, weight = selected if plan.sequence > 1 else jax.tree.map(lambda x: x[0], selected)
    carry = algorithm.initial_carry(state, plan.batch_size) if plan.sequence > 1 else ()
    return Batch(jax.tree.map(lambda x: x[rows], steps), weight, carry)
