"""What is made of the answers of several networks."""

from __future__ import annotations

import jax

from operant.types import PyTree


def random_subset(ensemble: PyTree, size: int | None, key: jax.Array) -> PyTree:
    """`size` of n different ones, each subset equally likely: leaves `[n, …]` to `[size, …]`; None or n: all, in order.

    As in the targets of REDQ: Chen et al. 2021, arXiv:2101.05982, algorithm 1, line 6.
    """
    count = jax.tree.leaves(ensemble)[0].shape[0]
    if size is None or size == count:
        return ensemble
    index = jax.random.permutation(key, count)[:size]
    return jax.tree.map(lambda x: x[index], ensemble)
