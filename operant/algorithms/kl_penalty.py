"""Reinforcement learning near a reference model (Ziegler et al. 2019, arXiv:1909.08593; Stiennon et al. 2020).

Any policy gradient, to which every step pays

    r_t − β (log π(a_t|s_t) − log π_ref(a_t|s_t))

in place of r_t. In mean over what the policy does, the second term of a whole episode is β KL(π ‖ π_ref), and the best
policy is π_ref e^(r/β), up to a factor. With a target, β is larger after rollouts whose KL divergence is above it:

    e = clip(KL / target − 1, ±0.2),   β ← β (1 + K e)

Scores and metrics stay those of the task, since only the algorithm sees the sum.

| paper | here |
|---|---|
| ρ, the model that was fine-tuned before | what the `network` of the algorithm begins with |
| β, KL_target, K_β | coefficient, target, gain |
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import Algorithm, static
from operant.algorithms.policy_gradient.learner import PolicyGradient
from operant.algorithms.wrapped import WrappedAlgorithm, behaved
from operant.ops.kl import adapted_coefficient, kl_estimate
from operant.ops.returns import weighted_mean
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class KLPenalty(eqx.Module):
    """How dear the distance from the reference is."""

    coefficient: float = 0.1
    """β, in units of the reward a nat; with a target the first one."""
    target: float | None = None
    """The KL divergence of an episode, in nats, that β is adapted to; none: β stays as it is."""
    gain: float = 0.1
    """K: by how much of the relative error β changes after each rollout."""
    whiten: bool = static(False)
    """Divide rewards, the penalty included, by their deviation in each rollout; their mean stays."""

    def __check_init__(self) -> None:
        ranges.not_negative(self, "coefficient", "gain")
        ranges.positive(self, "target")

    @classmethod
    def parse(cls, text: str) -> KLPenalty:
        """One that is written as 0.1, as 0.1:6 with a target, or 0.1:6:0.2 with a gain, too, and any of these with
        :whiten at its end.

        Raises ValueError for any other text.
        """
        parts = text.split(":")
        whiten = parts[-1] == "whiten"
        try:
            numbers = [None if x == "none" else float(x) for x in parts[: len(parts) - whiten]]
            if numbers[0] is None or not all(x is None or math.isfinite(x) for x in numbers):
                raise ValueError
            values = dict(zip(("coefficient", "target", "gain"), numbers, strict=False))
            if len(numbers) > len(values) or values.get("gain", 0.0) is None:
                raise ValueError
        except (ValueError, IndexError):
            raise ValueError(
                f"kl_penalty {text!r}: must be COEFFICIENT[:TARGET[:GAIN]][:whiten], as in 0.1 or 0.1:6."
            ) from None
        return cls(**values, whiten=whiten)  # pyright: ignore[reportArgumentType]


class KLRegularizedState(eqx.Module):
    """The state of the algorithm, and β."""

    learner: PyTree
    coefficient: jax.Array


class KLRegularized(WrappedAlgorithm):
    """A policy gradient with a penalty for the distance from what its network began as."""

    algorithm: Algorithm
    """The algorithm that learns."""
    penalty: KLPenalty
    """The penalty."""

    @property
    def name(self) -> str:
        return f"{self.algorithm.name} with a KL penalty"

    def check(self, spec: EnvSpec) -> None:
        learner = self.innermost
        if not isinstance(learner, PolicyGradient):
            raise ValueError(
                f"kl_penalty with {learner.name}: it needs a policy gradient, such as PPO or GRPO. Leave it out."
            )
        learner.require_reference(True, "kl_penalty")
        self.algorithm.check(spec)

    def advice(self, spec: EnvSpec) -> list[str]:
        given = self.algorithm.advice(spec)
        if getattr(self.innermost, "scale", "none") == "group":
            given.append(
                "kl_penalty with scale='group': in a group of equal rewards the penalty alone tells responses apart, "
                "and divided by its own deviation it counts as much as the task. Use kl_coef=…, or scale='none'."
            )
        return given

    def init(self, spec: EnvSpec, key: jax.Array) -> KLRegularizedState:
        coefficient = jnp.asarray(self.penalty.coefficient, jnp.float32)
        return KLRegularizedState(self.algorithm.init(spec, key), coefficient)

    def update(self, state: KLRegularizedState, batch: Batch, key: jax.Array, clock: Clock) -> Any:
        acted = state if batch.behavior is None else batch.behavior
        step, weight, penalty = batch.transition, batch.weight, self.penalty
        kl = self.divergence(acted, step, batch.carry, weight)
        reward = step.reward - state.coefficient * kl
        if penalty.whiten:
            reward = rescaled(reward, weight)
        penalised = replace(behaved(batch), transition=replace(step, reward=reward))
        learner, metrics, *_ = self.algorithm.update(state.learner, penalised, key, clock)
        episodes = jnp.maximum(jnp.sum(jnp.where(weight > 0, step.done, False)), 1)
        each = jnp.sum(kl) / episodes
        coefficient = state.coefficient
        metrics = {**metrics, "rollout/kl_to_reference": each, "rollout/kl_coefficient": coefficient}
        if penalty.target is not None:
            coefficient = adapted_coefficient(coefficient, each, penalty.target, penalty.gain)
        return KLRegularizedState(learner, coefficient), metrics

    def divergence(
        self, state: KLRegularizedState, step: Transition, carry: PyTree, weight: jax.Array
    ) -> jax.Array:
        """log π(a|s) − log π_ref(a|s) of what was done `[T, N]`, 0 where nothing was."""
        network, learner = self.network_of(state), self.innermost
        assert isinstance(learner, PolicyGradient)
        reference = learner.log_prob(learner.reference_of(network), step, carry)
        kl = kl_estimate(learner.log_prob(network, step, carry), reference, "k1")
        return jnp.where(weight > 0, kl, 0.0)


def rescaled(reward: jax.Array, weight: jax.Array) -> jax.Array:
    """Rewards divided by their deviation where `weight` is not 0, around their mean, which stays."""
    mean = weighted_mean(reward, weight)
    variance = weighted_mean(jnp.square(reward - mean), weight)
    return (reward - mean) * jax.lax.rsqrt(variance + 1e-8) + mean
