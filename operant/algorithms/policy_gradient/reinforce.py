"""REINFORCE (Williams 1992, doi:10.1007/BF00992696).

Whole episodes are played, and each action becomes more or less likely by the return that followed it. The returns of
all these episodes are first standardised to mean 0 and standard deviation 1:

    L(θ) = −E[ log π(a|s) Ĝ ],   G_t = r_t + γ r_{t+1} + γ² r_{t+2} + …,   Ĝ = (G − mean) / deviation

With a baseline, G − V(s) takes the place of G, and V is fitted to G: + c E[(V(s) − G)²].

| paper | here |
|---|---|
| α | learning_rate |
| r, of a whole episode | G |
| b, the reinforcement baseline | baseline |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import static
from operant.algorithms.policy_gradient.learner import PolicyGradient, PolicyState
from operant.networks import ActorCritic, Network
from operant.ops.returns import explained_variance, standardize, weighted_mean
from operant.ops.schedules import Schedule, at
from operant.plans import Episodes
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class REINFORCE(PolicyGradient):
    """REINFORCE, the gradient of whole episodes' returns, for every action space, with masks and recurrent networks."""

    learning_rate: float | Schedule = 0.01
    """Step size of the optimiser: a number or a schedule such as linear:0.01:0."""
    gamma: float = 0.95
    optimizer_eps: float = 1e-8
    n_episodes: int = static(10)
    """Episodes of an update; a multiple of the number of environments."""
    max_steps: int = static(1000)
    """Longer episodes are cut off. An update takes memory and time for this number of steps of every episode."""
    normalize_returns: bool = static(True)
    """Standardise the returns (with baseline: the advantages) over the episodes of an update."""
    baseline: bool = static(False)
    """Learn from advantages over a learnt value function instead of returns. If a time limit cut an episode off, the
    value of its last state then stands for the rest of its return; without a baseline that rest counts as 0."""
    vf_coef: float = 0.5
    """Weight of the value loss."""

    def __check_init__(self) -> None:
        ranges.whole(self, "n_episodes", "max_steps")
        ranges.not_negative(self, "vf_coef")
        if isinstance(self.network, Network) and not self.baseline:
            self.network.require_no_critic("REINFORCE without a baseline")

    @property
    def experience(self) -> Episodes:
        return Episodes(self.n_episodes, self.max_steps)

    def init(self, spec: EnvSpec, key: jax.Array) -> PolicyState:
        network, normalizer = self.start(spec, key, critic=self.baseline)
        return PolicyState(network, self._optimizer(0.0).init(network), normalizer)

    def update(self, state: PolicyState, batch: Batch, key: jax.Array, clock: Clock):
        optimizer = self._optimizer(at(self.learning_rate, clock))
        return self.gradient_step(self.loss, state, batch, optimizer, clock, key)

    def loss(
        self,
        network: ActorCritic,
        transition: Transition,
        weight: jax.Array,
        carry: PyTree,
        *,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """`(L(θ), metrics)` of episodes `[max_steps, n_episodes]`, whose weight is 0 after each one's end."""
        policy, value = network.unroll(
            transition.observation, transition.action_mask, carry, transition.done, key=key
        )
        baseline = jax.lax.stop_gradient(value)  # 0 without a value function
        advantage = self.advantages(jax.lax.stop_gradient(network), transition, carry, baseline, 1.0)
        returns = advantage + baseline
        if self.normalize_returns:
            advantage = standardize(advantage, weight)

        policy_loss = -weighted_mean(policy.log_prob(transition.action) * advantage, weight)
        value_loss = weighted_mean(jnp.square(value - returns), weight)
        loss = policy_loss + (self.vf_coef * value_loss if self.baseline else 0.0)
        metrics = {
            "train/loss": loss,
            "train/policy_loss": policy_loss,
            "train/entropy_loss": -weighted_mean(policy.entropy(), weight),
        }
        if self.baseline:
            metrics["train/value_loss"] = value_loss
            metrics["train/explained_variance"] = explained_variance(baseline, returns, weight)
        return loss, metrics

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, None)
