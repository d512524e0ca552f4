"""Soft actor–critic (Haarnoja et al. 2018, arXiv:1812.05905): a policy that is paid for its entropy as well.

    J_Q(θ_i) = E[ ½ (Q_i(s, a) − y)² ],   y = r + γ ( min_i Q_i(s', a'; θ⁻) − α log π(a'|s') ),   a' ~ π(·|s')
    J_π(φ)   = E[ α log π(a|s) − min_i Q_i(s, a) ],   a ~ π(·|s)
    J(α)     = E[ −log α ( log π(a|s) + H̄ ) ]

The policy is a normal squashed by tanh. Discrete actions need no sampling (Christodoulou 2019, arXiv:1910.07207): each
expectation over a is a sum over all that are possible. What changes one part, and combines with everything else:

| value | the change | paper |
|---|---|---|
| distributional=quantile | quantiles of Z_i, the largest left out of y | TQC: Kuznetsov et al. 2020, arXiv:2005.04269 |
| critic_subset | the least of a random few of many critics | REDQ: Chen et al. 2021, arXiv:2101.05982 |
| network.value_dropout | units of critics dropped, also in y | DroQ: Hiraoka et al. 2022, arXiv:2110.02034 |
| distributional=categorical | probabilities of Z_i, in y of the least mean | Bellemare et al. 2017, arXiv:1707.06887 |
| use_sde | noise that is a function of the state | gSDE: Raffin et al. 2021, arXiv:2005.05719 |
| network.memory | replay of sequences, from a stored memory | Ni et al. 2022, arXiv:2110.05038; R2D2 |

| paper | here |
|---|---|
| α, H̄ | ent_coef, target_entropy |
| τ, the target smoothing coefficient | tau |
| replay buffer size, samples per minibatch | buffer_size, batch_size |
| target update interval, gradient steps | target_update_interval, gradient_steps |
| M quantiles, d dropped of N critics (TQC) | n_quantiles, top_quantiles_to_drop_per_net, n_critics |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

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
from operant.algorithms.base import static
from operant.networks import Actor, CriticEnsemble, Network, UserModule, network_field
from operant.ops.ensembles import random_subset
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.periodic import every
from operant.ops.schedules import at
from operant.types import Batch, Clock, EnvSpec


class SACState(eqx.Module):
    """Everything SAC learns."""

    actor: Actor  # φ
    critics: CriticEnsemble  # θ
    target: CriticEnsemble  # θ⁻
    log_ent_coef: jax.Array | None  # log α; None where it is given
    updates: jax.Array  # int32: how often the critics were updated
    actor_optimizer: optax.OptState
    critic_optimizer: optax.OptState
    ent_coef_optimizer: optax.OptState
    normalizer: Normalizer


class SAC(SoftActorCritic):
    """Soft actor–critic, for actions of a Box, and Discrete ones with masks; its values make TQC, REDQ and DroQ."""

    tau: float = 0.005
    """How far the target network moves towards the online one at each of its updates; 1 copies it."""
    target_update_interval: int = static(1)
    """Updates of the critics for one of the target network."""
    network: Network | UserModule = network_field(
        Network(
            hidden_sizes=(256, 256),
            activation="relu",
            initialization="uniform",
            share_features_extractor=False,
        )
    )

    def __check_init__(self) -> None:
        ranges.fraction(self, "tau")
        ranges.whole(self, "target_update_interval")

    @property
    def name(self) -> str:
        return configurations.title("sac", self, "SAC")

    def init(self, spec: EnvSpec, key: jax.Array) -> SACState:
        key_critics, key_actor = jax.random.split(key)
        outputs = self.critic_kind.outputs
        critics = CriticEnsemble.build(self.network, spec, key_critics, count=self.n_critics, outputs=outputs)
        actor = Actor.build(
            *(self.network, spec, key_actor, critics),
            stochastic=True,
            use_sde=self.use_sde,
            log_std_init=self.log_std_init,
        )
        log_ent_coef, optimizer = self.initial_log_ent_coef(), self._optimizer(0.0)
        return SACState(
            actor,
            critics,
            jax.tree.map(jnp.copy, critics),
            log_ent_coef,
            jnp.zeros((), jnp.int32),
            optimizer.init(actor),
            optimizer.init(critics),
            () if log_ent_coef is None else optimizer.init(log_ent_coef),
            self.make_normalizer(spec),
        )

    def update(self, state: SACState, batch: Batch, key: jax.Array, clock: Clock):
        sample = self.sample(batch, state)
        key_critics, key_actor = jax.random.split(key)
        ent_coef = self.temperature(state.log_ent_coef)
        optimizer = self._optimizer(at(self.learning_rate, clock))

        gradient, (metrics, td_error) = jax.grad(self.critic_loss, has_aux=True)(
            state.critics, state.target, state.actor, ent_coef, sample, key_critics
        )
        critics, critic_optimizer = descend(optimizer, gradient, state.critic_optimizer, state.critics)

        def improve(learnt: tuple) -> tuple[tuple, dict[str, Any]]:
            """One step of the policy, and of the temperature by the policy as it was."""
            actor, actor_optimizer, log_ent_coef, ent_coef_optimizer = learnt
            gradient, (loss, missing) = jax.grad(self.actor_loss, has_aux=True)(
                actor, critics, ent_coef, sample, key_actor
            )
            actor, actor_optimizer = descend(optimizer, gradient, actor_optimizer, actor)
            log_ent_coef, ent_coef_optimizer, metrics = improve_ent_coef(
                optimizer, missing, log_ent_coef, ent_coef_optimizer
            )
            learnt = (actor, actor_optimizer, log_ent_coef, ent_coef_optimizer)
            return learnt, {"train/actor_loss": loss, **metrics}

        updates = state.updates + 1
        learnt = (state.actor, state.actor_optimizer, state.log_ent_coef, state.ent_coef_optimizer)
        learnt, of_policy = every(self.policy_delay, updates, improve, learnt)
        actor, actor_optimizer, log_ent_coef, ent_coef_optimizer = learnt

        step_size = jnp.where(updates % self.target_update_interval == 0, self.tau, 0.0)
        target = optax.incremental_update(critics, state.target, step_size)
        metrics |= of_policy | {
            "train/ent_coef": ent_coef,
            "train/learning_rate": at(self.learning_rate, clock),
        }
        state = SACState(
            *(actor, critics, target, log_ent_coef, updates),
            *(actor_optimizer, critic_optimizer, ent_coef_optimizer, state.normalizer),
        )
        return self.with_priority(state, metrics, td_error, batch)

    def critic_loss(
        self,
        critics: CriticEnsemble,
        target: CriticEnsemble,
        actor: Actor,
        ent_coef: jax.Array,
        sample: Sample,
        key: jax.Array,
    ) -> tuple[jax.Array, tuple[Metrics, jax.Array]]:
        """Σ_i J_Q(θ_i) of a minibatch, what there is to say about it, and |δ| `[B]`, the mean over critics."""
        key_choice, key_subset, key_target, key_online, key_encoder = jax.random.split(key, 5)
        kind, td = self.critic_kind, sample.td
        next_features = sample.next_features(actor.torso(critics), sample.actor_carry)
        choice = Choice.of(actor.policy(next_features, sample.next_action_mask), key_choice)
        next_features = sample.next_features(target.torso, sample.critics_carry)
        next_output = choice.outputs(target, next_features, key_target)
        next_return = kind.pessimistic(random_subset(next_output, self.critic_subset, key_subset))
        bonus = td.discount * ent_coef * choice.entropy
        td_target = kind.shifted(choice.expected(next_return), td.reward + bonus, td.discount)  # y

        features = sample.features(critics.torso, sample.critics_carry, key=key_encoder)
        output = critics(features, sample.action, key=key_online)  # Z(s, a; θ) [n, B, M]
        losses, td_error = kind.loss(output, jax.lax.stop_gradient(td_target))
        loss = 0.5 * sample.mean(jnp.sum(losses, 0))
        q_value = sample.mean(jnp.mean(kind.q_values(output), 0))
        metrics = {
            "train/critic_loss": loss,
            "train/q_value": q_value,
            **kind.metrics(td_target, sample.mask),
        }
        return loss, (metrics, jnp.mean(td_error, 0))

    def actor_loss(
        self, actor: Actor, critics: CriticEnsemble, ent_coef: jax.Array, sample: Sample, key: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """J_π(φ) of a minibatch, itself again, and how much of the entropy H̄ is missing, H̄ − H."""
        key_choice, key_dropout, key_critics = jax.random.split(key, 3)
        mask = sample.td.action_mask
        features = sample.features(actor.torso(critics), sample.actor_carry, key=key_dropout)
        choice = Choice.of(actor.policy(features, mask, key=key_dropout), key_choice)
        features = sample.features(critics.torso, sample.critics_carry)
        output = choice.outputs(critics, features, key_critics)
        q_value = policy_value(self.critic_kind.q_values(output), self.policy_q)
        loss = sample.mean(choice.expected(ent_coef * choice.log_prob - q_value))
        aimed = entropy_target(self.target_entropy, actor.action_space, mask)
        return loss, (loss, sample.mean(aimed - choice.entropy))

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)
