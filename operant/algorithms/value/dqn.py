"""Deep Q-learning with experience replay and a fixed target network (Mnih et al. 2015, doi:10.1038/nature14236), and
what was added to it since; all of it together is Rainbow (Hessel et al. 2018, arXiv:1710.02298).

Q(s, a; θ) is fitted to targets that an older copy of itself, θ⁻, provides:

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

from typing import Any, Literal, NamedTuple, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import Estimates, require, static
from operant.algorithms.gradient import GradientLearner
from operant.algorithms.normalizing import Normalizes
from operant.algorithms.value.configurations import CONFIGURATIONS
from operant.algorithms.value.heads import (
    CategoricalReturn,
    ExpectedReturn,
    Head,
    ImplicitQuantileReturn,
    QuantileReturn,
)
from operant.algorithms.value.held_out import HeldOut
from operant.algorithms.value.samples import Sample, View, sequence_priority
from operant.networks import Given, Network, QNetwork, as_network
from operant.networks.q_head import Dueling
from operant.ops.exploration import best_value, epsilon_greedy, epsilon_soft, possible
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import Optimizer, descend
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Linear, Schedule, at
from operant.spaces import Discrete, describe
from operant.types import Batch, Clock, EnvSpec, PyTree, Replay, Transition

Distributional = Literal["none", "categorical", "quantile", "implicit"]
Loss = Literal["huber", "mse"]

CHOICES = {
    "loss_function": Loss,
    "dueling": Dueling,
    "distributional": Distributional,
}
LEAST_SURPRISE = 1e-6  # so that everything may be replayed again (Schaul et al. 2016, section 3.3)


class DQNState(eqx.Module):
    """Everything DQN learns."""

    network: QNetwork  # θ
    target: QNetwork  # θ⁻
    target_updates: jax.Array  # int32: how often θ⁻ was renewed
    optimizer: optax.OptState
    normalizer: Normalizer
    held_out: HeldOut | None


class ActNoise(NamedTuple):
    """The randomness of one step of N environments."""

    uniform: jax.Array  # [N, 1 + A]: whether to explore, and how
    weights: (
        jax.Array | None
    )  # a key: as numbers, the noise of a block of steps of a large network would fill memory


class DQN(Normalizes, GradientLearner):
    """Deep Q-learning, for discrete actions, with masks and memory; its flags make Rainbow, QR-DQN and IQN."""

    learning_rate: float | Schedule = 1e-4
    """Step size of the optimiser: a number or a schedule such as linear:1e-4:0."""
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
    train_freq: int = eqx.field(default=4, static=True, converter=lambda value: _steps_between(value))
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
    temperature: float | Schedule | None = None
    """Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none: take the best."""
    double: bool = static(False)
    """Let the online network choose the best next action and the older copy value it, since the maximum of uncertain
    values is too high."""
    dueling: Dueling = static("none")
    """Learn a state's value and each action's advantage over their mean or over the best (max)."""
    n_step: int = static(1)
    """Rewards that are summed before the target network's value stands for the rest."""
    priority: bool = static(False)
    """Replay transitions the more often, the more surprising they were."""
    priority_exponent: float = 0.6
    """With priority: ζ, from 0 (uniform) to 1 (in proportion to the error)."""
    priority_beta: float = 0.4
    """With priority: β at the start, how far weights correct the bias of unequal sampling; 1 (wholly) at the end."""
    noisy: bool = static(False)
    """Explore by noise on the weights of linear layers after the encoder, whose size is learnt; on top of ε, unless
    that is set to 0, as Rainbow has it."""
    noisy_std: float = 0.5
    """With noisy: the noise's first size σ₀."""
    distributional: Distributional = static("none")
    """Learn the distribution of returns: as probabilities of atoms (categorical), as quantiles at set fractions
    (quantile) or at any fraction (implicit)."""
    n_atoms: int = static(51)
    """With categorical: returns whose probabilities are learnt."""
    v_min: float = -10.0
    """With categorical: the least of them."""
    v_max: float = 10.0
    """With categorical: the greatest."""
    n_quantiles: int = static(200)
    """With quantile: how many; with implicit: fractions N at which a minibatch is learnt from."""
    n_target_quantiles: int = static(64)
    """With implicit: fractions N' at which targets are looked at."""
    n_policy_quantiles: int = static(32)
    """With implicit: fractions K over which Q is averaged to choose an action."""
    n_cosines: int = static(64)
    """With implicit: cosines that embed a fraction."""
    kappa: float = 1.0
    """With quantile and implicit: errors up to this are squared in their loss, larger ones are not."""
    munchausen: bool = static(False)
    """Learn soft values, and add the log-probability of the action taken to its reward."""
    munchausen_alpha: float = 0.9
    """With munchausen: weight α of that log-probability."""
    munchausen_temperature: float = 0.03
    """With munchausen: temperature τ of the policy that values are of."""
    munchausen_clip: float = -1.0
    """With munchausen: the least that τ times the log-probability counts."""
    sequence_length: int = static(20)
    """With memory: steps in a row that are replayed together, those to warm the memory up not counted."""
    burn_in: int = static(10)
    """With memory: steps before these, from which only the memory is made."""
    loss_function: Loss = static("huber")
    """How errors weigh. huber grows linearly beyond an error of 1, so that rare large ones, such as those at an
    episode's end, may go unlearnt while values rise; mse follows them."""
    optimizer: Optimizer = static("adam")
    """How parameters follow their gradient: adam, adamw (which also shrinks them), rmsprop (centred and with eps inside
    the root, as in DQN's papers), rmsprop_tf (TensorFlow's, not centred), or sgd."""
    optimizer_eps: float = 1e-8
    optimizer_decay: float = 0.95
    max_grad_norm: float | None = 10.0
    """Gradients longer than this are shortened to it; none: they are taken as they are."""
    held_out_states: int = static(0)
    """States of the random policy on which to report the mean of the largest values (train/average_max_q)."""
    network: Network | Given = eqx.field(
        default=Network(activation="relu", initialization="uniform"), converter=as_network
    )
    """The network: a Network of values, or any Equinox module that maps an observation to features."""

    def __check_init__(self) -> None:
        ranges.whole(self, "buffer_size", "batch_size", "train_freq", "target_update_interval", "n_step")
        ranges.whole(self, "n_quantiles", "n_target_quantiles", "n_policy_quantiles", "n_cosines")
        ranges.whole(self, "sequence_length")
        ranges.whole(self, "n_atoms", least=2)
        ranges.whole(self, "learning_starts", "burn_in", "held_out_states", least=0)
        ranges.whole(self, "gradient_steps", least=-1)
        ranges.fraction(self, "gamma", "tau", "priority_exponent", "priority_beta")
        ranges.fraction(self, "exploration_fraction", "exploration_initial_eps", "exploration_final_eps")
        ranges.positive(self, "kappa", "munchausen_temperature", "max_grad_norm")
        ranges.not_negative(self, "learning_rate", "temperature", "noisy_std", "munchausen_alpha")
        ranges.finite(self, "v_min", "v_max", "munchausen_clip")
        for name, kind in CHOICES.items():
            value, (*names, last) = getattr(self, name), get_args(kind)
            require(value in (*names, last), name, value, f"{', '.join(names)} or {last}")
        if isinstance(self.network, Network):
            self.network.require_no_critic("DQN")
        require(self.gradient_steps != 0, "gradient_steps", 0, "at least 1, or -1")
        held, starts = self.held_out_states, self.learning_starts
        allowed = f"at most learning_starts={starts}, whose steps are random"
        require(held <= starts, "held_out_states", held, allowed)
        traced = {name for name, value in vars(self).items() if isinstance(value, jax.Array)}
        if not traced & {"v_min", "v_max"}:
            require(self.v_max > self.v_min, "v_max", self.v_max, f"more than v_min={self.v_min}")
        if "munchausen_clip" not in traced:
            require(self.munchausen_clip <= 0, "munchausen_clip", self.munchausen_clip, "at most 0")

    @property
    def name(self) -> str:
        return next((known.title for known in CONFIGURATIONS.values() if known.describes(self)), "DQN")

    @property
    def head(self) -> Head:
        """What is learnt of the return."""
        if self.distributional == "categorical":
            return CategoricalReturn(self.v_min, self.v_max, self.n_atoms)
        if self.distributional == "quantile":
            return QuantileReturn(self.kappa, self.n_quantiles)
        if self.distributional == "implicit":
            return ImplicitQuantileReturn(
                self.kappa,
                self.n_quantiles,
                self.n_target_quantiles,
                self.n_policy_quantiles,
                self.n_cosines,
            )
        return ExpectedReturn(self.loss_function)

    @property
    def experience(self) -> Replay:
        return Replay(
            self.buffer_size,
            self.batch_size,
            self.train_freq,
            self.gradient_steps,
            self.learning_starts,
            n_step=1 if self.recurrent else self.n_step,
            priority=self.priority,
            sequence=self.burn_in + self.sequence_length if self.recurrent else 1,
        )

    def check(self, spec: EnvSpec) -> None:
        if not isinstance(spec.action_space, Discrete):
            raise ValueError(
                f"DQN needs a Discrete action space: {spec.id} has {describe(spec.action_space)}. "
                "PPO takes it; or discretise actions of a Box: wrappers=[Discretize(5)], --wrappers discretize:5."
            )
        self.normalized_parts(spec)
        needed = self.train_freq * spec.num_envs
        allowed = f"at least train_freq × num_envs = {needed}"
        require(self.buffer_size >= needed, "buffer_size", self.buffer_size, allowed)
        if self.recurrent:
            steps = self.burn_in + self.sequence_length
            require(
                steps >= 2, "sequence_length", self.sequence_length, f"at least 2 with burn_in={self.burn_in}"
            )
            needed = steps * spec.num_envs
            allowed = (
                f"at least (burn_in + sequence_length) × num_envs = {needed}, a sequence of each environment"
            )
            require(self.learning_starts >= needed, "learning_starts", self.learning_starts, allowed)

    def advice(self, spec: EnvSpec) -> list[str]:
        interval, copies = self.target_update_interval, spec.num_envs
        said = self.advice_on_normalization(spec)
        if copies <= interval or float(self.tau) < 1:
            return said
        return [
            *said,
            f"target_update_interval={interval} is less than num_envs={copies}, so that the target network is "
            "copied at every update: it counts steps of all environments together. Raise it, or lower num_envs.",
        ]

    def init(self, spec: EnvSpec, key: jax.Array) -> DQNState:
        assert isinstance(spec.action_space, Discrete)
        network = QNetwork.build(
            self.network,
            spec,
            key,
            outputs=self.head.outputs,
            dueling=self.dueling,
            sigma=self.noisy_std if self.noisy else None,
            cosines=self.head.cosines,
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

    def draw(self, spec: EnvSpec, key: jax.Array) -> ActNoise:
        assert isinstance(spec.action_space, Discrete)
        shape = (spec.num_envs, 1 + spec.action_space.n)
        if not self.noisy:
            return ActNoise(jax.random.uniform(key, shape, dtype=jnp.float32), None)
        key_uniform, key_weights = jax.random.split(key)
        return ActNoise(jax.random.uniform(key_uniform, shape, dtype=jnp.float32), key_weights)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        features, carry = state.network.features(state.normalizer.observations(observation), carry)
        q = self.values(state.network, features, noise.weights if explore else None)
        if not explore:
            return jnp.argmax(possible(q, action_mask), -1), carry, ()
        if self.temperature is None:
            return epsilon_greedy(q, action_mask, self.epsilon(clock), noise.uniform), carry, ()
        temperature = at(self.temperature, clock)
        return epsilon_soft(q, action_mask, self.epsilon(clock), temperature, noise.uniform), carry, ()

    def values(self, network: QNetwork, features: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """Q `[…, A]` where the network has these features `[…, F]`; with `key`, each with noise of its own."""
        leading = features.shape[:-1]
        noise = () if key is None else network.head.draw(key, leading)
        return self.head.values(network.head(features, fractions=self.head.choosing(leading), noise=noise))

    def estimates(self, state, observation, action_mask, carry):
        features, carry = state.network.features(state.normalizer.observations(observation), carry)
        q_values = self.values(state.network, features)
        return Estimates(value=best_value(q_values, action_mask), q_values=q_values), carry

    def epsilon(self, clock: Clock) -> jax.Array:
        """ε at this moment of training."""
        schedule = Linear(self.exploration_initial_eps, self.exploration_final_eps, self.exploration_fraction)
        return at(schedule, clock)

    def importance(self, clock: Clock) -> jax.Array:
        return at(Linear(self.priority_beta, 1.0), clock)

    def observe(self, state: DQNState, transition: Transition) -> DQNState:
        held_out = None if state.held_out is None else state.held_out.observe(transition)
        normalizer = state.normalizer.observe(transition, self.gamma)
        return eqx.tree_at(
            lambda s: (s.normalizer, s.held_out), state, (normalizer, held_out), is_leaf=lambda x: x is None
        )

    def report(self, state: DQNState) -> dict[str, jax.Array]:
        if state.held_out is None:
            return {}
        carry = state.network.initial_carry(self.held_out_states)
        features, _ = state.network.features(state.normalizer.observations(state.held_out.observation), carry)
        return {"train/average_max_q": state.held_out.average_max(self.values(state.network, features))}

    def update(self, state: DQNState, batch: Batch, key: jax.Array, clock: Clock):
        gradient, (metrics, surprise) = jax.grad(self.loss, has_aux=True)(
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
        if not self.priority:
            return state, metrics
        if self.recurrent:
            surprise = sequence_priority(surprise, batch.weight[self.burn_in :])
        return state, metrics, (surprise + LEAST_SURPRISE) ** self.priority_exponent

    def loss(
        self, network: QNetwork, target: QNetwork, normalizer: Normalizer, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[dict[str, jax.Array], jax.Array]]:
        """L(θ) over a minibatch, what there is to say about it, and how surprising each sample of it was.

        Samples are `[B]`, and `[L, B]` with memory, for the L steps after the burn-in.
        """
        head, burn_in = self.head, self.burn_in if self.recurrent else None
        sample = Sample.of(batch, normalizer, self.gamma, self.n_step, burn_in)
        key_dropout, key_output, key_noise, key_fractions, key_goal = jax.random.split(key, 5)
        online = View.of(network, batch, sample, normalizer, self.burn_in, key_dropout)
        older = View.of(target, batch, sample, normalizer, self.burn_in)
        learnt_at, looked_at = head.draw(key_fractions, sample.reward.shape)

        noise = online.head.draw(key_noise)
        output = online.head(online.now, fractions=learnt_at, noise=noise, key=key_output)
        taken = _of(output, sample.action)
        goal = jax.lax.stop_gradient(self.goal(online, older, sample, looked_at, key_goal))
        error, surprise = head.loss(taken, goal, learnt_at)
        happened = sample.weight > 0
        loss = weighted_mean(sample.weight * error, happened)
        q_value = weighted_mean(head.values(taken), happened)
        metrics = {"train/loss": loss, "train/q_value": q_value, **head.metrics(goal, happened)}
        return loss, (metrics, surprise)

    def goal(
        self, online: View, older: View, sample: Sample, fractions: jax.Array | None, key: jax.Array
    ) -> jax.Array:
        """What the return of each sample should be, as the head puts it, `[…, M]`."""
        head, leading = self.head, sample.reward.shape
        key_noise, key_judge = jax.random.split(key)
        noise = older.head.draw(key_noise)
        following = head.distribution(older.head(older.following, fractions=fractions, noise=noise))
        judge = online if self.double else older
        if self.double:
            noise = online.head.draw(key_judge)

        def judged(features: jax.Array, action_mask: PyTree) -> jax.Array:
            q = head.values(judge.head(features, fractions=head.choosing(leading), noise=noise))
            if action_mask is None:
                return q
            nothing = ~jnp.any(action_mask, -1, keepdims=True)  # nothing follows there, whatever is chosen
            return possible(q, action_mask | nothing)

        q_next = judged(judge.following, sample.next_action_mask)
        if not self.munchausen:
            return head.goal(_of(following, jnp.argmax(q_next, -1)), sample.reward, sample.discount)

        policy = jax.nn.softmax(q_next / self.munchausen_temperature)
        entropy = self.munchausen_temperature * jnp.sum(jax.scipy.special.entr(policy), -1)
        q = judged(judge.now, sample.action_mask)
        scaled = self.munchausen_temperature * jax.nn.log_softmax(q / self.munchausen_temperature)
        scaled = jnp.take_along_axis(scaled, sample.action[..., None], -1)[..., 0]
        bonus = self.munchausen_alpha * jnp.clip(scaled, self.munchausen_clip, 0.0)
        mixed = jnp.sum(policy[..., None] * following, -2)
        return head.goal(mixed, sample.reward + bonus + sample.discount * entropy, sample.discount)

    @property
    def recurrent(self) -> bool:
        """Whether the network has a memory."""
        return isinstance(self.network, Network) and self.network.memory != "none"

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        name = "rmsprop_centred" if self.optimizer == "rmsprop" else self.optimizer
        return self.make_optimizer(learning_rate, self.max_grad_norm, name=name)


def _steps_between(train_freq: Any) -> Any:
    """Stable-Baselines3's pairs as a number of steps; what else is given is left as it is.

    Raises ValueError for a number of episodes.
    """
    if not isinstance(train_freq, tuple | list) or len(train_freq) != 2:
        return train_freq
    count, unit = train_freq
    if unit == "step":
        return count
    raise ValueError(
        f"train_freq={tuple(train_freq)!r}: replay is learnt from after a number of steps, not of episodes. Give "
        "train_freq in steps, with gradient_steps=-1 for as many updates."
    )


def _of(outputs: jax.Array, action: jax.Array) -> jax.Array:
    """The action's part `[…, M]` of outputs `[…, A, M]`."""
    return jnp.take_along_axis(outputs, action[..., None, None], -2)[..., 0, :]
