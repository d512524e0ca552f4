"""A tree of sums over many numbers: drawing in proportion to them, and changing them, in O(log n) for whole batches.

Every node has `FAN_OUT` children, and a level is an array `[nodes, FAN_OUT]` that holds, for each of its nodes, the
sums of that node's children; the first level holds the numbers themselves. Sums are always recomputed from their parts,
never changed by differences, so rounding does not accumulate however often numbers change.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

FAN_OUT = 32

Levels = tuple[jax.Array, ...]  # leaves first


def init(size: int) -> Levels:
    """Zeros for `size` numbers."""
    levels, nodes = [], size
    while True:
        nodes = math.ceil(nodes / FAN_OUT)
        levels.append(jnp.zeros((nodes, FAN_OUT), jnp.float32))
        if nodes == 1:
            return tuple(levels)


def total(levels: Levels) -> jax.Array:
    """The sum of all numbers."""
    return jnp.sum(levels[-1])


def get(levels: Levels, index: jax.Array) -> jax.Array:
    """The numbers of these indices `[B]`."""
    return levels[0][index // FAN_OUT, index % FAN_OUT]


def put(levels: Levels, index: jax.Array, value: jax.Array) -> Levels:
    """With these numbers `[B]` at the indices `[B]`; of several for one index the largest is taken."""
    node, child = index // FAN_OUT, index % FAN_OUT
    leaves = levels[0].at[node, child].set(0.0).at[node, child].max(value)
    changed = [leaves]
    for level in levels[1:]:
        sums = jnp.sum(changed[-1][node], -1)
        node, child = node // FAN_OUT, node % FAN_OUT
        changed.append(level.at[node, child].set(sums))
    return tuple(changed)


def find(levels: Levels, bits: jax.Array) -> jax.Array:
    """Indices `[B]` drawn in proportion to the numbers, by random `uint32` numbers `[B, 2]`.

    The sum of all is cut into B equal ranges, and one number falls into each (stratified sampling: Schaul et al. 2016,
    appendix B.2.1). A number of 0 is never drawn, unless all are 0.
    """
    batch = bits.shape[0]
    coarse, fine = jnp.moveaxis((bits >> 8).astype(jnp.float32) * 2.0**-24, -1, 0)
    everything = total(levels)
    rest = (jnp.arange(batch) + coarse) / batch * everything
    node = jnp.zeros(batch, jnp.int32)
    prefix_of = jnp.triu(jnp.ones((FAN_OUT, FAN_OUT), jnp.float32))
    for level in reversed(levels):
        prefix = jnp.dot(level[node], prefix_of, precision=jax.lax.Precision.HIGHEST)
        # Rounding may put `rest` behind everything; the last child that is not 0 is where the prefix sums end.
        last = jnp.sum(prefix < prefix[:, -1:], -1)
        child = jnp.minimum(jnp.sum(prefix <= rest[:, None], -1), last)
        before = jnp.take_along_axis(prefix, jnp.maximum(child - 1, 0)[:, None], -1)[:, 0]
        rest = rest - jnp.where(child > 0, before, 0.0)
        if level is levels[-1]:
            # A float32 up to the sum of all has steps as wide as many of a million numbers: what lies between two of
            # them is drawn here, where numbers are smaller.
            rest = rest + fine * everything * 2.0**-24
        node = node * FAN_OUT + child
    return node
