"""Intrinsic returns with a discount of their own, which may continue when an episode ends.

Burda et al. 2018, section 2.3: the intrinsic return should include what the end of an episode costs in discoveries, and
have a horizon of its own. There, two value functions are added. Here the algorithm keeps its one value function
V = V_e + V_i: it is enough to learn V_i as well and to give the reward

    r_e + r_i + γ_i V_i(s⁺) − γ V_i(s')

where s' is the observation that the algorithm bootstraps from (none if the episode terminated), and s⁺ the one that the
intrinsic return continues from: s' too, or the first observation of the next episode. Then V equals
r_e + γ V_e(s') + r_i + γ_i V_i(s⁺), as the two value functions together would. With γ_i = γ and s⁺ = s' nothing is
added.
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.curiosity.learned import Features, Learned
from operant.ops.returns import bootstrap, generalized_advantages, weighted_mean
from operant.types import Clock, EnvSpec, PyTree, Transition


class IntrinsicValue(eqx.Module):
    """V_i and its optimiser."""

    network: Features
    optimizer: optax.OptState

    @classmethod
    def build(cls, curiosity: Learned, spec: EnvSpec, key: jax.Array) -> IntrinsicValue:
        network = Features.build(curiosity.network, spec, 1, key)
        return cls(network, curiosity.begin(network))

    def __call__(self, observation: PyTree) -> jax.Array:
        """V_i of observations `[…]`."""
        return self.network(observation)[..., 0]

    def ahead(self, transition: Transition, episodic: bool) -> tuple[jax.Array, jax.Array]:
        """`(V_i(s'), V_i(s⁺))` of a rollout `[T, N]`, the first 0 where the episode terminated.

        For an episode that ends in the last row, the next one has not been seen yet: there s⁺ is its last observation.
        """
        after = self(transition.next_observation)
        ends = bootstrap(after, transition.terminated, transition.discount)
        if episodic:
            return ends, ends
        begun = jnp.concatenate([self(transition.observation)[1:], after[-1:]])
        return ends, jnp.where(transition.done, begun, after)


def targets(
    value: IntrinsicValue, curiosity: Learned, transition: Transition, gamma: jax.Array | float
) -> jax.Array:
    """The λ-returns `[T, N]` of a rollout whose rewards are intrinsic."""
    estimate = value(transition.observation)
    ends = transition.done & curiosity.episodic
    if curiosity.episodic:
        next_value = value(transition.next_observation)
        terminated, discount = transition.terminated, transition.discount
    else:
        (_, next_value), terminated, discount = value.ahead(transition, False), jnp.zeros_like(ends), None
    advantage = generalized_advantages(
        transition.reward,
        estimate,
        next_value,
        terminated,
        ends,
        gamma,
        curiosity.gae_lambda,
        discount,
    )
    return advantage + estimate


def update(
    value: IntrinsicValue,
    curiosity: Learned,
    transition: Transition,
    weight: jax.Array,
    gamma: jax.Array | float,
    key: jax.Array,
    clock: Clock,
) -> tuple[IntrinsicValue, dict[str, jax.Array]]:
    """`(value, metrics)` after learning from a rollout `[T, N]` whose rewards are intrinsic, discounted by `gamma`."""
    goals = replace(transition, reward=targets(value, curiosity, transition, gamma))

    def loss(network: Features, part: Transition, weight: jax.Array):
        error = weighted_mean(jnp.square(network(part.observation)[..., 0] - part.reward), weight)
        return error, {"train/intrinsic_value_loss": error}

    network, optimizer, metrics = curiosity.fit(
        loss, value.network, value.optimizer, goals, weight, key, clock
    )
    return IntrinsicValue(network, optimizer), metrics
