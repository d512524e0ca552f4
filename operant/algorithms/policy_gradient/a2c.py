"""Advantage actor–critic (Mnih et al. 2016, arXiv:1602.01783), all actors in step with each other, or A3C.

After every few steps the policy takes one gradient step on its returns, with a learnt value function as the baseline:

    L(θ) = −E[ log π(a|s) Â ] + c E[(V(s) − V̂)²] − β E[H(π(·|s))],   Â = R − V(s),   V̂ = R

    R_t = r_t + γ r_{t+1} + … + γ^{k−1} r_{t+k−1} + γ^k V(s_{t+k}),  to the end of the rollout or the episode

| paper | here |
|---|---|
| t_max | n_steps |
| γ, β | gamma, ent_coef |
| α, ε of RMSProp | rms_prop_alpha, rms_prop_eps (added outside the root; in the paper, inside) |

With gae_lambda below 1, R is the λ-return (Schulman et al. 2016).

A3C is the paper's own form, `async_gradients` with workers: each takes the newest parameters θ' = θ, plays t_max steps,
computes the gradient of L at θ', and hands that in; it is followed from θ as it is by then. Nobody waits, and the mean
square of RMSProp is one for all ("shared RMSProp", section 4). Two things differ: rollouts go on over the ends of
episodes, and gradients are followed one after another rather than by threads that may overwrite each other's.
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import jax
import optax

from operant.algorithms import configurations, ranges
from operant.algorithms.base import WorkerGradients, require, static
from operant.algorithms.policy_gradient.learner import ActorCriticLearner, PolicyState, actor_critic_loss
from operant.networks import ActorCritic
from operant.ops.metrics import Metrics
from operant.ops.optimizers import Optimizer
from operant.ops.returns import standardize
from operant.ops.schedules import Schedule, at
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class A2C(ActorCriticLearner):
    """Advantage actor–critic, for every action space, with masks and recurrent networks."""

    learning_rate: float | Schedule = 7e-4
    """Step size of the optimiser: a number or a schedule such as linear:7e-4:0."""
    n_steps: int = static(5)
    gae_lambda: float = 1.0
    normalize_advantage: bool = static(False)
    ent_coef: float | Schedule = 0.0
    """Weight of the entropy bonus."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Gradients longer than this are shortened to it."""
    optimizer: Optimizer = static("rmsprop")
    """The optimiser: adam, adamw (with weight decay), radam, rmsprop, rmsprop_tf (TensorFlow's: eps inside the root,
    and a mean square that begins at 1), or sgd."""
    use_rms_prop: bool = static(True)
    """With rmsprop: whether to use RMSProp; if not, Adam."""
    rms_prop_alpha: float = 0.99
    """With rmsprop and rmsprop_tf: the decay of the running mean square at each update."""
    rms_prop_eps: float = 1e-5
    """Added to the root of the mean square with rmsprop, and inside the root with rmsprop_tf."""
    async_gradients: bool = static(False)
    """Whether workers learn: each computes the gradient of what it played, by the policy it played by, and the newest
    parameters follow it. Without workers it changes nothing."""

    def __check_init__(self) -> None:
        ranges.positive(self, "max_grad_norm", "rms_prop_eps")
        ranges.below_one(self, "rms_prop_alpha")
        ranges.not_negative(self, "vf_coef")
        ranges.finite(self, "ent_coef")
        decay = self.optimizer_decay
        if isinstance(decay, int | float):
            require(decay == 0.99, "optimizer_decay", decay, "left alone: A2C's is rms_prop_alpha")

    @property
    def name(self) -> str:
        return configurations.title("a2c", self, super().name)

    @property
    def learns_from_older(self) -> bool:
        return self.async_gradients

    @property
    def worker_gradients(self) -> WorkerGradients | None:
        return WorkerGradients(self.gradients, self.follow) if self.async_gradients else None

    @property
    def default_workers(self) -> int | None:
        return 4 if self.async_gradients else None

    def init(self, spec: EnvSpec, key: jax.Array) -> PolicyState:
        network, normalizer = self.start(spec, key)
        return PolicyState(network, self._optimizer(0.0).init(network), normalizer)

    def update(self, state: PolicyState, batch: Batch, key: jax.Array, clock: Clock):
        acted = state if batch.behavior is None else batch.behavior
        gradient, metrics = self.gradients(acted, batch, key, clock)
        state, told = self.follow(state, gradient, clock)
        return state, {**metrics, **told}

    def gradients(
        self, state: PolicyState, batch: Batch, key: jax.Array, clock: Clock
    ) -> tuple[PyTree, Metrics]:
        """`(gradients, metrics)` of a rollout, at the parameters of this state."""
        return self.batch_gradient(self.loss, state, batch, key, clock)

    def follow(self, state: PolicyState, gradients: PyTree, clock: Clock) -> tuple[PolicyState, Metrics]:
        """`(state, metrics)` after one step of RMSProp."""
        return self.step_along(gradients, state, self._optimizer(at(self.learning_rate, clock)), clock)

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
        """`(L(θ), metrics)` of a rollout `[T, N]`."""
        policy, value = network.unroll(
            transition.observation, transition.action_mask, carry, transition.done, key=key
        )
        baseline = jax.lax.stop_gradient(value)
        advantage = self.advantages(
            jax.lax.stop_gradient(network), transition, carry, baseline, self.gae_lambda
        )
        target = advantage + baseline
        if self.normalize_advantage:
            advantage = standardize(advantage, weight)

        log_prob = policy.log_prob(transition.action)
        ent_coef = at(self.ent_coef, clock)
        return actor_critic_loss(policy, log_prob, advantage, value, target, weight, self.vf_coef, ent_coef)

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        if self.optimizer == "rmsprop" and not self.use_rms_prop:
            return self.make_optimizer(learning_rate, self.max_grad_norm, name="adam")
        if self.optimizer in ("rmsprop", "rmsprop_tf"):
            values = {"eps": self.rms_prop_eps, "decay": self.rms_prop_alpha}
            return self.make_optimizer(learning_rate, self.max_grad_norm, **values)
        return self.make_optimizer(learning_rate, self.max_grad_norm)
