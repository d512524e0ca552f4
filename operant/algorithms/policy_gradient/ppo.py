"""Proximal policy optimisation (Schulman, Wolski, Dhariwal, Radford & Klimov 2017, arXiv:1707.06347).

Each rollout is learnt from several times in small batches, and the objective stops paying once an action's probability
has moved by more than a factor 1 ± ε:

    L(θ) = E[ min(ρ Â, clip(ρ, 1−ε, 1+ε) Â) ] − c₁ E[(V(s) − V̂)²] + c₂ E[H(π(·|s))],   ρ = π(a|s) / π_old(a|s)

| paper | here |             | paper | here |
|---|---|---|---|---|
| ε | clip_range |         | c₁ | vf_coef |
| γ | gamma |              | c₂ | ent_coef |
| λ | gae_lambda |         | K epochs | n_epochs |
| T | n_steps |            | M | batch_size |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms.base import Algorithm, require, static
from operant.distributions import Categorical, draw, parameters
from operant.networks import ActorCritic, Given, Network, as_network
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import adam
from operant.ops.returns import explained_variance, generalized_advantages, standardize, weighted_mean
from operant.ops.schedules import Schedule, at
from operant.ops.shuffle import permutations
from operant.types import Batch, Clock, EnvSpec, PyTree, Rollout, Transition


class PPOState(eqx.Module):
    """Everything PPO learns."""

    network: ActorCritic
    optimizer: optax.OptState
    normalizer: Normalizer


class Sample(eqx.Module):
    """What a minibatch holds beside the transitions; leaves `[L, B]` (see `PPO.update`)."""

    log_prob: jax.Array  # log π_old(a|s)
    value: jax.Array  # V_old(s)
    advantage: jax.Array  # Â
    target: jax.Array  # V̂


class PPO(Algorithm):
    """Proximal policy optimisation, for every action space, with masks and memory."""

    learning_rate: float | Schedule = 3e-4
    """Step size of Adam: a number or a schedule such as linear:3e-4:0."""
    n_steps: int = static(2048)
    """Steps of every environment in a rollout."""
    batch_size: int = static(64)
    """Samples in a minibatch; what is left over after dividing the rollout sits out an epoch. With memory: whole
    sequences of n_steps, as many as come closest from below (at least one)."""
    n_epochs: int = static(10)
    """Passes over each rollout."""
    gamma: float = 0.99
    """Discount factor γ."""
    gae_lambda: float = 0.95
    """λ of the generalized advantage estimate: 0 trusts the value network, 1 the returns."""
    clip_range: float | Schedule = 0.2
    """ε: how far an action's probability ratio may move before it stops paying."""
    clip_range_vf: float | Schedule | None = None
    """How far a value may move from its old estimate, in units of reward; none: as far as it likes."""
    normalize_advantage: bool = static(True)
    """Standardise advantages within each minibatch."""
    ent_coef: float | Schedule = 0.0
    """Weight of the entropy bonus."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Gradients longer than this are shortened to it."""
    target_kl: float | None = None
    """Stop learning from a rollout once the policy has moved further than 1.5 times this; none: never."""
    normalize_observations: bool = static(False)
    """Shift and scale observations by their running statistics."""
    normalize_rewards: bool = static(False)
    """Scale rewards by the running deviation of their discounted return."""
    network: Network | Given = eqx.field(default=Network(), converter=as_network)
    """The networks: a Network of values, or any Equinox module that maps an observation to features."""

    def __check_init__(self) -> None:
        for name in ("n_steps", "batch_size", "n_epochs"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("gamma", "gae_lambda"):
            if isinstance(getattr(self, name), int | float):
                require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a number in [0, 1]")

    @property
    def experience(self) -> Rollout:
        return Rollout(self.n_steps)

    def check(self, spec: EnvSpec) -> None:
        parameters(spec.action_space)
        samples = self.n_steps * spec.num_envs
        require(samples >= 2, "n_steps", self.n_steps, "at least 2 when there is one environment")
        if not 2 <= self.batch_size <= samples:
            raise ValueError(
                f"PPO needs 2 to n_steps × num_envs samples in a minibatch; batch_size={self.batch_size}, and "
                f"n_steps={self.n_steps} × num_envs={spec.num_envs} gives {samples}. "
                "Lower batch_size, or raise n_steps or num_envs."
            )

    def init(self, spec: EnvSpec, key: jax.Array) -> PPOState:
        network = ActorCritic.build(self.network, spec, key)
        normalizer = Normalizer.build(
            spec, observations=self.normalize_observations, rewards=self.normalize_rewards
        )
        return PPOState(network, self._optimizer(0.0).init(network), normalizer)

    def initial_carry(self, state: PPOState, num_envs: int) -> PyTree:
        return state.network.initial_carry(num_envs)

    def draw(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return draw(spec.action_space, key, (spec.num_envs,))

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        observation = state.normalizer.observations(observation)
        policy, carry = state.network.policy(observation, action_mask, carry)
        return policy.sample(noise) if explore else policy.mode(), carry

    def probabilities(self, spec: EnvSpec, state, observation, action_mask, carry) -> jax.Array:
        policy, _ = state.network.policy(state.normalizer.observations(observation), action_mask, carry)
        assert isinstance(policy, Categorical)
        return jnp.exp(policy.log_probabilities)

    def observe(self, state: PPOState, transition: Transition) -> PPOState:
        return eqx.tree_at(lambda s: s.normalizer, state, state.normalizer.observe(transition, self.gamma))

    def update(self, state: PPOState, batch: Batch, key: jax.Array, clock: Clock):
        transition = self._normalized(state.normalizer, batch.transition)
        sample = self.estimate(state.network, transition, batch.carry)
        data = (transition, sample, batch.weight)
        carry = batch.carry
        if not state.network.recurrent:  # without memory, a rollout is T·N sequences of one step
            data = jax.tree.map(lambda x: x.reshape(1, -1, *x.shape[2:]), data)
        length, count = data[2].shape
        size = max(1, self.batch_size // length)
        order_key, dropout_key = jax.random.split(key)
        order = permutations(order_key, self.n_epochs, count)[:, : count // size * size].reshape(-1, size)
        optimizer = self._optimizer(at(self.learning_rate, clock))

        def step(learner: tuple, row: tuple[jax.Array, jax.Array]) -> tuple[tuple, dict[str, jax.Array]]:
            network, optimizer_state, learning = learner
            index, counter = row
            part = jax.tree.map(lambda x: x[:, index], data)
            start = jax.tree.map(lambda x: x[index], carry)
            gradient, metrics = jax.grad(self.loss, has_aux=True)(
                network, *part, start, clock, jax.random.fold_in(dropout_key, counter)
            )
            updates, next_state = optimizer.update(gradient, optimizer_state, network)
            following = (optax.apply_updates(network, updates), next_state)
            if self.target_kl is not None:
                learning = learning & (metrics["train/approx_kl"] <= 1.5 * self.target_kl)
                following = jax.tree.map(
                    lambda new, old: jnp.where(learning, new, old), following, (network, optimizer_state)
                )
            return (*following, learning), metrics | {"train/n_updates": learning.astype(jnp.float32)}

        start = (state.network, state.optimizer, jnp.array(True))
        (network, optimizer_state, _), metrics = jax.lax.scan(step, start, (order, jnp.arange(len(order))))
        n_updates = jnp.sum(metrics.pop("train/n_updates"))
        metrics = jax.tree.map(jnp.mean, metrics) | {
            "train/n_updates": n_updates,
            "train/explained_variance": explained_variance(sample.value, sample.target, batch.weight),
            "train/learning_rate": at(self.learning_rate, clock),
            "train/clip_range": at(self.clip_range, clock),
        }
        return PPOState(network, optimizer_state, state.normalizer), metrics

    def estimate(self, network: ActorCritic, transition: Transition, carry: PyTree) -> Sample:
        """Log-probabilities, values, advantages and value targets of a rollout `[T, N]` under the acting policy."""
        policy, value = network.unroll(transition.observation, transition.action_mask, carry, transition.done)
        next_value = network.successor_values(
            transition.observation, transition.next_observation, carry, transition.done
        )
        advantage = generalized_advantages(
            transition.reward,
            value,
            next_value,
            transition.terminated,
            transition.done,
            self.gamma,
            self.gae_lambda,
        )
        return Sample(policy.log_prob(transition.action), value, advantage, advantage + value)

    def loss(
        self,
        network: ActorCritic,
        transition: Transition,
        sample: Sample,
        weight: jax.Array,
        carry: PyTree,
        clock: Clock,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """−L(θ) (equation 9) over a minibatch `[L, B]`, and what there is to say about it."""
        policy, value = network.unroll(
            transition.observation, transition.action_mask, carry, transition.done, key=key
        )
        log_ratio = policy.log_prob(transition.action) - sample.log_prob
        ratio = jnp.exp(log_ratio)
        advantage = standardize(sample.advantage, weight) if self.normalize_advantage else sample.advantage

        clip_range = at(self.clip_range, clock)
        clipped_ratio = jnp.clip(ratio, 1 - clip_range, 1 + clip_range)
        policy_loss = -weighted_mean(jnp.minimum(ratio * advantage, clipped_ratio * advantage), weight)

        if self.clip_range_vf is not None:
            reach = at(self.clip_range_vf, clock)
            value = sample.value + jnp.clip(value - sample.value, -reach, reach)
        value_loss = weighted_mean(jnp.square(value - sample.target), weight)

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
        return adam(learning_rate, self.max_grad_norm, eps=1e-5)

    def _normalized(self, normalizer: Normalizer, transition: Transition) -> Transition:
        return eqx.tree_at(
            lambda t: (t.observation, t.next_observation, t.reward),
            transition,
            (
                normalizer.observations(transition.observation),
                normalizer.observations(transition.next_observation),
                normalizer.rewards(transition.reward),
            ),
        )
