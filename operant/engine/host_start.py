"""How a run over environments in Python begins, and begins afresh after somebody else has played them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import settings
from operant.algorithms.base import Algorithm
from operant.engine.statistics import WINDOW
from operant.engine.train_state import TrainState, initial_state, start
from operant.envs.goals import Goals
from operant.ops.normalization import Normalizer
from operant.replay import ring
from operant.types import EnvSpec, PyTree

Seen = tuple[PyTree, PyTree]  # what is acted on next: observation and action mask, of each learner


def compiled(
    function: Callable, seeds: int | None, options: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """`function(algorithm, *arguments)`, compiled; mapped over the arguments' first axis when there are seeds."""
    if seeds is None:
        mapped = function
    else:

        def mapped(algorithm: Algorithm, *arguments: Any) -> Any:
            return jax.vmap(lambda *own: function(algorithm, *own))(*arguments)

    return jax.jit(mapped, compiler_options=dict(options or {}))


def first_run(
    algorithm: Algorithm,
    spec: EnvSpec,
    seeds: int | None,
    key: jax.Array,
    seen: Seen,
    window: int = WINDOW,
    goals: Goals | None = None,
) -> TrainState:
    """A run before its first step, of environments that have just been reset."""

    def initial(algorithm: Algorithm, key: jax.Array) -> PyTree:
        return initial_state(algorithm, spec, key)

    def first(
        algorithm: Algorithm, key: jax.Array, state: PyTree, observation: PyTree, action_mask: PyTree
    ) -> TrainState:
        return start(algorithm, spec, key, state, (), observation, action_mask, window, goals)

    make_state = compiled(initial, seeds, settings.once(exact=False))
    make = compiled(first, seeds, settings.once(exact=True))
    return make(algorithm, key, make_state(algorithm, key), *seen)


def with_fresh_episodes(run: TrainState, seen: Seen, carries: tuple[PyTree, PyTree]) -> TrainState:
    """A stored run whose environments have been reset; `carries` are those of an episode's start."""
    statistics = run.statistics

    def kind(node: PyTree) -> bool:
        return isinstance(node, Normalizer)

    afresh = jax.tree.map(lambda node: node.afresh() if kind(node) else node, run.state, is_leaf=kind)
    observation, action_mask = seen
    return eqx.tree_at(
        lambda r: (
            *(r.state, r.observation, r.action_mask, r.carry, r.exploration, r.replay),
            *(r.statistics.running_return, r.statistics.running_length),
        ),
        run,
        (
            afresh,
            jax.tree.map(jnp.asarray, observation),
            jax.tree.map(jnp.asarray, action_mask),
            *carries,
            None if run.replay is None else ring.truncate_open_episodes(run.replay),
            jnp.zeros_like(statistics.running_return),
            jnp.zeros_like(statistics.running_length),
        ),
        is_leaf=lambda x: x is None,
    )
