"""What the policy gradient algorithms share: how they act, and the advantages of what was done."""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.algorithms.gradient import GradientLearner
from operant.algorithms.normalizing import Normalizes
from operant.algorithms.policy_network import ActsByNetwork
from operant.distributions import Distribution, parameters, sample_noise
from operant.networks import ActorCritic, Network, OwnPolicy, UserModule, network_field
from operant.ops.exploration_noise import ExplorationNoise, HeldNoise, Independent
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.returns import explained_variance, generalized_advantages, weighted_mean
from operant.ops.schedules import Schedule, at
from operant.plans import Rollout
from operant.spaces import Box, describe
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class PolicyState(eqx.Module):
    """Everything that is learnt."""

    network: ActorCritic
    optimizer: optax.OptState
    normalizer: Normalizer


class RolloutEstimates(eqx.Module):
    """The estimates of the policy that acted, for each step of a rollout; leaves `[T, N, …]`."""

    policy: Distribution | None  # π_old(·|s); None where it is not used
    log_prob: jax.Array  # log π_old(a|s)
    value: jax.Array  # V_old(s)
    advantage: jax.Array  # Â
    target: jax.Array  # V̂


class PolicyGradient(ActsByNetwork, Normalizes, GradientLearner):
    """Learning a policy from its own experience, for every action space, with masks and recurrent networks."""

    learning_rate: float | Schedule = 3e-4
    """Step size of the optimiser: a number or a schedule such as linear:3e-4:0."""
    gamma: float = 0.99
    """Discount factor γ."""
    use_sde: bool = static(False)
    """Explore a Box by noise that depends on the state and stays the same for a while (gSDE: Raffin et al. 2021)
    instead of new noise at every step."""
    sde_sample_freq: int = static(-1)
    """With use_sde: steps after which new noise is drawn, besides every rollout and episode; −1: only with these."""
    full_std: bool = static(True)
    """With use_sde: a deviation for each feature and element of the action; otherwise one for each feature."""
    use_expln: bool = static(False)
    """With use_sde: let deviations above 1 grow slowly with their parameters instead of exponentially."""
    squash_output: bool = static(False)
    """Keep actions inside a Box with bounds by a hyperbolic tangent, instead of clipping them."""
    log_std_init: float = 0.0
    """Logarithm of the standard deviation of a Box action before learning; with scale_actions, in halves of the Box."""
    scale_actions: bool = static(True)
    """Scale the actions of a bounded Box so that its bounds are −1 and 1 for the policy, whose first actions then cover
    all of it. Otherwise the policy acts in the environment's units, where it can hardly explore a Box(0, 1000)."""
    network: Network | UserModule = network_field()
    """The networks: a Network(…), or any Equinox module that maps an observation to features."""

    def __check_init__(self) -> None:
        frequency = self.sde_sample_freq
        require(frequency >= 1 or frequency == -1, "sde_sample_freq", frequency, "at least 1, or -1")
        ranges.fraction(self, "gamma")
        ranges.not_negative(self, "learning_rate")
        for name, default in (("full_std", True), ("use_expln", False)):
            value = getattr(self, name)
            require(self.use_sde or value == default, name, value, f"{default} without use_sde")
        needs = "False without scale_actions, which says what the bounds are"
        require(self.scale_actions or not self.squash_output, "squash_output", self.squash_output, needs)
        ranges.finite(self, "log_std_init")

    def check(self, spec: EnvSpec) -> None:
        parameters(spec.action_space)  # refuses a space without a policy head
        self.normalized_parts(spec)
        if spec.of_text and not isinstance(self.network, OwnPolicy):
            raise ValueError(
                f"{spec.id} is of text, which needs a language model: network=operant.pretrained(PATH), or a new one, "
                "operant.language.Transformer(…) (--model PATH, or --model transformer:width=64,layers=2)."
            )
        if self.use_sde and not isinstance(spec.action_space, Box):
            raise ValueError(
                f"use_sde=True: state-dependent exploration needs Box actions; {spec.id} has "
                f"{describe(spec.action_space)}. Leave it off."
            )
        if self.squash_output and not (isinstance(spec.action_space, Box) and spec.action_space.bounded):
            raise ValueError(
                f"squash_output=True keeps actions inside the bounds of a Box; {spec.id} has "
                f"{describe(spec.action_space)} without bounds. Leave it off."
            )

    def advice(self, spec: EnvSpec) -> list[str]:
        return self.advice_on_normalization(spec)

    def start(self, spec: EnvSpec, key: jax.Array, *, critic: bool = True) -> tuple[ActorCritic, Normalizer]:
        """The network and the running statistics, as they are before the first step."""
        network = ActorCritic.build(
            self.network,
            spec,
            key,
            critic=critic,
            use_sde=self.use_sde,
            log_std_init=self.log_std_init,
            scale_actions=self.scale_actions,
            full_std=self.full_std,
            use_expln=self.use_expln,
            squash_output=self.squash_output,
        )
        return network, self.make_normalizer(spec)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return sample_noise(spec.action_space, key, (spec.num_envs,), state_dependent=self.use_sde)

    @property
    def exploration(self) -> ExplorationNoise:
        if not self.use_sde:
            return Independent()
        return HeldNoise(None if self.sde_sample_freq == -1 else self.sde_sample_freq, each_rollout=True)

    def update_statistics(self, state: PolicyState, transition: Transition) -> PolicyState:
        return eqx.tree_at(lambda s: s.normalizer, state, state.normalizer.update(transition, self.gamma))

    def gradient_step(
        self,
        loss: Callable[..., tuple[jax.Array, dict[str, jax.Array]]],
        state: Any,
        batch: Batch,
        optimizer: optax.GradientTransformation,
        clock: Clock,
        key: jax.Array,
        *rest: Any,
    ) -> tuple[Any, Metrics]:
        """`(state, metrics)` after one step down the gradient of a loss over all of a batch.

        `rest` are the loss's arguments after the carry.
        """
        gradient, metrics = self.batch_gradient(loss, state, batch, key, *rest)
        state, told = self.step_along(gradient, state, optimizer, clock)
        return state, {**metrics, **told}

    def batch_gradient(
        self,
        loss: Callable[..., tuple[jax.Array, dict[str, jax.Array]]],
        state: Any,
        batch: Batch,
        key: jax.Array,
        *rest: Any,
    ) -> tuple[Any, Metrics]:
        """`(gradient, metrics)` of a loss over all of a batch; `rest` are the loss's arguments after the carry."""
        transition = state.normalizer.transition(batch.transition)
        return self.gradient(loss)(state.network, transition, batch.weight, batch.carry, *rest, key=key)

    def step_along(
        self, gradient: Any, state: Any, optimizer: optax.GradientTransformation, clock: Clock
    ) -> tuple[Any, Metrics]:
        """`(state, metrics)` after one step down a gradient."""
        network, optimizer_state = descend(optimizer, gradient, state.optimizer, state.network)
        return replace(state, network=network, optimizer=optimizer_state), {
            "train/n_updates": jnp.ones((), jnp.float32),
            "train/learning_rate": at(self.learning_rate, clock),
        }

    def gradient(self, loss: Callable[..., tuple[jax.Array, dict[str, jax.Array]]]) -> Callable[..., tuple]:
        """`(gradient, metrics)` of a loss of the network that acts, by what is learnt of it."""

        def of_learnt(learnt: Any, *rest: Any, **keywords: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
            return loss(self.whole(learnt), *rest, **keywords)

        return jax.grad(of_learnt, has_aux=True)

    def log_prob(
        self, network: ActorCritic, transition: Transition, carry: PyTree, alike: int = 1
    ) -> jax.Array:
        """log π(a|s) `[T, N]` of what was done, by a whole network; `alike` columns in a row began alike."""
        seen = transition.observation, transition.action_mask
        policy, _ = network.unroll(*seen, carry, transition.done, alike=alike)
        return policy.log_prob(transition.action)

    def reference_of(self, network: ActorCritic) -> ActorCritic:
        """What the network was before learning, which stays as it is."""
        assert isinstance(self.network, OwnPolicy)
        return self.network.reference(network)

    def require_reference(self, wanted: bool, asked: str) -> None:
        """Raise ValueError, naming what asks for it, where a reference is wanted and there is none."""
        if wanted and not (isinstance(self.network, OwnPolicy) and self.network.has_reference):
            raise ValueError(
                f"{asked}: there is no reference model to stay near to. Begin with one, "
                "network=operant.pretrained(PATH) (--model PATH), or leave it out."
            )

    def advantages(
        self,
        network: ActorCritic,
        transition: Transition,
        carry: PyTree,
        value: jax.Array,
        lambda_: jax.Array | float,
    ) -> jax.Array:
        """Â `[T, N]` of a rollout: the λ-return minus `value`, which is V(s)."""
        next_value = network.successor_values(
            transition.observation, transition.next_observation, carry, transition.done
        )
        return generalized_advantages(
            transition.reward,
            value,
            next_value,
            transition.terminated,
            transition.done,
            self.gamma,
            lambda_,
            transition.discount,
        )


class ActorCriticLearner(PolicyGradient):
    """Policy gradients over rollouts, with a learnt value function as the baseline."""

    n_steps: int = static(2048)
    """Steps of every environment in a rollout."""
    gae_lambda: float = 0.95
    """λ of the generalized advantage estimate: 0 trusts the value network, 1 the returns."""
    normalize_advantage: bool = static(True)
    """Standardise the advantages that a gradient is computed from."""

    def __check_init__(self) -> None:
        ranges.whole(self, "n_steps")
        ranges.fraction(self, "gae_lambda")

    @property
    def experience(self) -> Rollout:
        return Rollout(self.n_steps)

    def estimate(self, network: ActorCritic, transition: Transition, carry: PyTree) -> RolloutEstimates:
        """Advantages and value targets of a rollout `[T, N]`, by the policy that acted."""
        policy, value = network.unroll(transition.observation, transition.action_mask, carry, transition.done)
        advantage = self.advantages(network, transition, carry, value, self.gae_lambda)
        return RolloutEstimates(
            policy.marginal, policy.log_prob(transition.action), value, advantage, advantage + value
        )


def actor_critic_loss(
    policy: Distribution,
    log_prob: jax.Array,
    advantage: jax.Array,
    value: jax.Array,
    target: jax.Array,
    weight: jax.Array,
    vf_coef: jax.Array | float,
    ent_coef: jax.Array | float,
) -> tuple[jax.Array, Metrics]:
    """`(L(θ), metrics)`: −E[ log π(a|s) Â ] + c E[(V(s) − V̂)²] − β E[H(π(·|s))], of a rollout `[T, N]`."""
    policy_loss = -weighted_mean(log_prob * advantage, weight)
    value_loss = weighted_mean(jnp.square(value - target), weight)
    entropy = weighted_mean(policy.entropy(), weight)
    loss = policy_loss + vf_coef * value_loss - ent_coef * entropy
    return loss, {
        "train/loss": loss,
        "train/policy_loss": policy_loss,
        "train/value_loss": value_loss,
        "train/entropy_loss": -entropy,
        "train/explained_variance": explained_variance(value, target, weight),
    }
