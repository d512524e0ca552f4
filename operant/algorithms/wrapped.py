"""An algorithm around another, which answers for it wherever the outer one has nothing to say of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax

from operant.algorithms.base import Algorithm, Estimates, ReturnDistribution
from operant.ops.exploration_noise import ExplorationNoise
from operant.ops.metrics import Metrics
from operant.plans import Experience
from operant.types import Batch, Clock, EnvSpec, PyTree, Recording, Transition


class WrappedAlgorithm(Algorithm):
    """The whole protocol, passed on to `algorithm`, but for `init` and `update`.

    A wrapper's state has the state of what it wraps in its field `learner`. No workers play for it.
    """

    algorithm: eqx.AbstractVar[Algorithm]

    @property
    def inner(self) -> Algorithm:
        """The algorithm as it learns here: what does not depend on the state is asked of it."""
        return self.algorithm

    def acting(self, state: Any) -> Algorithm:
        """The same, with such hyperparameters as this state holds."""
        return self.inner

    @property
    def innermost(self) -> Algorithm:
        return self.algorithm.innermost

    @property
    def name(self) -> str:
        return self.algorithm.name

    # what is asked before training

    @property
    def experience(self) -> Experience:
        return self.inner.experience

    @property
    def learns_from_older(self) -> bool:
        return self.inner.learns_from_older

    @property
    def default_workers(self) -> int | None:
        return self.inner.default_workers

    @property
    def worker_gradients(self) -> None:
        return None

    @property
    def default_num_envs(self) -> int:
        return self.inner.default_num_envs

    @property
    def exploration(self) -> ExplorationNoise:
        return self.inner.exploration

    def for_workers(self) -> Self:
        return replace(self, algorithm=self.algorithm.for_workers())

    def check(self, spec: EnvSpec) -> None:
        self.inner.check(spec)

    def advice(self, spec: EnvSpec) -> list[str]:
        return self.inner.advice(spec)

    def fitted_to(self, dataset: Any) -> Self:
        return replace(self, algorithm=self.algorithm.fitted_to(dataset))

    def read_dataset(self, dataset: Any) -> Recording | None:
        return self.algorithm.read_dataset(dataset)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return self.inner.sample_noise(spec, key)

    def importance(self, clock: Clock) -> jax.Array | float:
        return self.inner.importance(clock)

    # what is asked of a state

    def initial_carry(self, state: Any, num_envs: int) -> PyTree:
        return self.acting(state).initial_carry(state.learner, num_envs)

    def act(
        self,
        state: Any,
        observation: PyTree,
        action_mask: PyTree,
        carry: PyTree,
        noise: PyTree,
        clock: Clock,
        *,
        explore: bool,
    ) -> tuple[PyTree, PyTree, PyTree]:
        own = self.acting(state)
        return own.act(state.learner, observation, action_mask, carry, noise, clock, explore=explore)

    def network_of(self, state: Any) -> Any:
        return self.acting(state).network_of(state.learner)

    def probabilities(
        self, spec: EnvSpec, state: Any, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> jax.Array:
        return self.acting(state).probabilities(spec, state.learner, observation, action_mask, carry)

    def estimates(
        self, state: Any, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> tuple[Estimates, PyTree]:
        return self.acting(state).estimates(state.learner, observation, action_mask, carry)

    def action_returns(
        self, state: Any, observation: PyTree, action: PyTree, carry: PyTree
    ) -> ReturnDistribution | None:
        return self.acting(state).action_returns(state.learner, observation, action, carry)

    def update_statistics(self, state: Any, transition: Transition) -> Any:
        learner = self.acting(state).update_statistics(state.learner, transition)
        return replace(state, learner=learner)

    def validation(self, state: Any, batch: Batch) -> dict[str, jax.Array]:
        return self.acting(state).validation(state.learner, batch)

    def report(self, state: Any) -> Metrics:
        return self.acting(state).report(state.learner)


def behaved(batch: Batch) -> Batch:
    """The batch as the wrapped algorithm is given it: the state that acted is its own."""
    return batch if batch.behavior is None else replace(batch, behavior=batch.behavior.learner)
