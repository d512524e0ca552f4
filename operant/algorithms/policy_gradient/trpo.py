"""Trust region policy optimisation (Schulman, Levine, Abbeel, Jordan & Moritz 2015, arXiv:1502.05477).

Each rollout gives the policy one step: the one that improves its objective most within a trust region around the policy
that acted:

    maximise  L(θ) = E[ρ Â]   subject to   D(θ) = E[KL(π_old(·|s) ‖ π(·|s))] ≤ δ,      ρ = π(a|s) / π_old(a|s)

To second order D(θ) = ½ Δᵀ F Δ with F the Fisher matrix, so the best direction is x = F⁻¹ ∇L, found by conjugate
gradients from products F v alone, and √(2δ / xᵀ F x) x is the longest step that the constraint allows. A line search
shortens it until L itself has improved and D itself is below δ; if no step does, the policy stays. The value function
is fitted by an optimiser as usual.

| paper | here |
|---|---|
| δ | target_kl |
| k conjugate gradient iterations | cg_max_steps |
| damping of F (appendix C) | cg_damping |
| subsampled data for F (appendix C) | sub_sampling_factor |
| line search | line_search_shrinking_factor, line_search_max_iter |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.scipy.sparse.linalg import cg

from operant.algorithms import ranges
from operant.algorithms.advice import left_over
from operant.algorithms.base import require, static
from operant.algorithms.policy_gradient.learner import (
    ActorCriticLearner,
    PolicyState,
    RolloutEstimates,
)
from operant.networks import ActorCritic, Network, OwnPolicy
from operant.ops.optimizers import descend
from operant.ops.returns import explained_variance, standardize, weighted_mean
from operant.ops.schedules import Schedule, at
from operant.ops.shuffle import minibatches, sequences
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition

Metrics = dict[str, jax.Array]


class TRPO(ActorCriticLearner):
    """Trust region policy optimisation, for every action space, with masks and recurrent networks."""

    learning_rate: float | Schedule = 1e-3
    """Step size of the value function's optimiser: a number or a schedule such as linear:1e-3:0."""
    batch_size: int = static(128)
    """Samples in a minibatch of the value function; an epoch leaves out the remainder of a rollout."""
    n_critic_updates: int = static(10)
    """Epochs of the value function over each rollout."""
    target_kl: float = 0.01
    """δ: the largest KL divergence of an update, in nats."""
    cg_max_steps: int = static(15)
    """Conjugate gradient iterations."""
    cg_damping: float = 0.1
    """The multiple of the identity that is added to the Fisher matrix."""
    line_search_max_iter: int = static(10)
    """The most steps that the line search tries; if none is good, the policy stays as it is."""
    line_search_shrinking_factor: float = 0.8
    """The line search multiplies the step by this after each attempt."""
    sub_sampling_factor: int = static(1)
    """n: the Fisher matrix is estimated from every n-th step; of a recurrent network, from every n-th environment."""

    def __check_init__(self) -> None:
        ranges.whole(self, "batch_size", "n_critic_updates", "sub_sampling_factor")
        ranges.whole(self, "cg_max_steps", "line_search_max_iter")
        ranges.positive(self, "target_kl")
        ranges.not_negative(self, "cg_damping")
        ranges.fraction(self, "line_search_shrinking_factor")
        if isinstance(self.network, Network):
            rate = self.network.dropout
            require(
                rate == 0,
                "network.dropout",
                rate,
                "0: TRPO compares a policy with itself, which dropout would change",
            )

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        if isinstance(self.network, OwnPolicy):
            raise ValueError(
                f"TRPO in {spec.id}: it moves a policy and a value function that have no weights in common, and those "
                "of a language model have all of them. Use PPO or GRPO."
            )
        if isinstance(self.network, Network):
            self.network.require_descent("TRPO")
        samples = self.n_steps * spec.num_envs
        if self.batch_size > samples:
            raise ValueError(
                f"batch_size={self.batch_size}: n_steps={self.n_steps} × num_envs={spec.num_envs} gives {samples} "
                "samples. Lower batch_size, or raise n_steps or num_envs."
            )

    def advice(self, spec: EnvSpec) -> list[str]:
        return super().advice(spec) + left_over(self, spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> PolicyState:
        network, normalizer = self.start(spec, key)
        return PolicyState(network, self._optimizer(0.0).init(network.critic), normalizer)

    def update(self, state: PolicyState, batch: Batch, key: jax.Array, clock: Clock):
        transition = state.normalizer.transition(batch.transition)
        estimates = self.estimate(state.network, transition, batch.carry)
        rows, old, weight = sequences((transition, estimates, batch.weight), whole=self.network.recurrent)
        # The network without its value function: the parameters of the policy.
        carry = state.network.actor_carry(batch.carry)
        actor, metrics = self.policy_step(state.network.actor, rows, old, weight, carry)
        network = actor.with_critic(state.network.critic)
        network, optimizer_state, value_loss = self.fit_value(
            network, state.optimizer, transition, estimates.target, batch.weight, batch.carry, key, clock
        )
        metrics |= {
            "train/value_loss": value_loss,
            "train/explained_variance": explained_variance(estimates.value, estimates.target, batch.weight),
            "train/learning_rate": at(self.learning_rate, clock),
            "train/n_updates": jnp.ones((), jnp.float32),
        }
        return PolicyState(network, optimizer_state, state.normalizer), metrics

    def policy_step(
        self,
        actor: ActorCritic,
        transition: Transition,
        old: RolloutEstimates,
        weight: jax.Array,
        carry: PyTree,
    ) -> tuple[ActorCritic, Metrics]:
        """`(policy, metrics)` after one step from `actor`, the policy that acted, by sequences `[L, B]`."""
        theta_old, policy_at = ravel_pytree(actor)
        advantage = standardize(old.advantage, weight) if self.normalize_advantage else old.advantage

        def surrogate(theta: jax.Array) -> jax.Array:
            """L(θ) (equation 14)."""
            policy = _unrolled(policy_at(theta), transition, carry)
            ratio = jnp.exp(policy.log_prob(transition.action) - old.log_prob)
            return weighted_mean(ratio * advantage, weight)

        divergence = divergence_from(policy_at, transition, old, weight, carry)
        every = slice(None, None, self.sub_sampling_factor)
        subset, old_subset, counts = jax.tree.map(lambda x: x[:, every], (transition, old, weight))
        start = jax.tree.map(lambda x: x[every], carry)
        fisher = fisher_product(divergence_from(policy_at, subset, old_subset, counts, start), theta_old)

        def damped(v: jax.Array) -> jax.Array:
            return fisher(v) + self.cg_damping * v

        objective, gradient = jax.value_and_grad(surrogate)(theta_old)
        direction, _ = cg(damped, gradient, maxiter=self.cg_max_steps, tol=0.0, atol=1e-5)
        curvature = jnp.maximum(direction @ damped(direction), 1e-20)  # 0 where there is nothing to gain
        full_step = jnp.sqrt(2 * self.target_kl / curvature) * direction

        def line_search_step(search: tuple) -> tuple:
            iteration, *_ = search
            step_size = (self.line_search_shrinking_factor**iteration).astype(jnp.float32)
            theta = theta_old + step_size * full_step
            new_objective, kl = surrogate(theta), divergence(theta)
            accepted = (new_objective > objective) & (kl < self.target_kl)
            return iteration + 1, accepted, theta, new_objective, kl

        def unfinished(search: tuple) -> jax.Array:
            iteration, accepted, *_ = search
            return ~accepted & (iteration < self.line_search_max_iter)

        zero = jnp.zeros((), jnp.float32)
        start = (jnp.zeros((), jnp.int32), jnp.array(False), theta_old, objective, zero)
        _, accepted, theta, new_objective, kl = jax.lax.while_loop(unfinished, line_search_step, start)
        return policy_at(jnp.where(accepted, theta, theta_old)), {
            "train/policy_objective": jnp.where(accepted, new_objective, objective),
            "train/kl_divergence_loss": jnp.where(accepted, kl, 0.0),
            "train/is_line_search_success": accepted.astype(jnp.float32),
            "train/entropy_loss": -weighted_mean(_unrolled(actor, transition, carry).entropy(), weight),
        }

    def fit_value(
        self,
        network: ActorCritic,
        optimizer_state: optax.OptState,
        transition: Transition,
        target: jax.Array,
        weight: jax.Array,
        carry: PyTree,
        key: jax.Array,
        clock: Clock,
    ) -> tuple[ActorCritic, optax.OptState, jax.Array]:
        """`(network, optimiser state, loss)` with the value function fitted to `target`, all `[T, N]`.

        Features that it shares with the policy stay as they are: otherwise the policy would leave the trust region. A
        recurrent core of its own learns from whole sequences, as many as fit into `batch_size` samples.
        """
        own = network.critic_encoder is not None or network.critic_core is not None
        seen = transition.observation
        if not own:
            seen = network.value_features(seen, carry, transition.done)
        if network.critic_core is None:
            seen, done, target, weight = jax.tree.map(
                lambda x: x.reshape(-1, *x.shape[2:]), (seen, transition.done, target, weight)
            )
            count, size = target.size, self.batch_size
        else:
            done, count, size = transition.done, target.shape[1], max(1, self.batch_size // target.shape[0])
        order = minibatches(key, self.n_critic_updates, count, size)
        optimizer = self._optimizer(at(self.learning_rate, clock))

        def part(x: jax.Array, index: jax.Array) -> jax.Array:
            return x[index] if network.critic_core is None else x[:, index]

        def loss(critic: PyTree, index: jax.Array) -> jax.Array:
            fitted, features = network.with_critic(critic), jax.tree.map(lambda x: part(x, index), seen)
            if own:
                start = carry if network.critic_core is None else jax.tree.map(lambda x: x[index], carry)
                features = fitted.value_features(features, start, part(done, index))
            error = fitted.value(features) - part(target, index)
            return weighted_mean(jnp.square(error), part(weight, index))

        def step(learner: tuple, index: jax.Array) -> tuple[tuple, jax.Array]:
            critic, optimizer_state = learner
            value_loss, gradient = jax.value_and_grad(loss)(critic, index)
            return descend(optimizer, gradient, optimizer_state, critic), value_loss

        learner = (network.critic, optimizer_state)
        (critic, optimizer_state), losses = jax.lax.scan(step, learner, order)
        return network.with_critic(critic), optimizer_state, jnp.mean(losses)

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, None)


def divergence_from(
    policy_at: Callable[[jax.Array], ActorCritic],
    transition: Transition,
    old: RolloutEstimates,
    weight: jax.Array,
    carry: PyTree,
) -> Callable[[jax.Array], jax.Array]:
    """D(θ), the mean divergence of the policy with parameters θ from the one that acted."""
    old_policy = old.policy
    assert old_policy is not None

    def divergence(theta: jax.Array) -> jax.Array:
        return weighted_mean(old_policy.kl(_unrolled(policy_at(theta), transition, carry)), weight)

    return divergence


def fisher_product(
    divergence: Callable[[jax.Array], jax.Array], theta: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """v ↦ F v, where F is the second derivative of the divergence at θ (appendix C.1).

    The gradient of a gradient: linear layers have no forward derivative. It is symmetric, so its transpose serves too.
    """
    _, transposed = jax.vjp(jax.grad(divergence), theta)
    return lambda v: transposed(v)[0]


def _unrolled(actor: ActorCritic, transition: Transition, carry: PyTree):
    return actor.unroll(transition.observation, transition.action_mask, carry, transition.done)[0]
