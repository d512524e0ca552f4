"""An algorithm with curiosity: it learns from the environment's reward plus an intrinsic one.

    r = r_e + scale · r_i

Curiosity computes the intrinsic rewards of every batch, and then learns from it. Metrics and evaluations use the
environment's reward, since only the algorithm sees the sum.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.algorithms.wrapped import WrappedAlgorithm, behaved
from operant.curiosity.base import Curiosity
from operant.curiosity.learned import Learned
from operant.curiosity.value import IntrinsicValue
from operant.curiosity.value import update as update_value
from operant.ops.normalization import Normalizer
from operant.ops.returns import weighted_mean
from operant.ops.schedules import at
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition

# Folded into every key for curiosity's own randomness. The algorithm takes the key as it is, so that it learns to the
# last bit what it would without curiosity if `scale` is 0; a large number, since `split` makes keys as `fold_in` of
# small ones does.
_OWN, _VALUE = 0x43757269, 0x43757256


class CuriousState(eqx.Module):
    """The state of the algorithm, and that of its curiosity."""

    learner: PyTree
    curiosity: PyTree
    intrinsic: Normalizer  # of the intrinsic reward
    extrinsic: Normalizer  # of the environment's, where the algorithm normalises rewards
    value: IntrinsicValue | None  # of the intrinsic return, where that is not the algorithm's kind


class Curious(WrappedAlgorithm):
    """Any algorithm, with an intrinsic reward.

    If the algorithm normalises rewards, the environment's and the intrinsic one are each divided by the standard
    deviation of their own return before they are added: normalising the sum would let the larger one dominate.
    """

    algorithm: Algorithm
    """The algorithm that learns."""
    curiosity: Curiosity
    """The source of intrinsic rewards."""

    @property
    def inner(self) -> Algorithm:
        """The algorithm as it learns here: its rewards come normalised."""
        normalizes = getattr(self.algorithm, "normalize_rewards", False)
        return replace(self.algorithm, normalize_rewards=False) if normalizes else self.algorithm

    @property
    def name(self) -> str:
        return f"{self.algorithm.name} with {type(self.curiosity).__name__}"

    @property
    def gamma(self) -> jax.Array | float:
        """The algorithm's discount factor; 1 for one that does not discount."""
        return getattr(self.algorithm, "gamma", 1.0)

    @property
    def valued(self) -> Learned | None:
        """The curiosity, if its return needs a value function of its own."""
        return self.curiosity if isinstance(self.curiosity, Learned) and self.curiosity.values else None

    @property
    def intrinsic_gamma(self) -> jax.Array | float:
        """The discount factor of the intrinsic return."""
        given = self.valued and self.valued.gamma
        return self.gamma if given is None else given

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        self.curiosity.check(spec)
        plan = self.experience
        if plan.offline:
            raise ValueError(
                f"curiosity with {self.inner.name}: it learns from a dataset and explores nothing. Leave it out."
            )
        replay = plan.replay
        if replay is not None and replay.n_step > 1 and replay.sequence == 1:
            raise ValueError(
                f"n_step={replay.n_step} with curiosity: replay does not hold the observations between the first and "
                "the last of n steps, so the steps between could not be rewarded. Set n_step to 1, or use sequences."
            )
        if self.valued is not None:
            asked = f"gamma={self.valued.gamma}, episodic={self.valued.episodic} of {type(self.curiosity).__name__}"
            if replay is not None or plan.whole_episodes or not hasattr(self.algorithm, "gamma"):
                raise ValueError(
                    f"{asked}: another intrinsic return needs rollouts and an algorithm that discounts, which "
                    f"{self.algorithm.name} is not. Leave both as they are, or use PPO."
                )
            if spec.dummy_steps and not self.valued.episodic:
                raise ValueError(
                    f"{asked}: {spec.id} takes a step that does nothing between two episodes. Make the vector "
                    "environment with SAME_STEP autoreset, or leave episodic."
                )

    def init(self, spec: EnvSpec, key: jax.Array) -> CuriousState:
        columns = replace(spec, num_envs=self.experience.columns(spec.num_envs))
        own = jax.random.fold_in(key, _OWN)
        return CuriousState(
            self.inner.init(spec, key),
            self.curiosity.init(columns, own),
            Normalizer.build(columns, observations=False, rewards=self.curiosity.normalize_reward),
            Normalizer.build(spec, observations=False, rewards=self.inner is not self.algorithm),
            self.valued and IntrinsicValue.build(self.valued, spec, jax.random.fold_in(key, _VALUE)),
        )

    def update_statistics(self, state: CuriousState, transition: Transition) -> CuriousState:
        state = super().update_statistics(state, transition)
        state = replace(state, extrinsic=state.extrinsic.update(transition, self.gamma))
        if self.experience.replay is None:
            return state  # seen already: see `update`
        return self.see(state, transition, transition.weight)

    def see(self, state: CuriousState, transition: Transition, weight: jax.Array) -> CuriousState:
        """The state after curiosity has seen new experience `[T, N, …]`, once, in order, before it is rewarded."""
        curiosity = self.curiosity.update_statistics(state.curiosity, transition, weight)
        reward = self.curiosity.reward(curiosity, transition)
        rewarded = replace(transition, reward=reward)
        if self.valued is not None and not self.valued.episodic:
            never = jnp.zeros_like(transition.terminated)
            rewarded = replace(rewarded, terminated=never, truncated=never, discount=None)
        intrinsic = state.intrinsic.update(rewarded, self.intrinsic_gamma)
        return replace(state, curiosity=curiosity, intrinsic=intrinsic)

    def update(self, state: CuriousState, batch: Batch, key: jax.Array, clock: Clock) -> Any:
        transition = batch.transition
        if self.experience.replay is None:  # a rollout is fresh
            state = self.see(state, transition, batch.weight)
        intrinsic = state.intrinsic.rewards(self.curiosity.reward(state.curiosity, transition))
        value, metrics, own = state.value, {}, jax.random.fold_in(key, _OWN)
        paid = intrinsic
        if value is not None and self.valued is not None:
            bootstrap, ahead = value.ahead(transition, self.valued.episodic)
            paid = intrinsic + self.intrinsic_gamma * ahead - self.gamma * bootstrap
            value, metrics = update_value(
                value,
                self.valued,
                replace(transition, reward=intrinsic),
                batch.weight,
                self.intrinsic_gamma,
                jax.random.fold_in(key, _VALUE),
                clock,
            )
        scale = at(self.curiosity.scale, clock)
        reward = scale * paid
        if not self.curiosity.alone:
            reward = state.extrinsic.rewards(transition.reward) + reward
        rewarded = replace(behaved(batch), transition=replace(transition, reward=reward))
        learner, learnt, *priority = self.inner.update(state.learner, rewarded, key, clock)
        curiosity, surprised = self.curiosity.update(state.curiosity, transition, batch.weight, own, clock)
        metrics |= {"rollout/intrinsic_reward": weighted_mean(scale * intrinsic, batch.weight)}
        state = replace(state, learner=learner, curiosity=curiosity, value=value)
        return state, {**learnt, **surprised, **metrics}, *priority
