"""Branches that stay branches for many learners side by side, as those of what is done at some updates only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from operant.ops.metrics import only_where
from operant.types import PyTree


def every(
    interval: int, count: jax.Array, step: Callable[[PyTree], tuple[PyTree, dict[str, Any]]], learnt: PyTree
) -> tuple[PyTree, dict[str, Any]]:
    """What `step(learnt)` gives where `interval` divides `count`; otherwise what was learnt, and no metrics.

    Of many learners side by side (`jax.vmap`) none computes a step that is due for none of them.
    """
    if interval == 1:
        return step(learnt)
    _, like = jax.eval_shape(step, learnt)
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), like)
    due = count % interval == 0

    def step_if_due(learnt: PyTree) -> tuple[PyTree, dict[str, Any]]:
        """For each learner by itself: some may be due where others are not."""
        return jax.tree.map(lambda new, same: jnp.where(due, new, same), step(learnt), (learnt, nothing))

    learnt, metrics = jax.lax.cond(largest_of_all(due), step_if_due, lambda same: (same, nothing), learnt)
    return learnt, only_where(due, metrics)


@custom_vmap
def largest_of_all(value: jax.Array) -> jax.Array:
    """The flag or number itself; of many learners side by side, the largest one for all of them: True where any is.

    Only so do `jax.lax.cond` and `jax.lax.switch` stay branches. By values of their own they would compute every side
    for all, and choose. What is done must be right for the others, too.
    """
    return value


@largest_of_all.def_vmap
def _largest_of_all(axis_size: int, in_batched: list[bool], value: jax.Array) -> tuple[jax.Array, bool]:
    return largest_of_all(jnp.max(value, 0) if in_batched[0] else value), False
