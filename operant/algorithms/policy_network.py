"""Acting by a network that gives a distribution over actions: what policy gradients and behaviour cloning share."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import Estimates
from operant.distributions import Categorical
from operant.networks import OwnPolicy
from operant.ops.metrics import Metrics
from operant.types import Clock, EnvSpec, PyTree


class ActsByNetwork(eqx.Module):
    """The methods of an algorithm whose state has an `ActorCritic` as `network`, and a `normalizer`."""

    def whole(self, learnt: Any) -> Any:
        """The network that acts, of what is learnt of it: itself, unless a part of it stays as it is, as with LoRA."""
        own = getattr(self, "network", None)
        return own.whole(learnt) if isinstance(own, OwnPolicy) else learnt

    def network_of(self, state: Any) -> Any:
        return self.whole(state.network)

    def initial_carry(self, state: Any, num_envs: int) -> PyTree:
        return state.network.initial_carry(num_envs)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        network = self.network_of(state)
        action, carry, _ = self.act_by(
            network, state, observation, action_mask, carry, noise, explore=explore
        )
        return action, carry, ()

    def act_by(self, network: Any, state, observation, action_mask, carry, noise, *, explore: bool):
        """`(action, carry, log π(a|s))` by a whole network; exploring, and otherwise `()` in place of the last."""
        observation = state.normalizer.observations(observation)
        policy, carry = network.policy(observation, action_mask, carry)
        if not explore:
            return policy.mode(), carry, ()
        action = policy.sample(noise)
        return action, carry, policy.log_prob(action)

    def probabilities(self, spec: EnvSpec, state, observation, action_mask, carry) -> jax.Array:
        observation = state.normalizer.observations(observation)
        policy, _ = self.network_of(state).policy(observation, action_mask, carry)
        assert isinstance(policy, Categorical)
        return jnp.exp(policy.log_probabilities)

    def estimates(self, state, observation, action_mask, carry):
        observation = state.normalizer.observations(observation)
        policy, value, carry = self.network_of(state).policy_and_value(observation, action_mask, carry)
        return Estimates(policy, None if state.network.value_head is None else value), carry

    def report(self, state: Any) -> Metrics:
        log_std = state.network.log_deviations
        return {} if log_std is None else {"train/std": jnp.mean(jnp.exp(log_std))}
