"""Acting by a network that gives a distribution over actions: what policy gradients and behaviour cloning share."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import Estimates
from operant.distributions import Categorical
from operant.ops.metrics import Metrics
from operant.types import Clock, EnvSpec, PyTree


class ActsByNetwork(eqx.Module):
    """The methods of an algorithm whose state has an `ActorCritic` as `network`, and a `normalizer`."""

    def initial_carry(self, state: Any, num_envs: int) -> PyTree:
        return state.network.initial_carry(num_envs)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        observation = state.normalizer.observations(observation)
        policy, carry = state.network.policy(observation, action_mask, carry)
        return policy.sample(noise) if explore else policy.mode(), carry, ()

    def probabilities(self, spec: EnvSpec, state, observation, action_mask, carry) -> jax.Array:
        policy, _ = state.network.policy(state.normalizer.observations(observation), action_mask, carry)
        assert isinstance(policy, Categorical)
        return jnp.exp(policy.log_probabilities)

    def estimates(self, state, observation, action_mask, carry):
        observation = state.normalizer.observations(observation)
        policy, value, carry = state.network.policy_and_value(observation, action_mask, carry)
        return Estimates(policy, None if state.network.value_head is None else value), carry

    def report(self, state: Any) -> Metrics:
        log_std = state.network.log_deviations
        return {} if log_std is None else {"train/std": jnp.mean(jnp.exp(log_std))}
