"""Deep Q-learning with experience replay and a fixed target network (Mnih et al. 2015, doi:10.1038/nature14236), and
what was added to it since; all of it together is Rainbow (Hessel et al. 2018, arXiv:1710.02298).

Q(s, a; θ) is fitted to targets that an earlier copy of itself, θ⁻, provides:

    L(θ) = E[ ℓ( r + γ max_a' Q(s', a'; θ⁻) − Q(s, a; θ) ) ],   ℓ = Huber's loss, or half the square

What is added changes one part of this each, and combines with everything else:

| flag | the change | paper |
|---|---|---|
| double | Q(s', argmax_a' Q(s', a'; θ); θ⁻): θ chooses, θ⁻ values | van Hasselt et al. 2016, arXiv:1509.06461 |
| dueling | Q is a state's value plus an action's advantage | Wang et al. 2016, arXiv:1511.06581 |
| n_step | Σ_{i<n} γ^i r_i + γ^n max Q as the target | Sutton & Barto 2018, section 7.1 |
| priority | replay in proportion to error^ζ, the loss weighted by P^−β | Schaul et al. 2016, arXiv:1511.05952 |
| noisy | exploration by random weights | Fortunato et al. 2018, arXiv:1706.10295 |
| distributional | the distribution of the return instead of its mean | C51, QR-DQN and IQN: see `heads` |
| munchausen | r + α τ log π(a|s) as the reward, and a soft maximum | Vieillard et al. 2020, arXiv:2007.14430 |
| network.memory | replay of sequences, from a stored memory | Kapturowski et al. 2019 (R2D2) |

| paper | here |
|---|---|
| replay memory size, minibatch size | buffer_size, batch_size |
| target network update frequency C | target_update_interval (in environment steps) |
| update frequency | train_freq |
| initial and final exploration ε | exploration_initial_eps, exploration_final_eps |
| final exploration frame | exploration_fraction (of training) |
| replay start size | learning_starts |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms.base import Estimates, ReturnDistribution
from operant.algorithms.value.exploring import ActNoise
from operant.algorithms.value.held_out import HeldOut
from operant.algorithms.value.hyperparameters import DQNHyperparameters
from operant.algorithms.value.parts import greedy_return, sequence_td_error
from operant.algorithms.value.samples import Encoded, TDSample
from operant.networks import QNetwork
from operant.ops.exploration import best_value, mask_scores
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.returns import weighted_mean
from operant.ops.schedules import at
from operant.spaces import Discrete
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class DQNState(eqx.Module):
    """Everything DQN learns."""

    network: QNetwork  # θ
    target: QNetwork  # θ⁻
    target_updates: jax.Array  # int32: how often θ⁻ was updated
    optimizer: optax.OptState
    normalizer: Normalizer
    held_out: HeldOut | None


class Outputs(NamedTuple):
    """What the networks say of a minibatch, whose axes `…` are `[B]`, or `[L, B]` with memory."""

    returns: jax.Array  # Z(s, ·; θ) […, A, M]
    next_returns: jax.Array  # Z(s', ·; θ⁻) […, A, M']
    next_q_selector: jax.Array  # […, A]: Q(s', ·) of θ with double, of θ⁻ without; −∞ for impossible actions
    q_selector: jax.Array | None  # […, A]: Q(s, ·) of the same network; None where nothing needs it
    taus: jax.Array | None  # […, M]: where returns are looked at


class DQN(DQNHyperparameters):
    """Deep Q-learning, for discrete actions, with masks and memory; its flags make Rainbow, QR-DQN and IQN."""

    def init(self, spec: EnvSpec, key: jax.Array) -> DQNState:
        assert isinstance(spec.action_space, Discrete)
        head = self.parts.head
        network = QNetwork.build(
            self.network,
            spec,
            key,
            outputs=head.outputs,
            dueling=self.dueling,
            sigma=self.noisy_std if self.noisy else None,
            cosines=head.cosines,
        )
        normalizer = self.make_normalizer(spec)
        held_out = (
            HeldOut.build(spec, self.held_out_states, spec.action_space.n) if self.held_out_states else None
        )
        return DQNState(
            network,
            jax.tree.map(jnp.copy, network),
            jnp.zeros((), jnp.int32),
            self._optimizer(0.0).init(network),
            normalizer,
            held_out,
        )

    def initial_carry(self, state: DQNState, num_envs: int) -> PyTree:
        return state.network.initial_carry(num_envs)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> ActNoise:
        return self.noise_of_acting(spec, key, weights=self.noisy)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        features, carry = state.network.features(state.normalizer.observations(observation), carry)
        q = self.q_values(state.network, features, noise.weights if explore else None)
        if not explore:
            return jnp.argmax(mask_scores(q, action_mask), -1), carry, ()
        return self.explore(q, action_mask, noise, clock), carry, ()

    def q_values(self, network: QNetwork, features: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """Q `[…, A]` where the network has these features `[…, F]`; with `key`, each with noise of its own."""
        leading = features.shape[:-1]
        noise = () if key is None else network.head.sample_noise(key, leading)
        return self.parts.head.q_values(self.output(network, features, noise))

    def output(self, network: QNetwork, features: jax.Array, noise: tuple[jax.Array, ...] = ()) -> jax.Array:
        """Z(s, ·) `[…, A, M]` as actions are chosen by it, where the network has these features `[…, F]`."""
        taus = self.parts.head.policy_taus(features.shape[:-1])
        return network.head(features, fractions=taus, noise=noise)

    def estimates(self, state, observation, action_mask, carry):
        features, carry = state.network.features(state.normalizer.observations(observation), carry)
        q_values = self.q_values(state.network, features)
        return Estimates(value=best_value(q_values, action_mask), q_values=q_values), carry

    def action_returns(self, state, observation, action, carry) -> ReturnDistribution:
        features, _ = state.network.features(state.normalizer.observations(observation), carry)
        output = self.output(state.network, features)
        taken = jnp.take_along_axis(output, action[:, None, None], -2)[:, 0]
        return self.parts.head.distribution(taken[None])

    def importance(self, clock: Clock) -> jax.Array | float:
        prioritized = self.parts.priority
        return super().importance(clock) if prioritized is None else prioritized.importance(clock)

    def update_statistics(self, state: DQNState, transition: Transition) -> DQNState:
        held_out = None if state.held_out is None else state.held_out.add(transition)
        normalizer = state.normalizer.update(transition, self.gamma)
        return eqx.tree_at(
            lambda s: (s.normalizer, s.held_out), state, (normalizer, held_out), is_leaf=lambda x: x is None
        )

    def report(self, state: DQNState) -> Metrics:
        if state.held_out is None:
            return {}
        carry = state.network.initial_carry(self.held_out_states)
        features, _ = state.network.features(state.normalizer.observations(state.held_out.observation), carry)
        return {"train/average_max_q": state.held_out.average_max(self.q_values(state.network, features))}

    def update(self, state: DQNState, batch: Batch, key: jax.Array, clock: Clock):
        gradient, (metrics, td_error) = jax.grad(self.loss, has_aux=True)(
            state.network, state.target, state.normalizer, batch, key
        )
        optimizer = self._optimizer(at(self.learning_rate, clock))
        network, optimizer_state = descend(optimizer, gradient, state.optimizer, state.network)

        due = clock.step // self.target_update_interval
        step_size = jnp.where(due > state.target_updates, self.tau, 0.0)
        target = optax.incremental_update(network, state.target, step_size)
        metrics |= {
            "train/learning_rate": at(self.learning_rate, clock),
            "rollout/exploration_rate": self.epsilon(clock),
        }
        state = DQNState(network, target, due, optimizer_state, state.normalizer, state.held_out)
        prioritized = self.parts.priority
        if prioritized is None:
            return state, metrics
        if self.network.recurrent:
            td_error = sequence_td_error(td_error, batch.weight[self.burn_in :])
        return state, metrics, prioritized.priority(td_error)

    def loss(
        self, network: QNetwork, target: QNetwork, normalizer: Normalizer, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[dict[str, jax.Array], jax.Array]]:
        """L(θ) over a minibatch, what there is to say about it, and |δ| of each sample.

        Samples are `[B]`, and `[L, B]` with memory, for the L steps after the burn-in.
        """
        head, munchausen, _ = self.parts
        burn_in = self.burn_in if self.network.recurrent else None
        sample = TDSample.of(batch, normalizer, self.gamma, self.n_step, burn_in)
        out = self.outputs(network, target, normalizer, batch, sample, key)

        # The target r + γ max_a' Q(s', a'; θ⁻), of the mean or of the distribution Z whose mean Q is. With double, θ
        # selects a'; with Munchausen, actions are averaged over, and log π(a|s) is added to r.
        if munchausen is None:
            reward = sample.reward
            next_return = greedy_return(out.next_returns, out.next_q_selector)
        else:
            reward = munchausen.reward(sample, out.next_q_selector, out.q_selector)
            next_return = munchausen.next_return(out.next_returns, out.next_q_selector)
        td_target = reward[..., None] + sample.discount[..., None] * head.atoms(next_return)
        td_target = jax.lax.stop_gradient(head.project(td_target, next_return))

        taken = jnp.take_along_axis(out.returns, sample.action[..., None, None], -2)[..., 0, :]  # Z(s, a; θ)
        losses, td_error = head.loss(taken, td_target, out.taus)
        mask = sample.weight > 0
        loss = weighted_mean(sample.weight * losses, mask)
        q_value = weighted_mean(head.q_values(taken), mask)
        metrics = {"train/loss": loss, "train/q_value": q_value, **head.metrics(td_target, mask)}
        return loss, (metrics, td_error)

    def outputs(
        self,
        network: QNetwork,
        target: QNetwork,
        normalizer: Normalizer,
        batch: Batch,
        sample: TDSample,
        key: jax.Array,
    ) -> Outputs:
        """What the online and the target network say of a minibatch, with fractions and noise of its own."""
        head, munchausen, _ = self.parts
        leading = sample.reward.shape
        key_dropout, key_output, key_noise, key_taus, key_next = jax.random.split(key, 5)
        key_next_noise, key_selector = jax.random.split(key_next)
        burn_in = self.burn_in if self.network.recurrent else 0
        online = Encoded.of(network, batch, sample, normalizer, burn_in, key_dropout)
        fixed = Encoded.of(target, batch, sample, normalizer, burn_in)
        taus, target_taus = head.sample_taus(key_taus, leading)

        noise = online.head.sample_noise(key_noise)
        returns = online.head(online.features, fractions=taus, noise=noise, key=key_output)
        noise = fixed.head.sample_noise(key_next_noise)
        next_returns = head.returns(fixed.head(fixed.next_features, fractions=target_taus, noise=noise))

        selector = online if self.double else fixed
        if self.double:
            noise = online.head.sample_noise(key_selector)

        def q_of(features: jax.Array, action_mask: PyTree) -> jax.Array:
            q = head.q_values(selector.head(features, fractions=head.policy_taus(leading), noise=noise))
            if action_mask is None:
                return q
            none = ~jnp.any(action_mask, -1, keepdims=True)  # nothing follows there, whatever is selected
            return mask_scores(q, action_mask | none)

        return Outputs(
            returns,
            next_returns,
            q_of(selector.next_features, sample.next_action_mask),
            None if munchausen is None else q_of(selector.features, sample.action_mask),
            taus,
        )

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        name = "rmsprop_centred" if self.optimizer == "rmsprop" else self.optimizer
        return self.make_optimizer(learning_rate, self.max_grad_norm, name=name)
