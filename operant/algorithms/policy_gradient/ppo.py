"""Proximal policy optimisation (Schulman, Wolski, Dhariwal, Radford & Klimov 2017, arXiv:1707.06347).

Each rollout is used for several epochs of minibatches. The objective keeps the policy near the one that acted: it clips
the probability ratio of an action to 1 ± ε (equations 7 and 9), or it has a penalty for the KL divergence (equation 8):

    L(θ) = E[ S ] − c₁ E[(V(s) − V̂)²] + c₂ E[H(π(·|s))],   ρ = π(a|s) / π_old(a|s)

    S = min(ρ Â, clip(ρ, 1−ε, 1+ε) Â)   or   ρ Â − β KL(π_old(·|s) ‖ π(·|s))

| paper | here |             | paper | here |
|---|---|---|---|---|
| ε | clip_range |         | c₁ | vf_coef |
| γ | gamma |              | c₂ | ent_coef |
| λ | gae_lambda |         | K epochs | n_epochs |
| T | n_steps |            | M | batch_size |
| β | kl_coef |            | d_targ | target_kl |

APPO, `vtrace` with workers, learns from what a policy μ of before did. With the policy π_old from before the update,
V̂ and Â are those of V-trace (Espeholt et al. 2018, equation 1 and section 4.2): they say what π_old would expect, where
Â has the ratio min(1, π_old(a|s) / μ(a|s)) as its factor. ρ is the ratio to π_old. Where μ is π_old, that is PPO.
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import jax
import jax.numpy as jnp
import optax

from operant.algorithms import configurations, ranges
from operant.algorithms.advice import left_over
from operant.algorithms.base import require, static
from operant.algorithms.policy_gradient.learner import (
    ActorCriticLearner,
    PolicyState,
    RolloutEstimates,
)
from operant.networks import ActorCritic
from operant.ops.metrics import Metrics, mean_metrics, only_where
from operant.ops.optimizers import descend
from operant.ops.returns import explained_variance, standardize, vtrace, weighted_mean
from operant.ops.schedules import Schedule, at
from operant.ops.shuffle import minibatches, sequences
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition

OBJECTIVES = ("clip", "kl")


class PPOState(PolicyState):
    """Everything PPO learns."""

    kl_coef: jax.Array | None  # β; None with the clipped objective


class PPO(ActorCriticLearner):
    """Proximal policy optimisation, for every action space, with masks and recurrent networks."""

    learning_rate: float | Schedule = 3e-4
    """Step size of the optimiser: a number or a schedule such as linear:3e-4:0."""
    batch_size: int = static(64)
    """Samples in a minibatch; an epoch leaves out the remainder of a rollout. A recurrent network learns from whole
    sequences of n_steps: as many as fit into batch_size, and at least one."""
    n_epochs: int = static(10)
    """Passes over each rollout."""
    objective: Literal["clip", "kl"] = static("clip")
    """How updates are kept small: clip clips the probability ratio, kl has a penalty for the KL divergence."""
    clip_range: float | Schedule = 0.2
    """ε: the objective clips the probability ratio of an action to the range 1 − ε to 1 + ε."""
    clip_range_vf: float | Schedule | None = None
    """Clip the value function to its old estimate ± this, in units of the return; none: do not clip it."""
    kl_coef: float = 1.0
    """β: the initial coefficient of the KL penalty, with objective kl."""
    target_kl: float | None = None
    """With clip: stop the epochs of a rollout once the KL divergence from the old policy exceeds 1.5 times this; none:
    never. With kl: double β after a rollout with a larger divergence than that, and halve it after one with less than
    this divided by 1.5; none: keep β."""
    ent_coef: float | Schedule = 0.0
    """Weight of the entropy bonus."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Gradients longer than this are shortened to it."""
    vtrace: bool = static(False)
    """Correct values and advantages by V-trace for the age of the policy that acted, and clip the ratio to the policy
    before the update, not to that one; see workers."""

    def __check_init__(self) -> None:
        ranges.whole(self, "batch_size", "n_epochs")
        ranges.positive(self, "max_grad_norm", "target_kl")
        ranges.not_negative(self, "clip_range", "clip_range_vf", "kl_coef", "vf_coef")
        ranges.finite(self, "ent_coef")
        require(self.objective in OBJECTIVES, "objective", self.objective, " or ".join(OBJECTIVES))

    @property
    def name(self) -> str:
        return configurations.title("ppo", self, super().name)

    @property
    def learns_from_older(self) -> bool:
        return True  # the ratio is of the policy that acted, whichever that was, or V-trace corrects for it

    @property
    def default_workers(self) -> int | None:
        return 4 if self.vtrace else None

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        samples = self.n_steps * spec.num_envs
        least = 2 if self.normalize_advantage else 1  # one sample has no deviation
        require(samples >= least, "n_steps", self.n_steps, "at least 2 when there is one environment")
        if not least <= self.batch_size <= samples:
            remedy = "Lower batch_size, or raise n_steps or num_envs."
            if self.batch_size < least:
                remedy = "Raise batch_size, or set normalize_advantage=False."
            raise ValueError(
                f"PPO needs {least} to n_steps × num_envs samples in a minibatch; batch_size={self.batch_size}, and "
                f"n_steps={self.n_steps} × num_envs={spec.num_envs} gives {samples}. {remedy}"
            )

    def advice(self, spec: EnvSpec) -> list[str]:
        return super().advice(spec) + left_over(self, spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> PPOState:
        network, normalizer = self.start(spec, key)
        kl_coef = jnp.asarray(self.kl_coef, jnp.float32) if self.objective == "kl" else None
        return PPOState(network, self._optimizer(0.0).init(network), normalizer, kl_coef)

    def update(self, state: PPOState, batch: Batch, key: jax.Array, clock: Clock):
        carry, transition = batch.carry, state.normalizer.transition(batch.transition)
        acted = state if batch.behavior is None else batch.behavior
        if self.vtrace:
            old = self.corrected(state, acted, batch)
        else:
            old = self.estimate(
                self.whole(acted.network), acted.normalizer.transition(batch.transition), carry
            )
        old_policy = old.policy
        assert old_policy is not None
        if self.objective == "clip":
            old = replace(old, policy=None)
        data = sequences((transition, old, batch.weight), whole=self.network.recurrent)
        length, count = data[2].shape
        order_key, dropout_key = jax.random.split(key)
        order = minibatches(order_key, self.n_epochs, count, max(1, self.batch_size // length))
        optimizer = self._optimizer(at(self.learning_rate, clock))

        def step(learner: tuple, row: tuple[jax.Array, jax.Array]) -> tuple[tuple, Metrics]:
            network, optimizer_state, learning = learner
            index, counter = row
            part = jax.tree.map(lambda x: x[:, index], data)
            start = jax.tree.map(lambda x: x[index], carry)
            gradient, metrics = self.gradient(self.loss)(
                network,
                *part,
                start,
                clock,
                state.kl_coef,
                key=jax.random.fold_in(dropout_key, counter),
            )
            updated = descend(optimizer, gradient, optimizer_state, network)
            if self.objective == "clip" and self.target_kl is not None:
                near = metrics["train/approx_kl"] <= 1.5 * self.target_kl
                metrics = only_where(
                    learning, metrics
                )  # nobody looks at minibatches after one that was too far
                learning = learning & near
                updated = jax.tree.map(
                    lambda new, same: jnp.where(learning, new, same), updated, (network, optimizer_state)
                )
            return (*updated, learning), {**metrics, "train/n_updates": learning.astype(jnp.float32)}

        start = (state.network, state.optimizer, jnp.array(True))
        (network, optimizer_state, _), metrics = jax.lax.scan(step, start, (order, jnp.arange(len(order))))
        metrics = mean_metrics(metrics) | {
            "train/n_updates": jnp.sum(metrics["train/n_updates"]),
            "train/explained_variance": explained_variance(old.value, old.target, batch.weight),
            "train/learning_rate": at(self.learning_rate, clock),
            "train/clip_range": at(self.clip_range, clock),
        }
        kl_coef = state.kl_coef
        if kl_coef is not None:
            policy, _ = self.whole(network).unroll(
                transition.observation, transition.action_mask, carry, transition.done
            )
            kl = weighted_mean(old_policy.kl(policy), batch.weight)
            metrics |= {"train/kl_coef": kl_coef, "train/kl_divergence": kl}
            kl_coef = self.adapt_kl_coef(kl_coef, kl)
        return PPOState(network, optimizer_state, state.normalizer, kl_coef), metrics

    def corrected(self, state: PPOState, acted: PPOState, batch: Batch) -> RolloutEstimates:
        """What the policy before the update would expect of what another one did."""
        network, carry = self.whole(state.network), batch.carry
        transition = state.normalizer.transition(batch.transition)
        policy, value = network.unroll(transition.observation, transition.action_mask, carry, transition.done)
        log_prob = policy.log_prob(transition.action)
        log_ratio = jnp.zeros_like(log_prob)
        if acted is not state:
            seen = acted.normalizer.transition(batch.transition)
            log_ratio = log_prob - self.log_prob(self.whole(acted.network), seen, carry)
        next_value = network.successor_values(
            transition.observation, transition.next_observation, carry, transition.done
        )
        target, advantage = vtrace(
            log_ratio,
            transition.reward,
            value,
            next_value,
            transition.terminated,
            transition.done,
            self.gamma,
            self.gae_lambda,
            discount=transition.discount,
        )
        return RolloutEstimates(policy.marginal, log_prob, value, advantage, target)

    def adapt_kl_coef(self, kl_coef: jax.Array, kl: jax.Array) -> jax.Array:
        """β for the next rollout, after one whose update moved the policy by `kl` nats (section 4)."""
        if self.target_kl is None:
            return kl_coef
        factor = jnp.where(kl > 1.5 * self.target_kl, 2.0, jnp.where(kl < self.target_kl / 1.5, 0.5, 1.0))
        return kl_coef * factor

    def loss(
        self,
        network: ActorCritic,
        transition: Transition,
        old: RolloutEstimates,
        weight: jax.Array,
        carry: PyTree,
        clock: Clock,
        kl_coef: jax.Array | None = None,
        *,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """`(−L(θ), metrics)` of a minibatch `[L, B]`; `old` are the estimates of the policy that acted."""
        policy, value = network.unroll(
            transition.observation, transition.action_mask, carry, transition.done, key=key
        )
        log_ratio = policy.log_prob(transition.action) - old.log_prob
        ratio = jnp.exp(log_ratio)
        advantage = standardize(old.advantage, weight) if self.normalize_advantage else old.advantage

        clip_range = at(self.clip_range, clock)
        if self.objective == "clip":
            clipped_ratio = jnp.clip(ratio, 1 - clip_range, 1 + clip_range)
            surrogate = jnp.minimum(ratio * advantage, clipped_ratio * advantage)
        else:
            assert old.policy is not None
            assert kl_coef is not None
            surrogate = ratio * advantage - kl_coef * old.policy.kl(policy)
        policy_loss = -weighted_mean(surrogate, weight)

        if self.clip_range_vf is not None:
            clip_range_vf = at(self.clip_range_vf, clock)
            value = old.value + jnp.clip(value - old.value, -clip_range_vf, clip_range_vf)
        value_loss = weighted_mean(jnp.square(value - old.target), weight)

        entropy = weighted_mean(policy.entropy(), weight)
        loss = policy_loss + self.vf_coef * value_loss - at(self.ent_coef, clock) * entropy
        return loss, {
            "train/loss": loss,
            "train/policy_gradient_loss": policy_loss,
            "train/value_loss": value_loss,
            "train/entropy_loss": -entropy,
            "train/approx_kl": weighted_mean((ratio - 1) - log_ratio, weight),  # Schulman 2020, "k3"
            "train/clip_fraction": weighted_mean(
                (jnp.abs(ratio - 1) > clip_range).astype(jnp.float32), weight
            ),
        }

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)
