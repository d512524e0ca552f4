"""PQN, the parallelised Q-network (Gallici et al. 2025, "Simplifying deep temporal difference learning",
arXiv:2407.04811): Q-learning from many environments at once, without replay and without a target network.

Each rollout is used for a few epochs of minibatches, as in PPO. What keeps this stable is layer normalisation, of which
the paper proves it. Targets are Peng's Q(λ), computed once a rollout by the network that acted:

    L(θ) = E[ ½ (G_t − Q(s_t, a_t; θ))² ]

    G_t = r_t + γ [ (1 − λ) max_a Q(s_{t+1}, a) + λ G_{t+1} ],   max_a Q(s_{t+1}, a) for G_{t+1} at the last step

| paper | its code | here |
|---|---|---|
| γ | GAMMA | gamma |
| λ | LAMBDA | q_lambda |
| T, the steps of a rollout | NUM_STEPS | n_steps |
| I, the environments | NUM_ENVS | num_envs |
| α, by rectified Adam | LR | learning_rate, optimizer |
| ε | EPS_START, EPS_FINISH, EPS_DECAY | exploration_initial_eps, exploration_final_eps, exploration_fraction |
| – | NUM_EPOCHS | n_epochs |
| – | NUM_MINIBATCHES | batch_size: samples of a minibatch, instead of their number |
| – | MAX_GRAD_NORM | max_grad_norm |
| – | NORM_TYPE: layer_norm | network.layer_norm |

Defaults are the paper's for Atari.
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.advice import left_over
from operant.algorithms.base import Estimates, require, require_discrete_actions, static
from operant.algorithms.gradient import GradientLearner
from operant.algorithms.normalizing import Normalizes
from operant.algorithms.value.exploring import ActNoise, ExploresByQ
from operant.networks import Network, QNetwork, UserModule, network_field
from operant.ops.exploration import best_value, mask_scores
from operant.ops.metrics import Metrics, mean_metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import Optimizer, descend
from operant.ops.returns import lambda_returns, weighted_mean
from operant.ops.schedules import Schedule, at
from operant.ops.shuffle import minibatches, sequences
from operant.ops.td import td_error
from operant.plans import Rollout
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


class PQNState(eqx.Module):
    """Everything PQN learns."""

    network: QNetwork
    optimizer: optax.OptState
    normalizer: Normalizer


class PQN(ExploresByQ, Normalizes, GradientLearner):
    """Q-learning from rollouts of many environments, for discrete actions, with masks and recurrent networks."""

    learning_rate: float | Schedule = 2.5e-4
    """Step size of the optimiser: a number or a schedule such as linear:2.5e-4:0."""
    n_steps: int = static(32)
    """Steps of every environment in a rollout."""
    batch_size: int = static(128)
    """Samples in a minibatch; an epoch leaves out the remainder of a rollout. A recurrent network learns from whole
    sequences of n_steps: as many as fit into batch_size, and at least one."""
    n_epochs: int = static(2)
    """Passes over each rollout."""
    gamma: float = 0.99
    """Discount factor γ."""
    q_lambda: float = 0.65
    """λ of the targets: 0 trusts the network one step ahead, 1 the rewards until the rollout ends."""
    max_grad_norm: float | None = 10.0
    """Gradients longer than this are shortened to it; none: they are taken as they are."""
    exploration_final_eps: float | Schedule = 0.001
    optimizer: Optimizer = static("radam")
    optimizer_eps: float = 1e-8
    network: Network | UserModule = network_field(Network(activation="relu", layer_norm=True))
    """The network: a Network of values, or any Equinox module that maps an observation to features. Without layer
    normalisation nothing keeps learning stable."""

    def __check_init__(self) -> None:
        ranges.whole(self, "n_steps", "batch_size", "n_epochs")
        ranges.fraction(self, "gamma", "q_lambda")
        ranges.positive(self, "max_grad_norm")
        ranges.not_negative(self, "learning_rate")
        if isinstance(self.network, Network):
            self.network.require_no_critic("PQN")

    @property
    def experience(self) -> Rollout:
        return Rollout(self.n_steps)

    @property
    def default_num_envs(self) -> int:
        return 128

    @property
    def learns_from_older(self) -> bool:
        return True  # q-learning may learn from any actions

    def check(self, spec: EnvSpec) -> None:
        require_discrete_actions("PQN", spec)
        self.normalized_parts(spec)
        samples = self.n_steps * spec.num_envs
        allowed = f"at most n_steps={self.n_steps} × num_envs={spec.num_envs} = {samples}"
        require(self.batch_size <= samples, "batch_size", self.batch_size, allowed)

    def advice(self, spec: EnvSpec) -> list[str]:
        said = self.advice_on_normalization(spec) + left_over(self, spec)
        network = self.network
        if not isinstance(network, Network) or network.layer_norm or network.architecture != "mlp":
            return said
        return [
            *said,
            "network.layer_norm=False: PQN has no target network, and without layer normalisation its values may grow "
            "without end. Set it to True.",
        ]

    def init(self, spec: EnvSpec, key: jax.Array) -> PQNState:
        network = QNetwork.build(self.network, spec, key)
        return PQNState(network, self._optimizer(0.0).init(network), self.make_normalizer(spec))

    def initial_carry(self, state: PQNState, num_envs: int) -> PyTree:
        return state.network.initial_carry(num_envs)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> ActNoise:
        return self.noise_of_acting(spec, key)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        q, carry = self._q_values(state, observation, carry)
        if not explore:
            return jnp.argmax(mask_scores(q, action_mask), -1), carry, ()
        return self.explore(q, action_mask, noise, clock), carry, ()

    def estimates(self, state, observation, action_mask, carry):
        q, carry = self._q_values(state, observation, carry)
        return Estimates(value=best_value(q, action_mask), q_values=q), carry

    def update_statistics(self, state: PQNState, transition: Transition) -> PQNState:
        return eqx.tree_at(lambda s: s.normalizer, state, state.normalizer.update(transition, self.gamma))

    def update(self, state: PQNState, batch: Batch, key: jax.Array, clock: Clock):
        carry, transition = batch.carry, state.normalizer.transition(batch.transition)
        target = self.targets(state.network, transition, carry)
        data = sequences((transition, target, batch.weight), whole=self.network.recurrent)
        length, count = data[2].shape
        order_key, dropout_key = jax.random.split(key)
        order = minibatches(order_key, self.n_epochs, count, max(1, self.batch_size // length))
        optimizer = self._optimizer(at(self.learning_rate, clock))

        def step(learner: tuple, row: tuple[jax.Array, jax.Array]) -> tuple[tuple, Metrics]:
            network, optimizer_state = learner
            index, counter = row
            part = jax.tree.map(lambda x: x[:, index], data)
            start = jax.tree.map(lambda x: x[index], carry)
            gradient, metrics = jax.grad(self.loss, has_aux=True)(
                network, *part, start, key=jax.random.fold_in(dropout_key, counter)
            )
            return descend(optimizer, gradient, optimizer_state, network), metrics

        learner = state.network, state.optimizer
        (network, optimizer_state), metrics = jax.lax.scan(step, learner, (order, jnp.arange(len(order))))
        metrics = mean_metrics(metrics) | {
            "train/n_updates": jnp.full((), len(order), jnp.float32),
            "train/learning_rate": at(self.learning_rate, clock),
            "rollout/exploration_rate": self.epsilon(clock),
        }
        return PQNState(network, optimizer_state, state.normalizer), metrics

    def targets(self, network: QNetwork, transition: Transition, carry: PyTree) -> jax.Array:
        """G `[T, N]` of a rollout, by the network that acted."""
        _, next_features = network.torso.unroll(
            transition.observation, transition.next_observation, carry, transition.done
        )
        mask = transition.next_action_mask
        none = (
            False if mask is None else ~jnp.any(mask, -1)
        )  # where no action is possible nothing follows, and V is 0
        return lambda_returns(
            transition.reward,
            best_value(network.head(next_features)[..., 0], mask),
            transition.terminated,
            transition.done | none,
            self.gamma,
            self.q_lambda,
            transition.discount,
        )

    def loss(
        self,
        network: QNetwork,
        transition: Transition,
        target: jax.Array,
        weight: jax.Array,
        carry: PyTree,
        *,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, Metrics]:
        """`(L(θ), metrics)` of a minibatch `[L, B]`."""
        torso_key, head_key = (None, None) if key is None else jax.random.split(key)
        features, _ = network.torso.unroll(
            transition.observation, transition.next_observation, carry, transition.done, key=torso_key
        )
        q = network.head(features, key=head_key)[..., 0]
        taken = jnp.take_along_axis(q, transition.action[..., None], -1)[..., 0]
        loss = weighted_mean(0.5 * jnp.square(td_error(taken, target)), weight)
        return loss, {"train/loss": loss, "train/q_value": weighted_mean(taken, weight)}

    def _q_values(self, state: PQNState, observation: PyTree, carry: PyTree) -> tuple[jax.Array, PyTree]:
        """`(Q(s, ·) [N, A], carry)`."""
        features, carry = state.network.features(state.normalizer.observations(observation), carry)
        return state.network.head(features)[..., 0], carry

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)
