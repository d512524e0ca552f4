"""Group relative policy optimisation (Shao et al. 2024, DeepSeekMath, arXiv:2402.03300).

Of each state that episodes begin in, as of each prompt, a group of G episodes is played. What one of them is worth is
told by the others, so that no value function is learnt: every step of episode i has the advantage

    Â_i = (R_i − mean(R_1 … R_G)) / std(R_1 … R_G)

and the policy follows PPO's clipped objective (equation 3), near a reference (equation 4):

    L(θ) = −E[ min(ρ Â, clip(ρ, 1−ε, 1+ε') Â) ] + β E[ KL(π ‖ π_ref) ],   ρ = π(a|s) / π_old(a|s)

| paper | here |           | paper | here |
|---|---|---|---|---|
| G | group_size |         | β | kl_coef, None for none |
| ε, ε' | clip_range, clip_range_high | | π_ref | the model that the network begins with |
| μ iterations | n_epochs |        | E over responses and tokens | aggregation |

What others found to be better is a value of its own:

| | values |
|---|---|
| Dr. GRPO (Liu et al. 2025, arXiv:2503.20783) | scale="none", aggregation="constant" |
| DAPO (Yu et al. 2025, arXiv:2503.14476) | clip_range_high=0.28, aggregation="token", skip_equal_groups=True |
| RLOO (Ahmadian et al. 2024, arXiv:2402.14740) | baseline="leave_one_out", scale="none", aggregation="constant" |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.algorithms.policy_gradient.learner import PolicyGradient, PolicyState
from operant.networks import ActorCritic, Network
from operant.ops.groups import (
    AGGREGATIONS,
    BASELINES,
    SCALES,
    Aggregation,
    Baseline,
    Scale,
    aggregated,
    episode_returns,
    group_advantages,
)
from operant.ops.kl import ESTIMATORS, Estimator, kl_estimate, kl_loss
from operant.ops.metrics import Metrics, mean_metrics
from operant.ops.optimizers import descend
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Schedule, at
from operant.ops.shuffle import minibatches
from operant.plans import Episodes
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class Graded(NamedTuple):
    """Episodes as they are learnt from, `[T, N, …]`."""

    transition: Transition
    log_prob: jax.Array  # log π_old(a|s)
    reference: jax.Array | None  # log π_ref(a|s); None without a KL term
    advantage: jax.Array  # Â
    weight: jax.Array  # 0 after an episode's end


class GRPO(PolicyGradient):
    """Policy gradients from groups of episodes that begin alike, without a value function."""

    learning_rate: float | Schedule = 1e-5
    """Step size of the optimiser: a number or a schedule such as linear:1e-5:0."""
    gamma: float = 1.0
    """Discount factor γ of the rewards within an episode."""
    n_episodes: int = static(64)
    """Episodes of an update; a multiple of group_size and of the number of environments."""
    group_size: int = static(8)
    """G: episodes that begin in one and the same state, as from one prompt."""
    max_steps: int = static(64)
    """Longer episodes are cut off; of text, the tokens that a response may have (max_new_tokens)."""
    n_epochs: int = static(1)
    """Passes over the episodes of an update."""
    batch_size: int | None = static(None)
    """Episodes in a minibatch; none: all of them."""
    baseline: Baseline = static("mean")
    """What an episode's return is compared with: the mean of its group, or of the group's others (leave_one_out)."""
    scale: Scale = static("group")
    """By what advantages are divided: the deviation of their group's returns, of the batch's, or none."""
    aggregation: Aggregation = static("sequence")
    """How the objective of steps becomes one number: the mean of each episode's mean (sequence), the mean over all
    steps (token), or their sum divided by episodes times max_steps (constant)."""
    clip_range: float | Schedule = 0.2
    """ε: the probability ratio of an action is clipped to no less than 1 − ε, and to no more than 1 + ε."""
    clip_range_high: float | Schedule | None = None
    """ε': clip to no more than 1 + ε' instead; none: 1 + ε."""
    skip_equal_groups: bool = static(False)
    """Leave groups whose returns are all equal out of all means. (DAPO plays others in their place.)"""
    kl_coef: float | None = None
    """β: the weight of the KL divergence from the reference in the loss; none: there is no reference."""
    kl_estimator: Estimator = static("k3")
    """How the divergence is estimated: k1, k2 or k3."""
    kl_unbiased: bool = static(True)
    """Weigh estimates by ρ, so that their mean gradient is that of the divergence; otherwise they are differentiated as
    they are, as published."""
    ent_coef: float | Schedule = 0.0
    """Weight of the entropy bonus."""
    max_grad_norm: float = 1.0
    """Gradients longer than this are shortened to it."""

    def __check_init__(self) -> None:
        ranges.whole(self, "n_episodes", "group_size", "max_steps", "n_epochs", "batch_size")
        ranges.positive(self, "max_grad_norm")
        ranges.not_negative(self, "clip_range", "clip_range_high", "kl_coef")
        ranges.finite(self, "ent_coef")
        for name, kinds in (
            ("baseline", BASELINES),
            ("scale", SCALES),
            ("aggregation", AGGREGATIONS),
            ("kl_estimator", ESTIMATORS),
        ):
            require(getattr(self, name) in kinds, name, getattr(self, name), f"one of {', '.join(kinds)}")
        require(
            self.group_size > 1, "group_size", self.group_size, "at least 2: others tell what one is worth"
        )
        whole = f"a multiple of group_size={self.group_size}"
        require(self.n_episodes % self.group_size == 0, "n_episodes", self.n_episodes, whole)
        most = f"at most n_episodes={self.n_episodes}"
        require((self.batch_size or 1) <= self.n_episodes, "batch_size", self.batch_size, most)
        if isinstance(self.network, Network):
            self.network.require_no_critic("GRPO")

    @property
    def experience(self) -> Episodes:
        return Episodes(self.n_episodes, self.max_steps, self.group_size)

    @property
    def learns_from_older(self) -> bool:
        return True  # the ratio is of the policy that acted, whichever that was

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        if spec.of_text:
            allowed = f"{spec.max_episode_steps} in {spec.id}, as many as a response may have tokens (max_new_tokens)"
            require(self.max_steps == spec.max_episode_steps, "max_steps", self.max_steps, allowed)
        self.require_reference(self.kl_coef is not None, f"kl_coef={self.kl_coef}")

    def init(self, spec: EnvSpec, key: jax.Array) -> PolicyState:
        network, normalizer = self.start(spec, key, critic=False)
        return PolicyState(network, self._optimizer(0.0).init(network), normalizer)

    @property
    def alike(self) -> int:
        """How many episodes of a group stay together in minibatches, so that what they begin with is read once."""
        return math.gcd(self.group_size, self.batch_size or self.n_episodes)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        """Exploring, log π_old(a|s) are the extras."""
        network = self.network_of(state)
        return self.act_by(network, state, observation, action_mask, carry, noise, explore=explore)

    def update(self, state: PolicyState, batch: Batch, key: jax.Array, clock: Clock):
        data, differ = self.graded(state, batch)
        order_key, dropout_key = jax.random.split(key)
        size, alike = (self.batch_size or self.n_episodes), self.alike
        order = minibatches(order_key, self.n_epochs, self.n_episodes // alike, size // alike)
        order = jnp.repeat(order * alike, alike, axis=1) + jnp.tile(jnp.arange(alike), size // alike)[None]
        optimizer = self._optimizer(at(self.learning_rate, clock))

        def step(learner: tuple, row: tuple[jax.Array, jax.Array]) -> tuple[tuple, Metrics]:
            index, counter = row
            network, optimizer_state = learner
            part = jax.tree.map(lambda x: x[:, index], data)
            carry = jax.tree.map(lambda x: x[index], batch.carry)
            dropped = jax.random.fold_in(dropout_key, counter)
            gradient, metrics = self.gradient(self.loss)(network, part, carry, clock, key=dropped)
            return descend(optimizer, gradient, optimizer_state, network), metrics

        start = state.network, state.optimizer
        (network, optimizer_state), metrics = jax.lax.scan(step, start, (order, jnp.arange(len(order))))
        return PolicyState(network, optimizer_state, state.normalizer), mean_metrics(metrics) | {
            "train/n_updates": jnp.asarray(len(order), jnp.float32),
            "train/learning_rate": at(self.learning_rate, clock),
            "train/equal_groups": 1 - jnp.mean(differ.astype(jnp.float32)),
        }

    def graded(self, state: PolicyState, batch: Batch) -> tuple[Graded, jax.Array]:
        """`(episodes with the advantage of each step, whether returns differ within an episode's group [N])`."""
        transition = state.normalizer.transition(batch.transition)
        returns = episode_returns(transition.reward, batch.weight, self.gamma)
        advantage, differ = group_advantages(returns, self.group_size, self.baseline, self.scale)
        weight = batch.weight
        if self.skip_equal_groups:
            weight = weight * jnp.broadcast_to(differ, weight.shape)
        log_prob = jnp.where(weight > 0, transition.extras, 0.0)
        reference = None
        if self.kl_coef is not None:
            network = self.reference_of(state.network)
            reference = self.log_prob(network, transition, batch.carry, self.group_size)
            reference = jnp.where(weight > 0, reference, log_prob)  # what never happened may be very unlikely
        return (
            Graded(transition, log_prob, reference, jnp.broadcast_to(advantage, weight.shape), weight),
            differ,
        )

    def loss(
        self,
        network: ActorCritic,
        data: Graded,
        carry: PyTree,
        clock: Clock,
        *,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, Metrics]:
        """`(L(θ), metrics)` of episodes `[T, B]`."""
        step, weight = data.transition, data.weight
        seen = step.observation, step.action_mask
        policy, _ = network.unroll(*seen, carry, step.done, key=key, alike=self.alike)
        log_prob = jnp.where(weight > 0, policy.log_prob(step.action), data.log_prob)
        log_ratio = log_prob - data.log_prob
        ratio = jnp.exp(log_ratio)
        low = at(self.clip_range, clock)
        high = low if self.clip_range_high is None else at(self.clip_range_high, clock)
        clipped = jnp.clip(ratio, 1 - low, 1 + high)
        surrogate = jnp.minimum(ratio * data.advantage, clipped * data.advantage)
        policy_loss = -aggregated(surrogate, weight, self.aggregation)
        entropy = aggregated(policy.entropy(), weight, self.aggregation)
        loss = policy_loss - at(self.ent_coef, clock) * entropy
        metrics = {
            "train/policy_gradient_loss": policy_loss,
            "train/entropy_loss": -entropy,
            "train/approx_kl": weighted_mean((ratio - 1) - log_ratio, weight),  # from π_old, as PPO's
            "train/clip_fraction": weighted_mean((clipped != ratio).astype(jnp.float32), weight),
        }
        if data.reference is not None and self.kl_coef is not None:
            estimate = kl_estimate(log_prob, data.reference, self.kl_estimator)
            if self.kl_unbiased:
                estimate = kl_loss(log_prob, data.reference, self.kl_estimator, data.log_prob)
            kl = aggregated(estimate, weight, self.aggregation)
            loss = loss + self.kl_coef * kl
            metrics["train/kl_to_reference"] = kl
        return loss, metrics | {"train/loss": loss}

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)
