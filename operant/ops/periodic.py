"""What is done at some updates only, as the delayed updates of a policy are."""

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

    learnt, metrics = jax.lax.cond(_of_any(due), step_if_due, lambda same: (same, nothing), learnt)
    return learnt, only_where(due, metrics)


@custom_vmap
def _of_any(flag: jax.Array) -> jax.Array:
    """The flag itself; of many learners side by side, one flag for all of them, True where any has it.

    Only so does `jax.lax.cond` stay a branch. By flags of their own it would compute both sides for all, and choose.
    """
    return flag


@_of_any.def_vmap
def _of_any_learner(axis_size: int, in_batched: list[bool], flag: jax.Array) -> tuple[jax.Array, bool]:
    return _of_any(jnp.any(flag, 0) if in_batched[0] else flag), False
