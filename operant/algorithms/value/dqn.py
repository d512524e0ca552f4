"""Deep Q-learning with experience replay and a fixed target network (Mnih et al. 2015, doi:10.1038/nature14236).

Q(s, a; θ) is fitted to one-step targets that an older copy of itself, θ⁻, provides:

    L(θ) = E[ ℓ( r + γ max_a' Q(s', a'; θ⁻) − Q(s, a; θ) ) ],   ℓ = Huber's loss, or half the square

With `double` (van Hasselt, Guez & Silver 2016, arXiv:1509.06461) the target is r + γ Q(s', argmax_a' Q(s', a'; θ); θ⁻).

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

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms.base import Algorithm, require, static
from operant.networks import Given, Network, QNetwork, as_network
from operant.ops.exploration import epsilon_greedy, possible
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import adam
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Linear, Schedule, at
from operant.spaces import Discrete, describe
from operant.types import Batch, Clock, EnvSpec, Replay, Transition

LOSSES = ("huber", "mse")


class DQNState(eqx.Module):
    """Everything DQN learns."""

    network: QNetwork  # θ
    target: QNetwork  # θ⁻
    target_updates: jax.Array  # int32: how often θ⁻ was renewed
    optimizer: optax.OptState
    normalizer: Normalizer


class DQN(Algorithm):
    """Deep Q-learning, for discrete actions, with masks."""

    learning_rate: float | Schedule = 1e-4
    """Step size of Adam: a number or a schedule such as linear:1e-4:0."""
    buffer_size: int = static(1_000_000)
    """Transitions that replay remembers."""
    learning_starts: int = static(100)
    """Steps taken at random before learning starts."""
    batch_size: int = static(32)
    """Transitions in a minibatch."""
    tau: float = 1.0
    """How far the target network moves towards the online one at each of its updates; 1 copies it."""
    gamma: float = 0.99
    """Discount factor γ."""
    train_freq: int = static(4)
    """Steps of every environment between two rounds of learning."""
    gradient_steps: int = static(1)
    """Minibatches learnt from in each round; −1: as many as transitions were collected."""
    target_update_interval: int = static(10_000)
    """Environment steps between two updates of the target network."""
    exploration_fraction: float = 0.1
    """Part of training over which ε falls."""
    exploration_initial_eps: float = 1.0
    """ε at the start: the probability of a random action."""
    exploration_final_eps: float = 0.05
    """ε after that."""
    double: bool = static(False)
    """Let the online network choose the best next action and the older copy value it, since the maximum of uncertain
    values is too high."""
    loss_function: Literal["huber", "mse"] = static("huber")
    """How errors weigh. huber grows linearly beyond an error of 1, so that rare large ones, such as those at an
    episode's end, may go unlearnt while values rise; mse follows them."""
    max_grad_norm: float = 10.0
    """Gradients longer than this are shortened to it."""
    normalize_observations: bool = static(False)
    """Shift and scale observations by their running statistics."""
    normalize_rewards: bool = static(False)
    """Scale rewards by the running deviation of their discounted return."""
    network: Network | Given = eqx.field(
        default=Network(activation="relu", initialization="uniform"), converter=as_network
    )
    """The network: a Network of values, or any Equinox module that maps an observation to features."""

    def __check_init__(self) -> None:
        for name in ("buffer_size", "batch_size", "train_freq", "target_update_interval"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        steps = self.gradient_steps
        require(steps >= 1 or steps == -1, "gradient_steps", steps, "at least 1, or -1")
        require(self.loss_function in LOSSES, "loss_function", self.loss_function, " or ".join(LOSSES))
        require(self.learning_starts >= 0, "learning_starts", self.learning_starts, "at least 0")
        for name in (
            "gamma",
            "tau",
            "exploration_fraction",
            "exploration_initial_eps",
            "exploration_final_eps",
        ):
            if isinstance(getattr(self, name), int | float):
                require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a number in [0, 1]")

    @property
    def experience(self) -> Replay:
        return Replay(
            self.buffer_size, self.batch_size, self.train_freq, self.gradient_steps, self.learning_starts
        )

    def check(self, spec: EnvSpec) -> None:
        if not isinstance(spec.action_space, Discrete):
            raise ValueError(
                f"DQN needs a Discrete action space: {spec.id} has {describe(spec.action_space)}. "
                "PPO takes it; or discretise the actions."
            )
        needed = self.train_freq * spec.num_envs
        allowed = f"at least train_freq × num_envs = {needed}"
        require(self.buffer_size >= needed, "buffer_size", self.buffer_size, allowed)

    def init(self, spec: EnvSpec, key: jax.Array) -> DQNState:
        network = QNetwork.build(self.network, spec, key)
        normalizer = Normalizer.build(
            spec, observations=self.normalize_observations, rewards=self.normalize_rewards
        )
        return DQNState(
            network=network,
            target=jax.tree.map(
                jnp.copy, network
            ),  # its own buffers: the run is donated, and no buffer twice
            target_updates=jnp.zeros((), jnp.int32),
            optimizer=self._optimizer(0.0).init(network),
            normalizer=normalizer,
        )

    def draw(self, spec: EnvSpec, key: jax.Array) -> jax.Array:
        """Uniform `[N, 1 + n]`: see `epsilon_greedy`."""
        assert isinstance(spec.action_space, Discrete)
        return jax.random.uniform(key, (spec.num_envs, 1 + spec.action_space.n))

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        q = state.network(state.normalizer.observations(observation))
        if not explore:
            return jnp.argmax(possible(q, action_mask), -1), carry
        return epsilon_greedy(q, action_mask, self.epsilon(clock), noise), carry

    def epsilon(self, clock: Clock) -> jax.Array:
        """ε at this moment of training."""
        schedule = Linear(self.exploration_initial_eps, self.exploration_final_eps, self.exploration_fraction)
        return at(schedule, clock)

    def observe(self, state: DQNState, transition: Transition) -> DQNState:
        return eqx.tree_at(lambda s: s.normalizer, state, state.normalizer.observe(transition, self.gamma))

    def update(self, state: DQNState, batch: Batch, key: jax.Array, clock: Clock):
        gradient, metrics = jax.grad(self.loss, has_aux=True)(
            state.network, state.target, state.normalizer, batch, key
        )
        optimizer = self._optimizer(at(self.learning_rate, clock))
        updates, optimizer_state = optimizer.update(gradient, state.optimizer, state.network)
        network = optax.apply_updates(state.network, updates)

        due = clock.step // self.target_update_interval
        step_size = jnp.where(due > state.target_updates, self.tau, 0.0)
        target = optax.incremental_update(network, state.target, step_size)
        metrics |= {
            "train/learning_rate": at(self.learning_rate, clock),
            "rollout/exploration_rate": self.epsilon(clock),
        }
        return DQNState(network, target, due, optimizer_state, state.normalizer), metrics

    def loss(
        self,
        network: QNetwork,
        target: QNetwork,
        normalizer: Normalizer,
        batch: Batch,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The loss above over a minibatch `[B]`, and what there is to say about it."""
        transition = batch.transition
        q = network(normalizer.observations(transition.observation), key=key)
        q_taken = jnp.take_along_axis(q, transition.action[:, None], -1)[:, 0]

        following = normalizer.observations(transition.next_observation)
        q_next = possible(target(following), transition.next_action_mask)
        choice = possible(network(following), transition.next_action_mask) if self.double else q_next
        best = jnp.take_along_axis(q_next, jnp.argmax(choice, -1)[:, None], -1)[:, 0]
        # Where no action is possible it is −∞: nothing follows there either.
        bootstrap = jnp.where(transition.terminated | jnp.isneginf(best), 0.0, best)
        goal = jax.lax.stop_gradient(normalizer.rewards(transition.reward) + self.gamma * bootstrap)

        error = optax.huber_loss if self.loss_function == "huber" else optax.l2_loss
        loss = weighted_mean(error(q_taken, goal), batch.weight)
        return loss, {"train/loss": loss, "train/q_value": weighted_mean(q_taken, batch.weight)}

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return adam(learning_rate, self.max_grad_norm, eps=1e-8)
