"""Learners of one program with hyperparameters of their own: each learner's numbers are part of what it knows.

Traced hyperparameters are arguments of a compiled program, and all learners of a run share them. `Varied` moves some
of them into the state, which every learner has for itself: stacked along the axis of seeds, they differ from learner
to learner. So no loop knows of it, checkpoints hold them, and whoever selects or copies learners takes them along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm, Estimates, ReturnDistribution
from operant.ops.exploration_noise import ExplorationNoise
from operant.ops.metrics import Metrics
from operant.types import Batch, Clock, EnvSpec, Experience, PyTree, Transition


class VariedState(eqx.Module):
    """What a learner knows, and the hyperparameters that it learns by."""

    learnt: PyTree
    numbers: tuple[jax.Array, ...]  # scalars


class Varied(Algorithm):
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

    @property
    def name(self) -> str:
        return self.algorithm.name

    @property
    def experience(self) -> Experience:
        return self.algorithm.experience

    @property
    def learns_from_older(self) -> bool:
        return self.algorithm.learns_from_older

    @property
    def default_num_envs(self) -> int:
        return self.algorithm.default_num_envs

    @property
    def default_workers(self) -> int | None:
        return self.algorithm.default_workers

    @property
    def worker_gradients(self) -> None:
        """None: no workers play for it."""
        return None

    def for_workers(self) -> Self:
        return replace(self, algorithm=self.algorithm.for_workers())

    @property
    def exploration(self) -> ExplorationNoise:
        return self.algorithm.exploration

    def check(self, spec: EnvSpec) -> None:
        self.algorithm.check(spec)

    def advice(self, spec: EnvSpec) -> list[str]:
        return self.algorithm.advice(spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> VariedState:
        leaves = jax.tree.leaves(self.algorithm)
        return self.begin(spec, key, [as_traced(leaves[place]) for place in self.places])

    def initial_carry(self, state: VariedState, num_envs: int) -> PyTree:
        return self.by(state.numbers).initial_carry(state.learnt, num_envs)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return self.algorithm.sample_noise(spec, key)

    def importance(self, clock: Clock) -> jax.Array | float:
        return self.algorithm.importance(clock)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        own = self.by(state.numbers)
        return own.act(state.learnt, observation, action_mask, carry, noise, clock, explore=explore)

    def network_of(self, state: VariedState) -> Any:
        return self.by(state.numbers).network_of(state.learnt)

    def probabilities(self, spec, state, observation, action_mask, carry) -> jax.Array:
        return self.by(state.numbers).probabilities(spec, state.learnt, observation, action_mask, carry)

    def estimates(self, state, observation, action_mask, carry) -> tuple[Estimates, PyTree]:
        return self.by(state.numbers).estimates(state.learnt, observation, action_mask, carry)

    def action_returns(self, state, observation, action, carry) -> ReturnDistribution | None:
        return self.by(state.numbers).action_returns(state.learnt, observation, action, carry)

    def update_statistics(self, state: VariedState, transition: Transition) -> VariedState:
        learnt = self.by(state.numbers).update_statistics(state.learnt, transition)
        return VariedState(learnt, state.numbers)

    def update(self, state: VariedState, batch: Batch, key: jax.Array, clock: Clock) -> Any:
        if batch.behavior is not None:
            batch = eqx.tree_at(lambda b: b.behavior, batch, batch.behavior.learnt)
        learnt, *others = self.by(state.numbers).update(state.learnt, batch, key, clock)
        return VariedState(learnt, state.numbers), *others

    def validation(self, state: VariedState, batch: Batch) -> dict[str, jax.Array]:
        return self.by(state.numbers).validation(state.learnt, batch)

    def report(self, state: VariedState) -> Metrics:
        return self.by(state.numbers).report(state.learnt)


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
