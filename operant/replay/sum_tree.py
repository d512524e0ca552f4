"""A tree of sums over many numbers: drawing in proportion to them, and changing them, in O(log n) for whole batches.

A level is a flat array in which every `FAN_OUT` neighbours are the children of one node; the first level holds the
numbers themselves, and each further one the sums of the nodes of the one before. Sums are always recomputed from their
parts, never changed by differences, so rounding does not accumulate however often numbers change.

Indices are unsigned inside: a signed one might count from the end, which XLA would look into at every level.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

FAN_OUT = 16  # measured: docs/decisions/0007-replay.md

Levels = tuple[jax.Array, ...]  # leaves first


def init(size: int) -> Levels:
    """Zeros for `size` numbers."""
    levels, nodes = [], size
    while True:
        nodes = math.ceil(nodes / FAN_OUT)
        levels.append(jnp.zeros(nodes * FAN_OUT, jnp.float32))
        if nodes == 1:
            return tuple(levels)


def total(levels: Levels) -> jax.Array:
    """The sum of all numbers."""
    return jnp.sum(levels[-1])


def set(levels: Levels, index: jax.Array, value: jax.Array) -> Levels:
    """With the numbers `[B]` at the indices `[B]`; the same index twice must have the same number."""
    index = index.astype(jnp.uint32)
    return _summed(levels, levels[0].at[index].set(value), index)


def update(levels: Levels, index: jax.Array, old: jax.Array, new: jax.Array) -> Levels:
    """With the numbers `new` `[B]` instead of the `old` ones, which were read; of several for one index the largest.

    That they were read must show: a tree that somebody might still read is copied before it is written.
    """
    index = index.astype(jnp.uint32)
    return _summed(levels, levels[0].at[index].set(-old).at[index].max(new), index)


def _summed(levels: Levels, leaves: jax.Array, index: jax.Array) -> Levels:
    """The levels above these leaves, which were changed at the indices `[B]`."""
    changed = [leaves]
    for level in levels[1:]:
        index = index // FAN_OUT
        changed.append(level.at[index].set(jnp.sum(_nodes(changed[-1])[index], -1)))
    return tuple(changed)


def set_range(levels: Levels, first: jax.Array, value: jax.Array) -> Levels:
    """With the numbers `[P]` at the indices `first` to `first + P − 1`."""
    changed, count = [jax.lax.dynamic_update_slice_in_dim(levels[0], value, first, 0)], len(value)
    for level in levels[1:]:
        nodes = _nodes(changed[-1])
        count = min(
            1 + (count + FAN_OUT - 2) // FAN_OUT, len(nodes)
        )  # nodes that `count` neighbours may lie in
        first = jnp.minimum(first // FAN_OUT, len(nodes) - count)
        sums = jnp.sum(jax.lax.dynamic_slice_in_dim(nodes, first, count), -1)
        changed.append(jax.lax.dynamic_update_slice_in_dim(level, sums, first, 0))
    return tuple(changed)


def find(levels: Levels, bits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """`(indices, their numbers)`, each `[B]`, drawn in proportion to the numbers, by random `uint32` `[B, 2]`.

    The sum of all is split into B equal ranges, and one draw falls into each (stratified sampling: Schaul et al. 2016,
    appendix B.2.1). A number of 0 is never drawn, unless all are 0.
    """
    batch = len(bits)
    coarse, fine = jnp.moveaxis((bits >> 8).astype(jnp.float32) * 2.0**-24, -1, 0)
    everything = total(levels)
    rest = (jnp.arange(batch) + coarse) / batch * everything
    node = child = jnp.zeros(batch, jnp.uint32)
    numbers = jnp.zeros((batch, FAN_OUT), jnp.float32)
    for level in reversed(levels):
        numbers = _nodes(level)[node]
        prefix = jnp.cumsum(numbers, -1)
        # How many children lie before the one that is meant. Rounding may raise `rest` above the sum of all; the last
        # child that is not 0 is where the prefix sums reach their end.
        child = jnp.sum((prefix <= rest[:, None]) & (prefix < prefix[:, -1:]), -1, dtype=jnp.uint32)
        before = _child(prefix, jnp.maximum(child, 1) - 1)
        # Not below 0, which a product and a difference that a processor rounds together may be: before all children.
        rest = jnp.maximum(rest - jnp.where(child > 0, before, 0.0), 0.0)
        if level is levels[-2:][0]:
            # Up to the sum of all, a float32 has steps wider than a small one of a million numbers: what lies between
            # two steps is drawn here, where sums are smaller.
            rest = rest + fine * everything * 2.0**-24
        node = node * FAN_OUT + child
    return node.astype(jnp.int32), _child(numbers, child)


def _nodes(level: jax.Array) -> jax.Array:
    return level.reshape(-1, FAN_OUT)


def _child(nodes: jax.Array, child: jax.Array) -> jax.Array:
    """The number `[B]` of one child each of nodes `[B, FAN_OUT]`."""
    return jnp.take_along_axis(nodes, child[:, None], -1)[:, 0]
