"""Soft actor–critic (Haarnoja et al. 2018, arXiv:1812.05905): a policy that is paid for its entropy as well.

    J_Q(θ_i) = E[ ½ (Q_i(s, a) − y)² ],   y = r + γ ( min_i Q_i(s', a'; θ⁻) − α log π(a'|s') ),   a' ~ π(·|s')
    J_π(φ)   = E[ α log π(a|s) − min_i Q_i(s, a) ],   a ~ π(·|s)
    J(α)     = E[ −log α ( log π(a|s) + H̄ ) ]

The policy is a normal squashed by tanh. Discrete actions need no sampling (Christodoulou 2019, arXiv:1910.07207): each
expectation over a is a sum over all that are possible. What changes one part, and combines with everything else:

| value | the change | paper |
|---|---|---|
| distributional | quantiles of Z_i, the largest left out of y | TQC: Kuznetsov et al. 2020, arXiv:2005.04269 |
| critic_subset | the least of a random few of many critics | REDQ: Chen et al. 2021, arXiv:2101.05982 |
| use_sde | noise that is a function of the state | gSDE: Raffin et al. 2021, arXiv:2005.05719 |

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

import contextlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant import distributions
from operant.algorithms import configurations, ranges
from operant.algorithms.actor_critic.critics import policy_value
from operant.algorithms.actor_critic.learner import OffPolicy, Sample, every, standard_normals
from operant.algorithms.actor_critic.soft import Choice, ent_coef_loss, entropy_target, initial_ent_coef
from operant.algorithms.base import Estimates, require, static
from operant.distributions import Categorical, Distribution, Transformed, scale
from operant.networks import Actor, CriticEnsemble, Network, UserModule, network_field
from operant.ops.ensembles import random_subset
from operant.ops.exploration_noise import ExplorationNoise, HeldNoise, Independent, Joint
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.schedules import at
from operant.spaces import Box, Discrete, describe
from operant.types import Batch, Clock, EnvSpec, PyTree


def _number_or_text(value: Any) -> Any:
    """A text that is a number as that number: on the command line all are texts."""
    with contextlib.suppress(ValueError):
        return float(value) if isinstance(value, str) else value
    return value


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


class SAC(OffPolicy):
    """Soft actor–critic, for actions of a Box, and Discrete ones with masks; its values make TQC and REDQ."""

    ent_coef: float | str = eqx.field(default="auto", static=True, converter=_number_or_text)
    """Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what it is."""
    target_entropy: float | str = eqx.field(default="auto", static=True, converter=_number_or_text)
    """With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element of a Box, in its own units, and
    0.89 of the largest possible for Discrete actions."""
    target_update_interval: int = static(1)
    """Updates of the critics for one of the target network."""
    use_sde: bool = static(False)
    """Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin et al. 2021) instead of
    new noise at every step."""
    sde_sample_freq: int = static(-1)
    """With use_sde: steps after which new noise is drawn, besides every round of collecting and every episode; −1: only
    with these."""
    log_std_init: float = -3.0
    """With use_sde: logarithm of the standard deviation of each feature before learning."""
    network: Network | UserModule = network_field(
        Network(
            hidden_sizes=(256, 256),
            activation="relu",
            initialization="uniform",
            share_features_extractor=False,
        )
    )

    def __check_init__(self) -> None:
        initial_ent_coef(self.ent_coef)
        if not isinstance(self.ent_coef, str):
            ranges.not_negative(self, "ent_coef")
        if isinstance(self.target_entropy, str):
            known = self.target_entropy == "auto"
            require(known, "target_entropy", self.target_entropy, "a number, or auto")
        ranges.whole(self, "target_update_interval")
        frequency = self.sde_sample_freq
        require(frequency >= 1 or frequency == -1, "sde_sample_freq", frequency, "at least 1, or -1")
        ranges.finite(self, "log_std_init")

    @property
    def name(self) -> str:
        return configurations.title("sac", self, "SAC")

    def check(self, spec: EnvSpec) -> None:
        space = spec.action_space
        if isinstance(space, Box):
            self.check_box(spec)
        elif isinstance(space, Discrete):
            for name, value in (("action_noise", self.action_noise), ("use_sde", self.use_sde or None)):
                if value is not None:
                    raise ValueError(
                        f"{name}={value!r} is noise of a Box; {spec.id} has {describe(space)}. Leave it off."
                    )
        else:
            raise ValueError(
                f"{self.name} needs Box or Discrete actions: {spec.id} has {describe(space)}. PPO takes it."
            )
        self.check_replay(spec)

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
        start = initial_ent_coef(self.ent_coef)
        log_ent_coef = None if start is None else jnp.log(jnp.asarray(start, jnp.float32))
        optimizer = self._optimizer(0.0)
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

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        """Of the policy, and with `action_noise` what is added to its action."""
        key_policy, key_added = jax.random.split(key)
        of_policy = distributions.sample_noise(
            spec.action_space, key_policy, (spec.num_envs,), state_dependent=self.use_sde
        )
        return (of_policy,) if self.action_noise is None else (of_policy, standard_normals(spec, key_added))

    @property
    def exploration(self) -> ExplorationNoise:
        steps = None if self.sde_sample_freq == -1 else self.sde_sample_freq
        of_policy = HeldNoise(steps, each_rollout=True) if self.use_sde else Independent()
        return Joint((of_policy,) if self.action_noise is None else (of_policy, self.noise_process))

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        policy = self.policy(state, observation, action_mask)
        action = policy.sample(noise[0]) if explore else policy.mode()
        if isinstance(policy, Categorical):
            return action, carry, ()
        if explore and self.action_noise is not None:
            action = jnp.clip(action + noise[1], -1.0, 1.0)
        return scale(state.actor.action_space, action), carry, ()

    def policy(self, state: SACState, observation: PyTree, action_mask: PyTree) -> Distribution:
        """π(·|s), over actions of a Box in units of [−1, 1]."""
        features = state.actor.features(state.normalizer.observations(observation), state.critics)
        return state.actor.policy(features, action_mask)

    def probabilities(self, spec: EnvSpec, state, observation, action_mask, carry) -> jax.Array:
        policy = self.policy(state, observation, action_mask)
        assert isinstance(policy, Categorical)
        return jnp.exp(policy.log_probabilities)

    def estimates(self, state, observation, action_mask, carry):
        """The value is that of the best known action of a Box, without its entropy."""
        policy, which = self.policy(state, observation, action_mask), self.policy_q
        features = state.critics.features(state.normalizer.observations(observation))
        if isinstance(policy, Transformed):
            output = state.critics(features, policy.mode())
            value = policy_value(self.critic_kind.q_values(output), which)
            return Estimates(Transformed(policy.base, state.actor.action_space, True), value), carry
        assert isinstance(policy, Categorical)
        q_values = policy_value(self.critic_kind.q_values(state.critics.of_each_action(features)), which)
        return Estimates(policy, jnp.sum(jnp.exp(policy.log_probabilities) * q_values, -1), q_values), carry

    def temperature(self, log_ent_coef: jax.Array | None) -> jax.Array:
        """α."""
        return jnp.asarray(self.ent_coef, jnp.float32) if log_ent_coef is None else jnp.exp(log_ent_coef)

    def update(self, state: SACState, batch: Batch, key: jax.Array, clock: Clock):
        sample = self.sample(batch, state.normalizer, state.actor.action_space)
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
            metrics = {"train/actor_loss": loss}
            actor, actor_optimizer = descend(optimizer, gradient, actor_optimizer, actor)
            if log_ent_coef is not None:
                metrics["train/ent_coef_loss"], gradient = jax.value_and_grad(ent_coef_loss)(
                    log_ent_coef, missing
                )
                log_ent_coef, ent_coef_optimizer = descend(
                    optimizer, gradient, ent_coef_optimizer, log_ent_coef
                )
            return (actor, actor_optimizer, log_ent_coef, ent_coef_optimizer), metrics

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
        prioritized = self.prioritized
        return (state, metrics) if prioritized is None else (state, metrics, prioritized.priority(td_error))

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
        # Nothing follows where no action is possible, whatever a policy would do there.
        mask = td.next_action_mask
        mask = None if mask is None else mask | ~jnp.any(mask, -1, keepdims=True)

        policy = actor.policy(actor.features(sample.next_observation, critics), mask)
        choice = Choice.of(policy, key_choice)
        next_output = choice.outputs(target, target.features(sample.next_observation), key_target)
        next_return = kind.pessimistic(random_subset(next_output, self.critic_subset, key_subset))
        bonus = td.discount * ent_coef * choice.entropy
        td_target = kind.shifted(choice.expected(next_return), td.reward + bonus, td.discount)  # y

        features = critics.features(sample.observation, key=key_encoder)
        output = critics(features, sample.action, key=key_online)  # Z(s, a; θ) [n, B, M]
        losses, td_error = kind.loss(output, jax.lax.stop_gradient(td_target))
        loss = 0.5 * sample.mean(jnp.sum(losses, 0))
        q_value = sample.mean(jnp.mean(kind.q_values(output), 0))
        return loss, ({"train/critic_loss": loss, "train/q_value": q_value}, jnp.mean(td_error, 0))

    def actor_loss(
        self, actor: Actor, critics: CriticEnsemble, ent_coef: jax.Array, sample: Sample, key: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """J_π(φ) of a minibatch, itself again, and how much of the entropy H̄ is missing, H̄ − H."""
        key_choice, key_dropout, key_critics = jax.random.split(key, 3)
        mask = sample.td.action_mask
        features = actor.features(sample.observation, critics, key=key_dropout)
        choice = Choice.of(actor.policy(features, mask, key=key_dropout), key_choice)
        output = choice.outputs(critics, critics.features(sample.observation), key_critics)
        q_value = policy_value(self.critic_kind.q_values(output), self.policy_q)
        loss = sample.mean(choice.expected(ent_coef * choice.log_prob - q_value))
        aimed = entropy_target(self.target_entropy, actor.action_space, mask)
        return loss, (loss, sample.mean(aimed - choice.entropy))

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)
