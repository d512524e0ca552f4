"""CrossQ (Bhatt et al. 2024, arXiv:1902.05605): SAC with batch normalisation, which needs no target network.

    J_Q(θ_i) = E[ ½ (Q_i(s, a) − y)² ],   y = r + γ ( min_i Q_i(s', a') − α log π(a'|s') ),   a' ~ π(·|s')
    J_π(φ)   = E[ α log π(a|s) − min_i Q_i(s, a) ],   a ~ π(·|s)
    J(α)     = E[ −log α ( log π(a|s) + H̄ ) ]

Both Q of the first line are of the same critics, in one forward pass of the 2B rows (s, a) and (s', a'): so the
normalisation knows the actions of replay and those of the policy alike. The target y is a constant. Everywhere else
critics and policy normalise by their running statistics, but for the policy in J_π, whose statistics are those of the
minibatch. The normalisation is batch renormalisation (`networks/batch_renorm.py`) of the inputs of all layers after the
encoder of observations and the memory.

XQC (Palenicek et al. 2025, arXiv:2509.25174) has weights of length 1 and a categorical critic as well;
`configurations.py` says what of it is not the paper's.

| paper, and its code | here |
|---|---|
| α, H̄ | ent_coef, target_entropy |
| BRN momentum 0.99, warm-up | 1 − batch_norm_momentum, renorm_warmup_steps |
| critic width | network.value_hidden_sizes |
| Adam β₁ | optimizer_betas |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import configurations, ranges
from operant.algorithms.actor_critic.critics import policy_value
from operant.algorithms.actor_critic.samples import Sample
from operant.algorithms.actor_critic.soft import Choice, entropy_target, improve_ent_coef
from operant.algorithms.actor_critic.soft_actor_critic import SoftActorCritic
from operant.algorithms.base import require, static
from operant.networks import (
    Actor,
    BatchRenorm,
    CriticEnsemble,
    Network,
    UserModule,
    network_field,
    with_statistics,
)
from operant.ops.ensembles import random_subset
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.periodic import every
from operant.ops.schedules import Schedule, at
from operant.types import Batch, Clock, EnvSpec

TEMPERATURE_BETAS = (0.9, 0.999)  # of the temperature's Adam, in the authors' code and in sb3-contrib


class CrossQState(eqx.Module):
    """Everything CrossQ learns."""

    actor: Actor  # φ, and its running statistics
    critics: CriticEnsemble  # θ, and theirs
    log_ent_coef: jax.Array | None  # log α; None where it is given
    updates: jax.Array  # int32: how often the critics were updated
    actor_optimizer: optax.OptState
    critic_optimizer: optax.OptState
    ent_coef_optimizer: optax.OptState
    normalizer: Normalizer


class CrossQ(SoftActorCritic):
    """SAC without a target network, for actions of a Box, and Discrete ones with masks; its values make XQC."""

    learning_rate: float | Schedule = 1e-3
    """Step size of all optimisers: a number or a schedule such as linear:1e-3:0."""
    policy_delay: int = static(3)
    optimizer_betas: tuple[float, float] = static((0.5, 0.999))
    """With adam, adamw and radam: how much of the averages of the gradient and of its square stays at each update of
    actor and critics; of the temperature always 0.9 and 0.999."""
    batch_norm: bool = static(True)
    """Normalise the input of every layer of actor and critics, after the encoder, by batch renormalisation."""
    batch_norm_momentum: float = static(0.01)
    """With batch_norm: how far running statistics move towards those of each minibatch."""
    renorm_warmup_steps: int = static(100_000)
    """With batch_norm: updates in which only the minibatch's own statistics count, before they are corrected towards
    the running ones."""
    network: Network | UserModule = network_field(
        Network(
            hidden_sizes=(256, 256),
            value_hidden_sizes=(2048, 2048),
            activation="relu",
            initialization="uniform",
            share_features_extractor=False,
        )
    )

    def __check_init__(self) -> None:
        ranges.fraction(self, "batch_norm_momentum")
        ranges.whole(self, "renorm_warmup_steps", least=0)
        enough = "at least 2 with batch_norm, since one sample has no variance"
        require(not self.batch_norm or self.batch_size > 1, "batch_size", self.batch_size, enough)

    @property
    def name(self) -> str:
        return configurations.title("crossq", self, "CrossQ")

    @property
    def renorm(self) -> Callable[[int], BatchRenorm] | None:
        """What builds the normalisation of inputs of a size; None without."""
        if not self.batch_norm:
            return None
        kept = 1 - self.batch_norm_momentum
        return partial(BatchRenorm.build, warmup=self.renorm_warmup_steps, momentum=kept)

    def init(self, spec: EnvSpec, key: jax.Array) -> CrossQState:
        key_critics, key_actor = jax.random.split(key)
        critics = CriticEnsemble.build(
            *(self.network, spec, key_critics),
            count=self.n_critics,
            outputs=self.critic_kind.outputs,
            renorm=self.renorm,
        )
        actor = Actor.build(
            *(self.network, spec, key_actor, critics),
            stochastic=True,
            use_sde=self.use_sde,
            log_std_init=self.log_std_init,
            renorm=self.renorm,
        )
        log_ent_coef, optimizer = self.initial_log_ent_coef(), self._optimizer(0.0)
        return CrossQState(
            actor,
            critics,
            log_ent_coef,
            jnp.zeros((), jnp.int32),
            optimizer.init(actor),
            optimizer.init(critics),
            () if log_ent_coef is None else self._temperature_optimizer(0.0).init(log_ent_coef),
            self.make_normalizer(spec),
        )

    def update(self, state: CrossQState, batch: Batch, key: jax.Array, clock: Clock):
        sample = self.sample(batch, state)
        key_critics, key_actor = jax.random.split(key)
        ent_coef, learning_rate = self.temperature(state.log_ent_coef), at(self.learning_rate, clock)
        optimizer = self._optimizer(learning_rate)

        gradient, (metrics, td_error, seen) = jax.grad(self.critic_loss, has_aux=True)(
            state.critics, state.actor, ent_coef, sample, key_critics
        )
        critics, critic_optimizer = descend(optimizer, gradient, state.critic_optimizer, state.critics)
        critics = with_statistics(critics, seen)

        def improve(learnt: tuple) -> tuple[tuple, dict[str, Any]]:
            """One step of the policy, and of the temperature by the policy as it was."""
            actor, actor_optimizer, log_ent_coef, ent_coef_optimizer = learnt
            gradient, (loss, missing, seen) = jax.grad(self.actor_loss, has_aux=True)(
                actor, critics, ent_coef, sample, key_actor
            )
            actor, actor_optimizer = descend(optimizer, gradient, actor_optimizer, actor)
            actor = with_statistics(actor, seen)
            log_ent_coef, ent_coef_optimizer, metrics = improve_ent_coef(
                self._temperature_optimizer(learning_rate), missing, log_ent_coef, ent_coef_optimizer
            )
            learnt = (actor, actor_optimizer, log_ent_coef, ent_coef_optimizer)
            return learnt, {"train/actor_loss": loss, **metrics}

        updates = state.updates + 1
        learnt = (state.actor, state.actor_optimizer, state.log_ent_coef, state.ent_coef_optimizer)
        learnt, of_policy = every(self.policy_delay, updates, improve, learnt)
        actor, actor_optimizer, log_ent_coef, ent_coef_optimizer = learnt

        metrics |= of_policy | {"train/ent_coef": ent_coef, "train/learning_rate": learning_rate}
        state = CrossQState(
            *(actor, critics, log_ent_coef, updates),
            *(actor_optimizer, critic_optimizer, ent_coef_optimizer, state.normalizer),
        )
        return self.with_priority(state, metrics, td_error, batch)

    def critic_loss(
        self, critics: CriticEnsemble, actor: Actor, ent_coef: jax.Array, sample: Sample, key: jax.Array
    ) -> tuple[jax.Array, tuple[Metrics, jax.Array, CriticEnsemble]]:
        """Σ_i J_Q(θ_i) of a minibatch, what there is to say about it, |δ| `[B]`, the mean over critics, and the
        critics whose running statistics have seen it."""
        key_choice, key_subset, key_pass = jax.random.split(key, 3)
        kind, td = self.critic_kind, sample.td

        next_features = sample.next_features(actor.torso(critics), sample.actor_carry)
        choice = Choice.of(actor.policy(next_features, sample.next_action_mask), key_choice)
        output, next_output, seen = joint_pass(critics, sample, choice, key_pass)
        next_return = kind.pessimistic(random_subset(next_output, self.critic_subset, key_subset))
        bonus = td.discount * ent_coef * choice.entropy
        td_target = kind.shifted(choice.expected(next_return), td.reward + bonus, td.discount)  # y

        losses, td_error = kind.loss(output, jax.lax.stop_gradient(td_target))
        loss = 0.5 * sample.mean(jnp.sum(losses, 0))
        q_value = sample.mean(jnp.mean(kind.q_values(output), 0))
        metrics = {
            "train/critic_loss": loss,
            "train/q_value": q_value,
            **kind.metrics(td_target, sample.mask),
        }
        return loss, (metrics, jnp.mean(td_error, 0), seen)

    def actor_loss(
        self, actor: Actor, critics: CriticEnsemble, ent_coef: jax.Array, sample: Sample, key: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array, Actor]]:
        """J_π(φ) of a minibatch, itself again, how much of the entropy H̄ is missing, H̄ − H, and the actor whose
        running statistics have seen it."""
        key_choice, key_dropout, key_critics = jax.random.split(key, 3)
        mask = sample.td.action_mask
        features = sample.features(actor.torso(critics), sample.actor_carry, key=key_dropout)
        policy, seen = actor.learn(features, mask, key=key_dropout, mask=sample.mask)
        choice = Choice.of(policy, key_choice)
        features = sample.features(critics.torso, sample.critics_carry)
        output = choice.outputs(critics, features, key_critics)
        q_value = policy_value(self.critic_kind.q_values(output), self.policy_q)
        loss = sample.mean(choice.expected(ent_coef * choice.log_prob - q_value))
        aimed = entropy_target(self.target_entropy, actor.action_space, mask)
        return loss, (loss, sample.mean(aimed - choice.entropy), seen)

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)

    def _temperature_optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm, betas=TEMPERATURE_BETAS)


def joint_pass(
    critics: CriticEnsemble, sample: Sample, choice: Choice, key: jax.Array
) -> tuple[jax.Array, jax.Array, CriticEnsemble]:
    """Z(s, a) `[n, B, M]` and Z(s', a') `[n, B, M]`, or of each Discrete a' `[n, B, A, M]`, by the statistics of both
    together; and the critics whose running ones have seen them. `key` turns dropout on."""
    key_encoder, key_heads = jax.random.split(key)
    torso, carry = critics.torso, sample.critics_carry
    features = sample.features(torso, carry, key=key_encoder), sample.next_features(torso, carry)
    actions = None if choice.action is None else jnp.concatenate([sample.action, choice.action])
    mask = jnp.tile(sample.mask, 2)
    both, seen = critics.learn(jnp.concatenate(features), actions, key=key_heads, mask=mask)
    output, next_output = jnp.split(both, 2, axis=1)
    return output if actions is not None else critics.taken(output, sample.action), next_output, seen
