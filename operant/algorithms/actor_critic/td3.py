"""Twin delayed deep deterministic policy gradient (Fujimoto, van Hoof & Meger 2018, arXiv:1802.09477).

A deterministic policy π(s; φ) climbs a critic, which learns its value from targets of slowly moving copies θ⁻, φ⁻:

    L(θ_i) = E[ (Q_i(s, a) − y)² ],   y = r + γ min_i Q_i(s', ã; θ⁻)
    ã      = clip( π(s'; φ⁻) + clip(ε, −c, c), −1, 1 ),   ε ~ N(0, σ̃²)
    J(φ)   = E[ −Q_1(s, π(s; φ)) ]

The policy and both copies move once for `policy_delay` updates of the critics. DDPG (Lillicrap et al. 2016,
arXiv:1509.02971) is the same with one critic, every time, and ε = 0.

| paper | here |
|---|---|
| σ̃, c | target_policy_noise, target_noise_clip |
| d | policy_delay |
| τ | tau |
| exploration noise N(0, 0.1); of DDPG Ornstein–Uhlenbeck | action_noise, action_noise_sigma |
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
from operant.algorithms.actor_critic.critics import PolicyQ, policy_value
from operant.algorithms.actor_critic.learner import OffPolicy, standard_normals
from operant.algorithms.actor_critic.samples import Sample
from operant.algorithms.base import Estimates, static
from operant.distributions import scale
from operant.networks import Actor, CriticEnsemble, Network, UserModule, network_field
from operant.ops.ensembles import random_subset
from operant.ops.exploration_noise import ExplorationNoise
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.periodic import every
from operant.ops.schedules import Schedule, at
from operant.spaces import Box, describe
from operant.types import Batch, Clock, EnvSpec


class TD3State(eqx.Module):
    """Everything TD3 learns."""

    actor: Actor  # φ
    critics: CriticEnsemble  # θ
    target_actor: Actor  # φ⁻
    target_critics: CriticEnsemble  # θ⁻
    updates: jax.Array  # int32: how often the critics were updated
    actor_optimizer: optax.OptState
    critic_optimizer: optax.OptState
    normalizer: Normalizer


class TD3(OffPolicy):
    """Twin delayed DDPG, for actions of a Box; its values make DDPG."""

    learning_rate: float | Schedule = 1e-3
    """Step size of both optimisers: a number or a schedule such as linear:1e-3:0."""
    tau: float = 0.005
    """How far target networks move towards the online ones at each of their updates; 1 copies them."""
    policy_delay: int = static(2)
    """Updates of the critics for one of the policy and of the target networks."""
    policy_q: PolicyQ = static("first")
    target_policy_noise: float = 0.2
    """Standard deviation of the noise on the target policy's actions, in halves of the Box."""
    target_noise_clip: float = 0.5
    """What that noise is clipped to, on both sides."""
    network: Network | UserModule = network_field(
        Network(
            hidden_sizes=(400, 300),
            activation="relu",
            initialization="uniform",
            share_features_extractor=False,
        )
    )

    def __check_init__(self) -> None:
        ranges.fraction(self, "tau")
        ranges.not_negative(self, "target_policy_noise", "target_noise_clip")

    @property
    def name(self) -> str:
        return configurations.title("td3", self, "TD3")

    def check(self, spec: EnvSpec) -> None:
        if not isinstance(spec.action_space, Box):
            raise ValueError(
                f"{self.name} needs actions of a Box: {spec.id} has {describe(spec.action_space)}. SAC and DQN take "
                "Discrete ones, and PPO all others."
            )
        self.check_box(spec)
        self.check_replay(spec)

    def advice(self, spec: EnvSpec) -> list[str]:
        said = super().advice(spec)
        if self.action_noise is not None:
            return said
        return [
            *said,
            f"action_noise=None: the policy is deterministic, so that nothing explores after the first "
            f"learning_starts={self.learning_starts} steps. Set action_noise='normal'.",
        ]

    def init(self, spec: EnvSpec, key: jax.Array) -> TD3State:
        key_critics, key_actor = jax.random.split(key)
        outputs = self.critic_kind.outputs
        critics = CriticEnsemble.build(self.network, spec, key_critics, count=self.n_critics, outputs=outputs)
        actor = Actor.build(self.network, spec, key_actor, critics, stochastic=False)
        optimizer = self._optimizer(0.0)
        target_actor, target_critics = jax.tree.map(jnp.copy, (actor, critics))
        return TD3State(
            actor,
            critics,
            target_actor,
            target_critics,
            jnp.zeros((), jnp.int32),
            optimizer.init(actor),
            optimizer.init(critics),
            self.make_normalizer(spec),
        )

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> jax.Array:
        return standard_normals(spec, key)

    @property
    def exploration(self) -> ExplorationNoise:
        return self.noise_process

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        features, _, carry = self.step(state, observation, carry)
        action = state.actor.action(features)
        if explore and self.action_noise is not None:
            action = jnp.clip(action + noise, -1.0, 1.0)
        return scale(state.actor.action_space, action), carry, ()

    def estimates(self, state, observation, action_mask, carry):
        of_actor, features, carry = self.step(state, observation, carry)
        output = state.critics(features, state.actor.action(of_actor))
        return Estimates(value=policy_value(self.critic_kind.q_values(output), self.policy_q)), carry

    def update(self, state: TD3State, batch: Batch, key: jax.Array, clock: Clock):
        sample = self.sample(batch, state)
        key_critics, key_actor = jax.random.split(key)
        optimizer = self._optimizer(at(self.learning_rate, clock))

        gradient, (metrics, td_error) = jax.grad(self.critic_loss, has_aux=True)(
            state.critics, state.target_critics, state.target_actor, sample, key_critics
        )
        critics, critic_optimizer = descend(optimizer, gradient, state.critic_optimizer, state.critics)

        def improve(learnt: tuple) -> tuple[tuple, dict[str, Any]]:
            """One step of the policy, after which both copies follow."""
            actor, actor_optimizer, copies = learnt
            loss, gradient = jax.value_and_grad(self.actor_loss)(actor, critics, sample, key_actor)
            actor, actor_optimizer = descend(optimizer, gradient, actor_optimizer, actor)
            copies = optax.incremental_update((actor, critics), copies, self.tau)
            return (actor, actor_optimizer, copies), {"train/actor_loss": loss}

        updates = state.updates + 1
        learnt = (state.actor, state.actor_optimizer, (state.target_actor, state.target_critics))
        learnt, of_policy = every(self.policy_delay, updates, improve, learnt)
        actor, actor_optimizer, (target_actor, target_critics) = learnt

        metrics |= of_policy | {"train/learning_rate": at(self.learning_rate, clock)}
        state = TD3State(
            *(actor, critics, target_actor, target_critics, updates),
            *(actor_optimizer, critic_optimizer, state.normalizer),
        )
        return self.with_priority(state, metrics, td_error, batch)

    def critic_loss(
        self,
        critics: CriticEnsemble,
        target_critics: CriticEnsemble,
        target_actor: Actor,
        sample: Sample,
        key: jax.Array,
    ) -> tuple[jax.Array, tuple[Metrics, jax.Array]]:
        """Σ_i L(θ_i) of a minibatch, what there is to say about it, and |δ| `[B]`, the mean over critics."""
        key_smoothing, key_subset, key_target, key_online, key_encoder = jax.random.split(key, 5)
        kind, td = self.critic_kind, sample.td

        next_features = sample.next_features(target_actor.torso(target_critics), sample.actor_carry)
        action = target_actor.action(next_features)
        action = self.smoothed(action, jax.random.normal(key_smoothing, action.shape, dtype=jnp.float32))
        next_features = sample.next_features(target_critics.torso, sample.critics_carry)
        next_output = target_critics(next_features, action, key=key_target)
        next_return = kind.pessimistic(random_subset(next_output, self.critic_subset, key_subset))
        td_target = kind.shifted(next_return, td.reward, td.discount)  # y

        features = sample.features(critics.torso, sample.critics_carry, key=key_encoder)
        output = critics(features, sample.action, key=key_online)  # Z(s, a; θ) [n, B, M]
        losses, td_error = kind.loss(output, jax.lax.stop_gradient(td_target))
        loss = sample.mean(jnp.sum(losses, 0))
        q_value = sample.mean(jnp.mean(kind.q_values(output), 0))
        metrics = {
            "train/critic_loss": loss,
            "train/q_value": q_value,
            **kind.metrics(td_target, sample.mask),
        }
        return loss, (metrics, jnp.mean(td_error, 0))

    def smoothed(self, action: jax.Array, noise: jax.Array) -> jax.Array:
        """ã of the target policy's action and standard normals of its shape."""
        epsilon = jnp.clip(self.target_policy_noise * noise, -self.target_noise_clip, self.target_noise_clip)
        return jnp.clip(action + epsilon, -1.0, 1.0)

    def actor_loss(self, actor: Actor, critics: CriticEnsemble, sample: Sample, key: jax.Array) -> jax.Array:
        """J(φ) of a minibatch."""
        key_dropout, key_critics = jax.random.split(key)
        critics = critics.first if self.policy_q == "first" else critics
        features = sample.features(actor.torso(critics), sample.actor_carry, key=key_dropout)
        action = actor.action(features, key=key_dropout)
        output = critics(sample.features(critics.torso, sample.critics_carry), action, key=key_critics)
        return -sample.mean(policy_value(self.critic_kind.q_values(output), self.policy_q))

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)
