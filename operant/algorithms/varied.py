"""Learners of one program with hyperparameters of their own: each learner's numbers are part of what it knows.

Traced hyperparameters are arguments of a compiled program, and all learners of a run share them. `Varied` moves some
of them into the state, which every learner has for itself: stacked along the axis of seeds, they differ from learner
to learner. So no loop knows of it, checkpoints hold them, and whoever selects or copies learners takes them along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.algorithms.wrapped import WrappedAlgorithm, behaved
from operant.types import Batch, Clock, EnvSpec, PyTree


class VariedState(eqx.Module):
    """What a learner knows, and the hyperparameters that it learns by."""

    learner: PyTree
    numbers: tuple[jax.Array, ...]  # scalars


class Varied(WrappedAlgorithm):
    """An algorithm of whose numbers some, the leaves at `places`, are read from the state."""

    algorithm: Algorithm  # of whose values at `places` nothing is looked at but in `init`
    places: tuple[int, ...] = eqx.field(static=True)

    def by(self, numbers: Sequence[jax.Array]) -> Algorithm:
        """The algorithm with these numbers."""
        leaves, structure = jax.tree.flatten(self.algorithm)
        for place, number in zip(self.places, numbers, strict=True):
            leaves[place] = number
        return structure.unflatten(leaves)

    def begin(self, spec: EnvSpec, key: jax.Array, numbers: Sequence[jax.Array]) -> VariedState:
        """The state before the first step of a learner with these numbers."""
        return VariedState(self.by(numbers).init(spec, key), tuple(numbers))

    def numbers_of(self, algorithms: Sequence[Algorithm]) -> tuple[np.ndarray, ...]:
        """The numbers `[K]` at `places` of K algorithms that are `apart` nowhere else."""
        leaves = [jax.tree.leaves(algorithm) for algorithm in algorithms]
        return tuple(np.stack([np.asarray(as_traced(own[place])) for own in leaves]) for place in self.places)

    # the protocol

    def acting(self, state: VariedState) -> Algorithm:
        return self.by(state.numbers)

    def init(self, spec: EnvSpec, key: jax.Array) -> VariedState:
        leaves = jax.tree.leaves(self.algorithm)
        return self.begin(spec, key, [as_traced(leaves[place]) for place in self.places])

    def update(self, state: VariedState, batch: Batch, key: jax.Array, clock: Clock) -> Any:
        learner, *others = self.acting(state).update(state.learner, behaved(batch), key, clock)
        return replace(state, learner=learner), *others


def as_traced(leaf: Any) -> jax.Array:
    """A number as a compiled program takes it: Python's have 32 bits."""
    kind = jnp.result_type(leaf)
    if isinstance(leaf, float | int) and not isinstance(leaf, bool):
        kind = jnp.float32 if isinstance(leaf, float) else jnp.int32
    return jnp.asarray(leaf, kind)


def differing(algorithms: Sequence[Algorithm]) -> tuple[int, ...]:
    """The places of the leaves in which algorithms of one structure differ."""
    first, *others = [jax.tree.leaves(algorithm) for algorithm in algorithms]
    return tuple(
        place
        for place, leaf in enumerate(first)
        if any(own[place] is not leaf and not np.array_equal(own[place], leaf) for own in others)
    )


def apart(algorithm: Algorithm, spec: EnvSpec) -> tuple[Any, ...]:
    """What must be equal of two algorithms for `Varied` to train both in one program: hashable.

    That is their structure, which holds all that is static, and what is computed without the state: the plan of
    experience, the noise that is drawn, the process of exploration and the weights of replay by priority.
    """

    def explored(key: jax.Array) -> PyTree:
        process, noise = algorithm.exploration, algorithm.sample_noise(spec, key)
        return process.step(process.init(noise), noise, Clock.start())

    traced = [
        jax.make_jaxpr(explored)(jax.random.key(0)),
        jax.make_jaxpr(algorithm.importance)(Clock.start()),
    ]
    return jax.tree.structure(algorithm), algorithm.experience, *map(str, traced)
