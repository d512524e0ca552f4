"""Random network distillation (Burda, Edwards, Storkey & Klimov 2018, arXiv:1810.12894).

A predictor f̂ learns the output of a fixed random network f. Its error is small for observations that it has seen often:

    r_i = ‖f̂(s'; θ) − f(s')‖² / n        L(θ) = E[ r_i ]

over n features. Observations are whitened and clipped to ±5, since f cannot adapt to their scale, and the reward is
divided by the running deviation of its discounted return (section 2.4).

| paper | here |
|---|---|
| coefficient of intrinsic reward | scale |
| learning rate of the predictor | learning_rate |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms.base import static
from operant.curiosity.learned import Features, Learned
from operant.curiosity.whitening import Whitening
from operant.ops.returns import weighted_mean
from operant.types import Clock, EnvSpec, Transition


class RNDState(eqx.Module):
    """The two networks, the optimiser and the whitening."""

    target: Features  # f, which never changes
    predictor: Features  # f̂
    optimizer: optax.OptState
    whitening: Whitening


class RND(Learned):
    """Random network distillation: the error of predicting a random network's output for the next observation."""

    normalize_reward: bool = static(True)
    """Divide the intrinsic reward by the running deviation of its discounted return."""
    normalize_observations: bool = static(True)
    """Normalise observations for the networks by running statistics, and clip them to ±5."""

    def check(self, spec: EnvSpec) -> None:
        pass  # every observation has features

    def init(self, spec: EnvSpec, key: jax.Array) -> RNDState:
        target, predictor = (
            Features.build(self.network, spec, self.features, k) for k in jax.random.split(key)
        )
        return RNDState(
            target,
            predictor,
            self.begin(predictor),
            Whitening.build(spec.observation_space, self.normalize_observations),
        )

    def update_statistics(self, state: RNDState, transition: Transition, weight: jax.Array) -> RNDState:
        whitening = state.whitening.update(transition.next_observation, weight)
        return RNDState(state.target, state.predictor, state.optimizer, whitening)

    def reward(self, state: RNDState, transition: Transition) -> jax.Array:
        seen = state.whitening(transition.next_observation)
        return jnp.mean(jnp.square(state.predictor(seen) - state.target(seen)), -1)

    def update(
        self, state: RNDState, transition: Transition, weight: jax.Array, key: jax.Array, clock: Clock
    ):
        def loss(predictor: Features, part: Transition, weight: jax.Array):
            now = RNDState(state.target, predictor, state.optimizer, state.whitening)
            error = weighted_mean(self.reward(now, part), weight)
            return error, {"train/rnd_loss": error}

        predictor, optimizer, metrics = self.fit(
            loss, state.predictor, state.optimizer, transition, weight, key, clock
        )
        return RNDState(state.target, predictor, optimizer, state.whitening), metrics
