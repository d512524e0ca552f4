"""Several learners at once on the host: they share one batch of S·N environments; learner s owns rows s·N to (s+1)·N.

Arrays are `[…, S·N, …]` outside the functions that are mapped over the learners, and `[S, …, N, …]` inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from operant.ops.devices import SEEDS
from operant.types import PyTree


def inside(tree: PyTree, seeds: int | None, axis: int = 0) -> PyTree:
    """Leaves `[…, S·N, …]` with that axis at `axis`, as `[S, …, N, …]`; as they are without seeds."""
    if seeds is None:
        return tree

    def split(x: Any) -> jax.Array:
        return jnp.moveaxis(jnp.reshape(x, (*x.shape[:axis], seeds, -1, *x.shape[axis + 1 :])), axis, 0)

    return jax.tree.map(split, tree)


def outside(tree: PyTree, seeds: int | None, axis: int = 0) -> PyTree:
    """The inverse of `inside`."""
    if seeds is None:
        return tree

    def merge(x: jax.Array) -> jax.Array:
        x = jnp.moveaxis(x, 0, axis)
        return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])

    return jax.tree.map(merge, tree)


def each(function: Callable, seeds: int | None) -> Callable:
    """The function of one learner, as one of all of them."""
    return function if seeds is None else jax.vmap(function, spmd_axis_name=SEEDS)
