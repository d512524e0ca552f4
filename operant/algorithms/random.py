"""The random policy: what every other is measured against, and how replay is warmed up."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import distributions
from operant.algorithms.base import Algorithm
from operant.ops.step_noise import MOST_NUMBERS
from operant.plans import Rollout
from operant.spaces import Box, Discrete
from operant.types import Batch, Clock, EnvSpec, PyTree


class RandomState(eqx.Module):
    """Nothing is learnt; the specification is all there is to know."""

    spec: EnvSpec = eqx.field(static=True)


class Random(Algorithm):
    """Every possible action with the same probability."""

    @property
    def experience(self) -> Rollout:
        return Rollout(1)

    def check(self, spec: EnvSpec) -> None:
        distributions.parameters(spec.action_space)

    def init(self, spec: EnvSpec, key: jax.Array) -> RandomState:
        return RandomState(spec)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        """Whole actions of a Box, or keys of large ones; what a uniform policy head needs for the other spaces."""
        if isinstance(spec.action_space, Box):
            keys = jax.random.split(key, spec.num_envs)
            large = spec.num_envs * distributions.parameters(spec.action_space) > MOST_NUMBERS
            return keys if large else jax.vmap(spec.action_space.sample)(keys)
        return distributions.sample_noise(spec.action_space, key, (spec.num_envs,))

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        space = state.spec.action_space
        if not explore:
            raise ValueError("The random policy has no best action: evaluate it with deterministic=False.")
        if isinstance(space, Box):
            keys = jnp.issubdtype(noise.dtype, jax.dtypes.prng_key)
            return jax.vmap(space.sample)(noise) if keys else noise, carry, ()
        num_envs = jax.tree.leaves(noise)[0].shape[0]
        uniform = jnp.zeros((num_envs, distributions.parameters(space)), jnp.float32)
        return distributions.from_parameters(space, uniform, action_mask).sample(noise), carry, ()

    def probabilities(self, spec: EnvSpec, state, observation, action_mask, carry) -> jax.Array:
        assert isinstance(spec.action_space, Discrete)
        n = spec.action_space.n
        if action_mask is None:
            return jnp.full((spec.num_envs, n), 1 / n, jnp.float32)
        return action_mask / jnp.maximum(jnp.sum(action_mask, -1, keepdims=True), 1)

    def update(self, state: RandomState, batch: Batch, key: jax.Array, clock: Clock):
        return state, {}
