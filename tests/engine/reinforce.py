"""REINFORCE (Williams 1992) in its smallest form: what the tests of the Episodes plan learn with."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms.base import Algorithm, static
from operant.distributions import draw, parameters
from operant.networks import ActorCritic, Network
from operant.ops.returns import weighted_mean
from operant.types import Batch, Episodes


class ReinforceState(eqx.Module):
    network: ActorCritic
    optimizer: optax.OptState


class Reinforce(Algorithm):
    learning_rate: float = 1e-2
    count: int = static(8)
    max_steps: int = static(20)
    network: Network = static(Network(hidden_sizes=(8,), initialization="uniform"))

    @property
    def experience(self):
        return Episodes(self.count, self.max_steps)

    def check(self, spec):
        parameters(spec.action_space)

    def init(self, spec, key):
        network = ActorCritic.build(self.network, spec, key)
        return ReinforceState(network, optax.adam(0.0).init(network))

    def initial_carry(self, state, num_envs):
        return state.network.initial_carry(num_envs)

    def draw(self, spec, key):
        return draw(spec.action_space, key, (spec.num_envs,))

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        policy, carry = state.network.policy(observation, action_mask, carry)
        return policy.sample(noise) if explore else policy.mode(), carry

    def update(self, state, batch: Batch, key, clock):
        reward = batch.transition.reward * batch.weight
        returns = jnp.cumsum(reward[::-1], 0)[::-1]

        def loss(network):
            transition = batch.transition
            policy, _ = network.unroll(
                transition.observation, transition.action_mask, batch.carry, transition.done
            )
            return -weighted_mean(policy.log_prob(transition.action) * returns, batch.weight)

        value, gradient = jax.value_and_grad(loss)(state.network)
        updates, optimizer = optax.adam(self.learning_rate).update(gradient, state.optimizer)
        metrics = {"train/loss": value, "train/steps": jnp.sum(batch.weight)}
        return ReinforceState(optax.apply_updates(state.network, updates), optimizer), metrics
