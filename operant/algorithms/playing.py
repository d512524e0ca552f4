"""A policy that plays and learns nothing: with it the engine only collects."""

from __future__ import annotations

import equinox as eqx
import jax

from operant.algorithms.base import Algorithm
from operant.types import Batch, Clock, EnvSpec, PyTree, Rollout


class Playing(Algorithm):
    """An algorithm's policy, as it acts once training is over."""

    learnt: Algorithm  # whose policy it is; the state is that one's too
    steps: int = eqx.field(static=True)
    explore: bool = eqx.field(static=True)

    @property
    def name(self) -> str:
        return self.learnt.name

    @property
    def experience(self) -> Rollout:
        return Rollout(self.steps)

    def check(self, spec: EnvSpec) -> None:
        self.learnt.check(spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return self.learnt.init(spec, key)

    def initial_carry(self, state: PyTree, num_envs: int) -> PyTree:
        return self.learnt.initial_carry(state, num_envs)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return self.learnt.sample_noise(spec, key)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        finished = Clock.finished()
        if self.explore:
            noise = self.learnt.exploration.fresh(noise, finished)
        return self.learnt.act(state, observation, action_mask, carry, noise, finished, explore=self.explore)

    def update(self, state: PyTree, batch: Batch, key: jax.Array, clock: Clock):
        return state, {}
