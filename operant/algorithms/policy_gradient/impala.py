"""IMPALA's update (Espeholt et al. 2018, arXiv:1802.01561): an actor–critic that learns from older policies' steps.

Where many actors play while a learner learns, experience comes from a policy μ that is some updates old. V-trace
corrects for that: it estimates from μ's rollouts the values of the current policy π, by importance ratios that are
truncated, which bounds their variance:

    L(θ) = −E[ ρ log π(a|s) (r + γ v' − V(s)) ] + c E[(V(s) − v)²] − β E[H(π(·|s))]

    v_t = V(s_t) + δ_t + γ c_t (v_{t+1} − V(s_{t+1})),   δ_t = ρ_t (r_t + γ V(s_{t+1}) − V(s_t))

    ρ_t = min(ρ̄, π(a_t|s_t) / μ(a_t|s_t)),   c_t = λ min(c̄, π(a_t|s_t) / μ(a_t|s_t))

With workers (`Agent(workers=…)`) policies are as old as they are. Without, one program does both in turn, and the
policy that acts is kept `policy_lag` updates old on purpose: this gives what a learner with that delay would learn, and
is reproducible to the last bit.

| paper | here |
|---|---|
| n, the unroll length | n_steps |
| ρ̄, c̄ | clip_rho, clip_c |
| λ (remark 2) | gae_lambda |
| policy lag (section 3) | policy_lag, in updates |
| α, ε of RMSProp | optimizer_decay, optimizer_eps |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.algorithms.policy_gradient.learner import ActorCriticLearner, actor_critic_loss
from operant.networks import ActorCritic
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import Optimizer
from operant.ops.returns import standardize, vtrace, weighted_mean
from operant.ops.schedules import Schedule, at
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class IMPALAState(eqx.Module):
    """Everything that is learnt, and the policies of the last `policy_lag` updates."""

    network: ActorCritic
    optimizer: optax.OptState
    normalizer: Normalizer
    lagged_networks: ActorCritic | None  # leaves [policy_lag, …], the oldest first; None without a lag


class IMPALA(ActorCriticLearner):
    """Actor–critic with V-trace, which corrects for an older acting policy; with masks and recurrent networks."""

    learning_rate: float | Schedule = 6e-4
    """Step size of the optimiser: a number or a schedule such as linear:6e-4:0."""
    n_steps: int = static(20)
    gae_lambda: float = 1.0
    """λ of V-trace: 0 relies on the value network, 1 on the corrected returns."""
    policy_lag: int | None = static(None)
    """How many updates old the acting policy is kept; 0: the newest acts; none: 1, and with workers 0, since theirs are
    older by themselves."""
    clip_rho: float = 1.0
    """ρ̄: importance ratios of TD errors are clipped at it. It decides which policy's values are learnt."""
    clip_c: float = 1.0
    """c̄: importance ratios of traces are clipped at it. It decides how fast values are learnt."""
    normalize_advantage: bool = static(False)
    ent_coef: float | Schedule = 0.01
    """Weight of the entropy bonus."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 40.0
    """Gradients longer than this are shortened to it."""
    optimizer: Optimizer = static("rmsprop")
    """The optimiser: adam, adamw (with weight decay), radam, rmsprop, rmsprop_tf (TensorFlow's: eps inside the root,
    and a mean square that begins at 1), or sgd."""
    optimizer_eps: float = 1e-5

    def __check_init__(self) -> None:
        ranges.positive(self, "max_grad_norm", "clip_rho", "clip_c")
        ranges.not_negative(self, "vf_coef")
        ranges.finite(self, "ent_coef")
        lag = self.policy_lag
        whole = lag is None or (isinstance(lag, int) and lag >= 0)
        require(whole, "policy_lag", lag, "a whole number of updates, 0 or more, or None")

    @property
    def lag(self) -> int:
        """How many updates old the acting policy is kept."""
        return 1 if self.policy_lag is None else self.policy_lag

    def for_workers(self) -> Self:
        if self.policy_lag:
            raise ValueError(
                f"policy_lag={self.policy_lag}: policies of workers are as old as they are. Leave it out; fixed_lag "
                "says how old they are to be."
            )
        return replace(self, policy_lag=0)

    @property
    def learns_from_older(self) -> bool:
        return True  # v-trace corrects for it

    @property
    def default_num_envs(self) -> int:
        return 16

    def init(self, spec: EnvSpec, key: jax.Array) -> IMPALAState:
        network, normalizer = self.start(spec, key)
        lagged_networks = jax.tree.map(lambda x: jnp.repeat(x[None], self.lag, 0), network)
        optimizer = self.make_optimizer(0.0, self.max_grad_norm).init(network)
        return IMPALAState(network, optimizer, normalizer, lagged_networks if self.lag else None)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        """Exploring, μ acts, and log μ(a|s) are the extras; otherwise π acts."""
        network = state.network
        if explore and state.lagged_networks is not None:
            network = jax.tree.map(lambda x: x[0], state.lagged_networks)
        return self.act_by(
            self.whole(network), state, observation, action_mask, carry, noise, explore=explore
        )

    def update(self, state: IMPALAState, batch: Batch, key: jax.Array, clock: Clock):
        optimizer = self.make_optimizer(at(self.learning_rate, clock), self.max_grad_norm)
        learnt, metrics = self.gradient_step(self.loss, state, batch, optimizer, clock, key, clock)
        lagged_networks = state.lagged_networks
        if lagged_networks is not None:
            lagged_networks = jax.tree.map(
                lambda x, new: jnp.concatenate([x[1:], new[None]]), lagged_networks, state.network
            )
        return replace(learnt, lagged_networks=lagged_networks), metrics

    def loss(
        self,
        network: ActorCritic,
        transition: Transition,
        weight: jax.Array,
        carry: PyTree,
        clock: Clock,
        *,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, Metrics]:
        """`(L(θ), metrics)` of a rollout `[T, N]` of μ; `transition.extras` are log μ(a|s)."""
        policy, value = network.unroll(
            transition.observation, transition.action_mask, carry, transition.done, key=key
        )
        log_prob = policy.log_prob(transition.action)
        log_ratio = jax.lax.stop_gradient(log_prob) - transition.extras
        baseline = jax.lax.stop_gradient(value)
        next_value = jax.lax.stop_gradient(network).successor_values(
            transition.observation, transition.next_observation, carry, transition.done
        )
        target, advantage = vtrace(
            log_ratio,
            transition.reward,
            baseline,
            next_value,
            transition.terminated,
            transition.done,
            self.gamma,
            self.gae_lambda,
            self.clip_rho,
            self.clip_c,
            transition.discount,
        )
        if self.normalize_advantage:
            advantage = standardize(advantage, weight)

        ent_coef = at(self.ent_coef, clock)
        loss, metrics = actor_critic_loss(
            policy, log_prob, advantage, value, target, weight, self.vf_coef, ent_coef
        )
        ratio = jnp.exp(log_ratio)
        return loss, {
            **metrics,
            "train/approx_kl": weighted_mean(ratio - 1 - log_ratio, weight),
            "train/clip_fraction": weighted_mean((ratio > self.clip_rho).astype(jnp.float32), weight),
        }
