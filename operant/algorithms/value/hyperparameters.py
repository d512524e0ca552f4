"""DQN's hyperparameters, what they may be, and the parts that they make together."""

from __future__ import annotations

from typing import Literal, get_args

import equinox as eqx
import jax

from operant.algorithms import configurations, ranges
from operant.algorithms.base import require, require_discrete_actions, static
from operant.algorithms.gradient import GradientLearner
from operant.algorithms.hindsight import LearnsInHindsight, require_goals
from operant.algorithms.normalizing import Normalizes
from operant.algorithms.sequences import LearnsFromSequences, require_sequences
from operant.algorithms.value.exploring import ExploresByQ
from operant.algorithms.value.heads import C51, ExpectedValue, Head, ImplicitQuantiles, QuantileRegression
from operant.algorithms.value.parts import Munchausen, Parts, Prioritized
from operant.networks import Network, UserModule, network_field
from operant.networks.q_head import Dueling
from operant.ops.optimizers import Optimizer
from operant.ops.schedules import Schedule
from operant.plans import Replay
from operant.types import EnvSpec

Distributional = Literal["none", "categorical", "quantile", "implicit"]
Loss = Literal["huber", "mse"]

CHOICES = {
    "loss_function": Loss,
    "dueling": Dueling,
    "distributional": Distributional,
}


class DQNHyperparameters(ExploresByQ, LearnsInHindsight, LearnsFromSequences, Normalizes, GradientLearner):
    """What there is to choose, flat, as people type it; `parts` is the same as the algorithm reads it."""

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
    train_freq: int = eqx.field(default=4, static=True, converter=ranges.steps_between)
    """Steps of every environment between two rounds of learning."""
    gradient_steps: int = static(1)
    """Minibatches learnt from in each round; −1: as many as transitions were collected."""
    target_update_interval: int = static(10_000)
    """Environment steps between two updates of the target network."""
    double: bool = static(False)
    """Let the online network select the best next action and the target network value it, since the maximum of
    uncertain values is too high."""
    dueling: Dueling = static("none")
    """Learn a state's value and each action's advantage over their mean or over the best (max)."""
    n_step: int = static(1)
    """Rewards that are summed before the target network's value stands for the rest."""
    priority: bool = static(False)
    """Replay transitions more often the larger their TD error was."""
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
    """With implicit: fractions N' at which the target network's return is evaluated."""
    n_policy_quantiles: int = static(32)
    """With implicit: fractions K over which Q is averaged to select an action."""
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
    loss_function: Loss = static("huber")
    """How errors weigh. huber grows linearly beyond an error of 1, so that rare large ones, such as those at an
    episode's end, may go unlearnt while values rise; mse follows them."""
    optimizer: Optimizer = static("adam")
    """How parameters follow their gradient: adam, adamw (which also shrinks them), radam, rmsprop (centred and with eps
    inside the root, as in DQN's papers), rmsprop_tf (TensorFlow's, not centred), or sgd."""
    optimizer_eps: float = 1e-8
    optimizer_decay: float = 0.95
    max_grad_norm: float | None = 10.0
    """Gradients longer than this are shortened to it; none: they are taken as they are."""
    held_out_states: int = static(0)
    """States of the random policy on which to report the mean of the largest values (train/average_max_q)."""
    network: Network | UserModule = network_field(Network(activation="relu", initialization="uniform"))
    """The network: a Network of values, or any Equinox module that maps an observation to features."""

    def __check_init__(self) -> None:
        ranges.whole(self, "buffer_size", "batch_size", "train_freq", "target_update_interval", "n_step")
        ranges.whole(self, "n_quantiles", "n_target_quantiles", "n_policy_quantiles", "n_cosines")
        ranges.whole(self, "n_atoms", least=2)
        ranges.whole(self, "learning_starts", "held_out_states", least=0)
        ranges.whole(self, "gradient_steps", least=-1)
        ranges.fraction(self, "gamma", "tau", "priority_exponent", "priority_beta")
        ranges.positive(self, "kappa", "munchausen_temperature", "max_grad_norm")
        ranges.not_negative(self, "learning_rate", "noisy_std", "munchausen_alpha")
        ranges.increasing(self, "v_min", "v_max")
        ranges.finite(self, "munchausen_clip")
        for name, kind in CHOICES.items():
            value, (*names, last) = getattr(self, name), get_args(kind)
            require(value in (*names, last), name, value, f"{', '.join(names)} or {last}")
        if isinstance(self.network, Network):
            self.network.require_no_critic("DQN")
        require(self.gradient_steps != 0, "gradient_steps", 0, "at least 1, or -1")
        held, starts = self.held_out_states, self.learning_starts
        allowed = f"at most learning_starts={starts}, whose steps are random"
        require(held <= starts, "held_out_states", held, allowed)
        if not isinstance(self.munchausen_clip, jax.Array):
            require(self.munchausen_clip <= 0, "munchausen_clip", self.munchausen_clip, "at most 0")

    @property
    def name(self) -> str:
        return configurations.title("dqn", self, "DQN")

    @property
    def parts(self) -> Parts:
        """What these hyperparameters make of DQN."""
        return Parts(
            self._head(),
            Munchausen(self.munchausen_alpha, self.munchausen_temperature, self.munchausen_clip)
            if self.munchausen
            else None,
            Prioritized(self.priority_exponent, self.priority_beta) if self.priority else None,
        )

    def _head(self) -> Head:
        if self.distributional == "categorical":
            return C51(self.n_atoms, self.v_min, self.v_max)
        if self.distributional == "quantile":
            return QuantileRegression(self.kappa, self.n_quantiles)
        if self.distributional == "implicit":
            fractions = (self.n_quantiles, self.n_target_quantiles, self.n_policy_quantiles)
            return ImplicitQuantiles(self.kappa, *fractions, self.n_cosines)
        return ExpectedValue(self.loss_function)

    @property
    def experience(self) -> Replay:
        return Replay(
            self.buffer_size,
            self.batch_size,
            self.train_freq,
            self.gradient_steps,
            self.learning_starts,
            n_step=1 if self.network.recurrent else self.n_step,
            priority=self.priority,
            sequence=self.burn_in + self.sequence_length if self.network.recurrent else 1,
            hindsight=self.hindsight,
            n_sampled_goal=self.n_sampled_goal,
        )

    def check(self, spec: EnvSpec) -> None:
        require_discrete_actions("DQN", spec)
        require_goals(self.experience, spec)
        self.normalized_parts(spec)
        needed = self.train_freq * spec.num_envs
        allowed = f"at least train_freq × num_envs = {needed}"
        require(self.buffer_size >= needed, "buffer_size", self.buffer_size, allowed)
        require_sequences(self.experience, spec)

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
