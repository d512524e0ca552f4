"""What soft actor–critics share: the hyperparameters of entropy and exploration, and how their policy acts."""

from __future__ import annotations

import contextlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import distributions
from operant.algorithms import ranges
from operant.algorithms.actor_critic.critics import policy_value
from operant.algorithms.actor_critic.learner import OffPolicy, standard_normals
from operant.algorithms.actor_critic.soft import initial_ent_coef
from operant.algorithms.base import Estimates, require, static
from operant.distributions import Categorical, Transformed, scale
from operant.ops.exploration_noise import ExplorationNoise, HeldNoise, Independent, Joint
from operant.spaces import Box, Discrete, describe
from operant.types import Clock, EnvSpec, PyTree


def _number_or_text(value: Any) -> Any:
    """A text that is a number as that number: on the command line all are texts."""
    with contextlib.suppress(ValueError):
        return float(value) if isinstance(value, str) else value
    return value


class SoftActorCritic(OffPolicy):
    """An actor of a Box, or of Discrete actions with masks, whose entropy is paid for.

    Its state has an `actor`, `critics`, a `log_ent_coef` (log α, None where α is given) and a `normalizer`.
    """

    ent_coef: float | str = eqx.field(default="auto", static=True, converter=_number_or_text)
    """Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what it is. With
    normalize_rewards, which makes rewards small, 1 is much at first, where entropy is then all that counts."""
    target_entropy: float | str = eqx.field(default="auto", static=True, converter=_number_or_text)
    """With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element of a Box, in its own units, and
    0.89 of the largest possible for Discrete actions."""
    use_sde: bool = static(False)
    """Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin et al. 2021) instead of
    new noise at every step."""
    sde_sample_freq: int = static(-1)
    """With use_sde: steps after which new noise is drawn, besides every round of collecting and every episode; −1: only
    with these."""
    log_std_init: float = -3.0
    """With use_sde: logarithm of the standard deviation of each feature before learning."""

    def __check_init__(self) -> None:
        initial_ent_coef(self.ent_coef)
        if not isinstance(self.ent_coef, str):
            ranges.not_negative(self, "ent_coef")
        if isinstance(self.target_entropy, str):
            known = self.target_entropy == "auto"
            require(known, "target_entropy", self.target_entropy, "a number, or auto")
        frequency = self.sde_sample_freq
        require(frequency >= 1 or frequency == -1, "sde_sample_freq", frequency, "at least 1, or -1")
        ranges.finite(self, "log_std_init")

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
        features, _, carry = self.step(state, observation, carry)
        policy = state.actor.policy(features, action_mask)  # over actions of a Box in units of [−1, 1]
        action = policy.sample(noise[0]) if explore else policy.mode()
        if isinstance(policy, Categorical):
            return action, carry, ()
        if explore and self.action_noise is not None:
            action = jnp.clip(action + noise[1], -1.0, 1.0)
        return scale(state.actor.action_space, action), carry, ()

    def probabilities(self, spec: EnvSpec, state, observation, action_mask, carry) -> jax.Array:
        features, _, _ = self.step(state, observation, carry)
        policy = state.actor.policy(features, action_mask)
        assert isinstance(policy, Categorical)
        return jnp.exp(policy.log_probabilities)

    def estimates(self, state, observation, action_mask, carry):
        """The value is that of the best known action of a Box, without its entropy."""
        of_actor, features, carry = self.step(state, observation, carry)
        policy, which = state.actor.policy(of_actor, action_mask), self.policy_q
        if isinstance(policy, Transformed):
            output = state.critics(features, policy.mode())
            value = policy_value(self.critic_kind.q_values(output), which)
            return Estimates(Transformed(policy.base, state.actor.action_space, True), value), carry
        assert isinstance(policy, Categorical)
        q_values = policy_value(self.critic_kind.q_values(state.critics.of_each_action(features)), which)
        return Estimates(policy, jnp.sum(jnp.exp(policy.log_probabilities) * q_values, -1), q_values), carry

    def initial_log_ent_coef(self) -> jax.Array | None:
        """log α before learning; None where α is given."""
        start = initial_ent_coef(self.ent_coef)
        return None if start is None else jnp.log(jnp.asarray(start, jnp.float32))

    def temperature(self, log_ent_coef: jax.Array | None) -> jax.Array:
        """α."""
        return jnp.asarray(self.ent_coef, jnp.float32) if log_ent_coef is None else jnp.exp(log_ent_coef)
