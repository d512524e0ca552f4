"""Policies that play and learn nothing: with them the engine only collects."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.plans import Replay, Rollout
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


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


class Refilling(Algorithm):
    """An algorithm that fills its replay by acting as it does in training, and learns nothing."""

    learnt: Algorithm  # whose policy and replay they are; the state is that one's too

    @property
    def name(self) -> str:
        return self.learnt.name

    @property
    def experience(self) -> Replay:
        plan = self.learnt.experience.replay
        assert plan is not None
        return replace(plan, updates=0)

    @property
    def exploration(self):
        return self.learnt.exploration

    def check(self, spec: EnvSpec) -> None:
        self.learnt.check(spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return self.learnt.init(spec, key)

    def initial_carry(self, state: PyTree, num_envs: int) -> PyTree:
        return self.learnt.initial_carry(state, num_envs)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return self.learnt.sample_noise(spec, key)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        return self.learnt.act(state, observation, action_mask, carry, noise, clock, explore=explore)

    def update_statistics(self, state: PyTree, transition: Transition) -> PyTree:
        return self.learnt.update_statistics(state, transition)

    def update(self, state: PyTree, batch: Batch, key: jax.Array, clock: Clock):
        if self.experience.priority:
            return state, {}, jnp.ones(batch.weight.shape[-1:])
        return state, {}
