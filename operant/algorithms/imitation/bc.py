"""Behaviour cloning: supervised learning of what an expert did (Pomerleau 1991, doi:10.1162/neco.1991.3.1.88).

The policy is fitted by maximum likelihood to recorded pairs of observation and action, without an environment:

    L(θ) = −E[ log π(a|s) ] − β E[H(π(·|s))],   (s, a) from the dataset

Its minimum is the distribution of the expert's actions in every state that the dataset holds often enough. What the
expert never saw is never learnt: small mistakes lead the policy there, and add up (Ross & Bagnell 2010).

| paper | here |
|---|---|
| α | learning_rate |
| β | ent_coef |
| weight decay | weight_decay, with optimizer adamw or sgd |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.algorithms.gradient import GradientLearner
from operant.algorithms.normalizing import NormalizesObservations
from operant.algorithms.policy_network import ActsByNetwork
from operant.distributions import Distribution, parameters, sample_noise
from operant.networks import ActorCritic, Network, UserModule, as_network
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Schedule, at
from operant.plans import Dataset
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class BCState(eqx.Module):
    """Everything that is learnt."""

    network: ActorCritic
    optimizer: optax.OptState
    normalizer: Normalizer


class BC(ActsByNetwork, NormalizesObservations, GradientLearner):
    """Behaviour cloning of recorded actions, for every action space, with masks and memory."""

    learning_rate: float | Schedule = 1e-3
    """Step size of the optimiser: a number or a schedule such as linear:1e-3:0."""
    batch_size: int = static(256)
    """Recorded steps of an update; with a memory, batch_size ÷ sequence_length sequences of them."""
    sequence_length: int = static(32)
    """With a memory: consecutive steps that are learnt from together, across the ends of episodes."""
    ent_coef: float | Schedule = 0.0
    """Weight of the entropy bonus."""
    max_grad_norm: float = 0.5
    """Gradients longer than this are shortened to it."""
    validation_fraction: float = static(0.0)
    """Part of the dataset's episodes that is not learnt from, and on which validation/loss is computed."""
    log_std_init: float = 0.0
    """Logarithm of the standard deviation of a Box action before learning; with scale_actions, in halves of the Box."""
    scale_actions: bool = static(True)
    """Let a policy of a Box with bounds act in units in which they are −1 and 1; otherwise in those of the
    environment."""
    network: Network | UserModule = eqx.field(default=Network(), converter=as_network)
    """The network: a Network of values, or any Equinox module that maps an observation to features."""

    def __check_init__(self) -> None:
        ranges.not_negative(self, "learning_rate")
        ranges.whole(self, "batch_size", "sequence_length")
        ranges.finite(self, "ent_coef", "log_std_init")
        ranges.positive(self, "max_grad_norm")
        ranges.below_one(self, "validation_fraction")
        if self.network.recurrent:
            allowed = f"at least sequence_length={self.sequence_length}, since the network has a memory"
            require(self.batch_size >= self.sequence_length, "batch_size", self.batch_size, allowed)
        if isinstance(self.network, Network):
            self.network.require_no_critic("BC")

    @property
    def experience(self) -> Dataset:
        length = self.sequence_length if self.network.recurrent else 1
        return Dataset(self.batch_size // length, length, self.validation_fraction)

    def check(self, spec: EnvSpec) -> None:
        parameters(spec.action_space)  # refuses a space without a policy head
        self.normalized_parts(spec)

    def advice(self, spec: EnvSpec) -> list[str]:
        return self.advice_on_normalization(spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> BCState:
        network = ActorCritic.build(
            self.network,
            spec,
            key,
            critic=False,
            log_std_init=self.log_std_init,
            scale_actions=self.scale_actions,
        )
        normalizer = self.make_normalizer(spec)
        return BCState(network, self._optimizer(0.0).init(network), normalizer)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return sample_noise(spec.action_space, key, (spec.num_envs,))

    def update_statistics(self, state: BCState, transition: Transition) -> BCState:
        return eqx.tree_at(lambda s: s.normalizer, state, state.normalizer.update(transition, 0.0))

    def update(self, state: BCState, batch: Batch, key: jax.Array, clock: Clock):
        optimizer = self._optimizer(at(self.learning_rate, clock))

        def loss(network: ActorCritic) -> tuple[jax.Array, dict[str, jax.Array]]:
            return self.loss(replaced(state, network), batch, clock, key=key)

        gradient, metrics = jax.grad(loss, has_aux=True)(state.network)
        network, optimizer_state = descend(optimizer, gradient, state.optimizer, state.network)
        metrics["train/learning_rate"] = at(self.learning_rate, clock)
        return BCState(network, optimizer_state, state.normalizer), metrics

    def loss(
        self, state: BCState, batch: Batch, clock: Clock, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """L(θ) over recorded steps `[B]` or sequences `[L, B]`, and what there is to say about it."""
        policy, log_prob = self._recorded(state, batch, key)
        negative_log_prob = -weighted_mean(log_prob, batch.weight)
        entropy = weighted_mean(policy.entropy(), batch.weight)
        loss = negative_log_prob - at(self.ent_coef, clock) * entropy
        return loss, {
            "train/loss": loss,
            "train/neglogp": negative_log_prob,
            "train/entropy_loss": -entropy,
            "train/prob_true_act": weighted_mean(jnp.exp(log_prob), batch.weight),
        }

    def validation(self, state: BCState, batch: Batch) -> dict[str, jax.Array]:
        _, log_prob = self._recorded(state, batch, None)
        return {
            "validation/loss": -weighted_mean(log_prob, batch.weight),
            "validation/prob_true_act": weighted_mean(jnp.exp(log_prob), batch.weight),
        }

    def _recorded(
        self, state: BCState, batch: Batch, key: jax.Array | None
    ) -> tuple[Distribution, jax.Array]:
        """π(·|s), and log π(a|s) of the actions in the dataset."""
        step = batch.transition
        observation = state.normalizer.observations(step.observation)
        policy, _ = state.network.unroll(observation, step.action_mask, batch.carry, step.done, key=key)
        return policy, policy.log_prob(step.action)

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)


def replaced(state: BCState, network: ActorCritic) -> BCState:
    """The state with another network."""
    return BCState(network, state.optimizer, state.normalizer)
