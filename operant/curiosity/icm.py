"""The intrinsic curiosity module (Pathak, Agrawal, Efros & Darrell 2017, arXiv:1705.05363).

Features φ are learnt by an inverse model, which predicts the action between two successive observations, so they can
leave out what does not depend on actions. The intrinsic reward is the error of a forward model of these features:

    r_i = η/2 ‖φ̂(φ(s), a) − φ(s')‖²                              (equation 6)
    L = (1−β) L_I + β L_F,   L_F = ½ ‖φ̂ − φ(s')‖²,   L_I = −log p(a | φ(s), φ(s'))      (equations 3, 5, 7)

| paper | here |
|---|---|
| η | scale |
| β | beta |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant import distributions
from operant.algorithms import ranges
from operant.curiosity.learned import Features, Learned
from operant.networks.encoder import Flatten
from operant.networks.hidden import Layers, hidden_layers
from operant.ops.returns import weighted_mean
from operant.spaces import Box, Space
from operant.types import Clock, EnvSpec, Transition


class Dynamics(eqx.Module):
    """The three networks."""

    features: Features  # φ
    inverse: Layers  # (φ(s), φ(s')) to the parameters of a distribution over actions
    forward: Layers  # (φ(s), a) to φ̂
    action_space: Space = eqx.field(static=True)

    def errors(self, transition: Transition) -> tuple[jax.Array, jax.Array]:
        """`(L_F, L_I)` of every transition, `[…]`: half the squared prediction error, and −log p(a)."""
        before, after = self.features(transition.observation), self.features(transition.next_observation)
        action = applied(self.action_space, transition.action)
        choices = self.inverse(jnp.concatenate([before, after], -1))
        surprise = -distributions.from_parameters(self.action_space, choices).log_prob(action)
        encoded = Flatten(self.action_space)(action)  # pyright: ignore[reportArgumentType] (`check` refuses others)
        foreseen = self.forward(jnp.concatenate([before, encoded], -1))
        return 0.5 * jnp.sum(jnp.square(foreseen - after), -1), surprise


class ICMState(eqx.Module):
    """The networks and their optimiser."""

    dynamics: Dynamics
    optimizer: optax.OptState


class ICM(Learned):
    """The intrinsic curiosity module: the error of predicting features that depend on the agent's actions."""

    beta: float = 0.2
    """β: weight of the forward model's loss; the inverse model's is 1 − β."""

    def __check_init__(self) -> None:
        ranges.fraction(self, "beta")

    def check(self, spec: EnvSpec) -> None:
        distributions.parameters(spec.action_space)

    def init(self, spec: EnvSpec, key: jax.Array) -> ICMState:
        keys = jax.random.split(key, 3)
        outputs, size, config = distributions.parameters(spec.action_space), self.features, self.network
        dynamics = Dynamics(
            Features.build(config, spec, size, keys[0]),
            hidden_layers(config, 2 * size, config.hidden_sizes, outputs, keys[1]),
            hidden_layers(config, size + outputs, config.hidden_sizes, size, keys[2]),
            spec.action_space,
        )
        return ICMState(dynamics, self.begin(dynamics))

    def reward(self, state: ICMState, transition: Transition) -> jax.Array:
        return state.dynamics.errors(transition)[0]

    def update(
        self, state: ICMState, transition: Transition, weight: jax.Array, key: jax.Array, clock: Clock
    ):
        dynamics, optimizer, metrics = self.fit(
            self.loss, state.dynamics, state.optimizer, transition, weight, key, clock
        )
        return ICMState(dynamics, optimizer), metrics

    def loss(
        self, dynamics: Dynamics, transition: Transition, weight: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """L (equation 7, without the policy's part), and its two terms."""
        forward, inverse = (weighted_mean(error, weight) for error in dynamics.errors(transition))
        loss = (1 - self.beta) * inverse + self.beta * forward
        return loss, {"train/icm_forward_loss": forward, "train/icm_inverse_loss": inverse}


def applied(space: Space, action: jax.Array) -> jax.Array:
    """Actions `[…]` as the environment takes them; those of a bounded Box scaled to [−1, 1]."""
    if not isinstance(space, Box):
        return action
    low, high = (jnp.broadcast_to(jnp.asarray(bound, jnp.float32), action.shape) for bound in space.bounds)
    clipped = jnp.clip(action, low, high)
    return 2 * (clipped - low) / (high - low) - 1 if space.bounded else clipped
