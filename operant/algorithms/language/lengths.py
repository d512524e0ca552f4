"""Batches of texts at about their own length: rows of a dataset are as long as its longest, and most need not be.

A batch is cut to the shortest of a few sizes that all of its texts fit into. The program has a branch for each size, so
that nothing is compiled for a length; of many learners side by side all take the branch of the longest batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.language.data.arrays import Arrays
from operant.ops.periodic import largest_of_all
from operant.types import Batch, PyTree

SHORTEST, MOST = 32, 4  # the smallest size that is worth a branch, and how many sizes there are at the most
NEIGHBOURS = 8  # batches' worth of texts of about one length, of which a batch is drawn


def sizes(length: int) -> list[int]:
    """The lengths to which rows of this length may be cut, from the shortest: halves of each other."""
    found = [length]
    while len(found) < MOST and found[0] > SHORTEST:
        found.insert(0, -(-found[0] // 2))
    return found


def in_order(seen: Arrays) -> Arrays:
    """Rows from the shortest to the longest, so that neighbours are of about one length; packed ones as they are."""
    tokens, start = seen["tokens"], seen["start"]
    if start.shape == tokens.shape:
        return seen
    length = tokens.shape[-1] - start.reshape(len(start), -1).min(axis=1)
    order = np.argsort(length, kind="stable")
    return {name: array[order] for name, array in seen.items()}


def at_own_length(function: Callable[[Batch], PyTree], batch: Batch) -> PyTree:
    """`function(batch)` of the batch's rows `[B, …, L]` without columns that are padding in all of them.

    Rows of weight 0 may lose a part of their text.
    """
    seen: dict[str, Any] = batch.transition.observation
    start, length = seen["start"], seen["tokens"].shape[-1]
    known = sizes(length)
    if start.shape == seen["tokens"].shape or len(known) == 1:
        return function(batch)

    def cut(size: int) -> Callable[[Batch], PyTree]:
        def of_size(batch: Batch) -> PyTree:
            seen: dict[str, Any] = dict(batch.transition.observation)
            seen |= {name: seen[name][..., length - size :] for name in ("tokens", "learnt") if name in seen}
            seen["start"] = jnp.maximum(seen["start"] - (length - size), 0)
            return function(replace(batch, transition=replace(batch.transition, observation=seen)))

        return of_size

    counted = (batch.weight > 0).reshape(-1, *(1,) * (start.ndim - 1))
    longest = length - jnp.min(jnp.where(counted, start, length))
    index = jnp.searchsorted(jnp.asarray(known), longest)
    return jax.lax.switch(largest_of_all(index), [cut(size) for size in known], batch)
