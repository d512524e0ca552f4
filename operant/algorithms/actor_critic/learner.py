"""What off-policy actor–critics share: their hyperparameters, what they refuse, and what replay tells them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms import ranges
from operant.algorithms.actor_critic.critics import (
    AtomProbabilities,
    CriticKind,
    ExpectedValue,
    PolicyQ,
    TruncatedQuantiles,
)
from operant.algorithms.actor_critic.samples import Sample, initial_carry, step
from operant.algorithms.base import ReturnDistribution, require, static
from operant.algorithms.gradient import GradientLearner
from operant.algorithms.hindsight import LearnsInHindsight, require_goals
from operant.algorithms.normalizing import Normalizes
from operant.algorithms.sequences import LearnsFromSequences, require_sequences
from operant.algorithms.value.heads import C51
from operant.algorithms.value.parts import Prioritized, sequence_td_error
from operant.algorithms.value.samples import TDSample
from operant.distributions import parameters
from operant.distributions.transformed import HUGE, unscale
from operant.networks import Network, UserModule, network_field
from operant.ops.exploration_noise import ExplorationNoise, GaussianNoise, Independent, OrnsteinUhlenbeck
from operant.ops.metrics import Metrics
from operant.ops.schedules import Schedule
from operant.plans import Replay
from operant.spaces import Box, describe
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition

ActionNoise = Literal["normal", "ornstein-uhlenbeck"]
Distributional = Literal["none", "quantile", "categorical"]
WIDE = 20.0  # half the width of a Box whose bounds may not be meant
CHOICES = {"distributional": Distributional, "policy_q": PolicyQ}


class OffPolicy(LearnsInHindsight, LearnsFromSequences, Normalizes, GradientLearner):
    """An actor and an ensemble of critics, learnt from replay."""

    learning_rate: float | Schedule = 3e-4
    """Step size of all optimisers: a number or a schedule such as linear:3e-4:0."""
    buffer_size: int = static(1_000_000)
    """Transitions that replay remembers."""
    learning_starts: int = static(100)
    """Steps taken at random before learning starts."""
    batch_size: int = static(256)
    """Transitions in a minibatch."""
    gamma: float = 0.99
    """Discount factor γ."""
    train_freq: int = eqx.field(default=1, static=True, converter=ranges.steps_between)
    """Steps of every environment between two rounds of learning."""
    gradient_steps: int = static(1)
    """Minibatches learnt from in each round; −1: as many as transitions were collected."""
    policy_delay: int = static(1)
    """Updates of the critics for one of the policy."""
    action_noise: ActionNoise | None = static(None)
    """Noise added to actions of a Box while learning: normal, which is new at every step, or ornstein-uhlenbeck, which
    drifts; none."""
    action_noise_sigma: float | Schedule = 0.1
    """With action_noise: its σ, in halves of the Box."""
    n_critics: int = static(2)
    """Critics that are learnt side by side."""
    critic_subset: int | None = static(None)
    """How many of them, drawn anew at each update, a target is made of (REDQ: Chen et al. 2021); none: all."""
    policy_q: PolicyQ = static("min")
    """The value that the policy is improved by: the least of all critics' (min), their mean, or the first one's."""
    distributional: Distributional = static("none")
    """Learn the distribution of returns instead of their mean: as quantiles, of which the largest are left out of
    targets (quantile), or as probabilities of atoms (categorical)."""
    n_quantiles: int = static(25)
    """With quantile: how many each critic learns."""
    top_quantiles_to_drop_per_net: int = static(2)
    """With quantile: how many for each critic are left out of targets, the largest of all together."""
    n_atoms: int = static(51)
    """With categorical: returns whose probabilities are learnt."""
    v_min: float = -10.0
    """With categorical: the least of them. Returns of SAC and CrossQ include what entropy is paid."""
    v_max: float = 10.0
    """With categorical: the greatest."""
    n_step: int = static(1)
    """Rewards that are summed before the target networks' value stands for the rest."""
    priority: bool = static(False)
    """Replay transitions more often the larger their TD error was."""
    priority_exponent: float = 0.6
    """With priority: ζ, from 0 (uniform) to 1 (in proportion to the error)."""
    priority_beta: float = 0.4
    """With priority: β at the start, how far weights correct the bias of unequal sampling; 1 (wholly) at the end."""
    optimizer_eps: float = 1e-8
    max_grad_norm: float | None = None
    """Gradients longer than this are shortened to it; none: they are taken as they are."""
    network: Network | UserModule = network_field()
    """The networks: a Network(…), or any Equinox module that maps an observation to features. hidden_sizes are the
    policy's, value_hidden_sizes the critics'. A shared encoder of observations, or a shared memory, is learnt by the
    critics alone; with critic_memory own both have one, which learns best."""

    def __check_init__(self) -> None:
        ranges.whole(self, "buffer_size", "batch_size", "train_freq", "policy_delay", "n_step")
        ranges.whole(self, "n_critics", "critic_subset", "n_quantiles")
        ranges.whole(self, "n_atoms", least=2)
        ranges.whole(self, "learning_starts", "top_quantiles_to_drop_per_net", least=0)
        ranges.whole(self, "gradient_steps", least=-1)
        require(self.gradient_steps != 0, "gradient_steps", 0, "at least 1, or -1")
        ranges.fraction(self, "gamma", "priority_exponent", "priority_beta")
        ranges.not_negative(self, "learning_rate", "action_noise_sigma")
        ranges.positive(self, "max_grad_norm")
        ranges.increasing(self, "v_min", "v_max")
        for name, kind in CHOICES.items():
            value, (*names, last) = getattr(self, name), get_args(kind)
            require(value in (*names, last), name, value, f"{', '.join(names)} or {last}")
        noise, kinds = self.action_noise, get_args(ActionNoise)
        require(noise is None or noise in kinds, "action_noise", noise, f"{', '.join(kinds)} or None")
        subset, count = self.critic_subset, self.n_critics
        require(subset is None or subset <= count, "critic_subset", subset, f"at most n_critics={count}")
        dropped, quantiles = self.top_quantiles_to_drop_per_net, self.n_quantiles
        few = f"less than n_quantiles={quantiles}"
        require(
            self.distributional != "quantile" or dropped < quantiles,
            *("top_quantiles_to_drop_per_net", dropped, few),
        )

    @property
    def critic_kind(self) -> CriticKind:
        """What the critics learn of the return."""
        if self.distributional == "quantile":
            return TruncatedQuantiles(self.n_quantiles, self.top_quantiles_to_drop_per_net)
        if self.distributional == "categorical":
            return AtomProbabilities(C51(self.n_atoms, self.v_min, self.v_max))
        return ExpectedValue()

    @property
    def prioritized(self) -> Prioritized | None:
        """How replay by priority weighs; None where it is uniform."""
        return Prioritized(self.priority_exponent, self.priority_beta) if self.priority else None

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

    def check_box(self, spec: EnvSpec) -> None:
        """Raise ValueError where a Box of actions has an element without bounds, since actions are scaled to these."""
        assert isinstance(spec.action_space, Box)
        if not all((np.abs(bound) < HUGE).all() for bound in spec.action_space.bounds):
            raise ValueError(
                f"{self.name} scales actions to their bounds; {spec.id} has {describe(spec.action_space)}, in which "
                "some element has none. Leave out the wrapper clip-action if that took them away; otherwise make the "
                "space gymnasium.spaces.Box(-1, 1, shape) and scale actions in the environment, or use PPO."
            )

    def check_replay(self, spec: EnvSpec) -> None:
        """Raise ValueError where replay or the normalisation cannot be as they are asked for."""
        parameters(spec.action_space)
        self.normalized_parts(spec)
        require_goals(self.experience, spec)
        needed = self.train_freq * spec.num_envs
        allowed = f"at least train_freq × num_envs = {needed}"
        require(self.buffer_size >= needed, "buffer_size", self.buffer_size, allowed)
        require_sequences(self.experience, spec)

    def advice(self, spec: EnvSpec) -> list[str]:
        said, space = self.advice_on_normalization(spec), spec.action_space
        if not isinstance(space, Box):
            return said
        low, high = space.bounds
        if np.max(high - low) <= 2 * WIDE:
            return said
        return [
            *said,
            f"{spec.id} has actions of {describe(space)}. They are scaled to these bounds, so that {self.name} begins "
            "with actions all over that range. If sensible ones are much smaller, as where such bounds stand for none, "
            "give the environment's action_space the bounds of sensible ones.",
        ]

    def importance(self, clock: Clock) -> jax.Array | float:
        prioritized = self.prioritized
        return super().importance(clock) if prioritized is None else prioritized.importance(clock)

    def action_returns(
        self, state: Any, observation: PyTree, action: PyTree, carry: PyTree
    ) -> ReturnDistribution:
        space = state.critics.action_space
        action = unscale(space, action) if isinstance(space, Box) else action
        _, features, _ = self.step(state, observation, carry)
        return self.critic_kind.distribution(state.critics(features, action))

    def update_statistics(self, state: Any, transition: Transition) -> Any:
        return eqx.tree_at(lambda s: s.normalizer, state, state.normalizer.update(transition, self.gamma))

    @property
    def noise_process(self) -> ExplorationNoise:
        """What is made of standard normals from step to step before they are added to actions."""
        if self.action_noise is None:
            return Independent()
        kind = GaussianNoise if self.action_noise == "normal" else OrnsteinUhlenbeck
        return kind(self.action_noise_sigma)

    def initial_carry(self, state: Any, num_envs: int) -> PyTree:
        return initial_carry(state.actor, state.critics, num_envs)

    def step(self, state: Any, observation: PyTree, carry: PyTree) -> tuple[jax.Array, jax.Array, PyTree]:
        """One step's inputs `[N, F]` of the layers of the actor and of the critics, and the carry after it."""
        return step(state.actor, state.critics, state.normalizer.observations(observation), carry)

    def sample(self, batch: Batch, state: Any) -> Sample:
        """What a minibatch says, in units of the networks."""
        burn_in = self.burn_in if self.network.recurrent else None
        td = TDSample.of(batch, state.normalizer, self.gamma, self.n_step, burn_in)
        return Sample.of(batch, td, state, burn_in)

    def with_priority(
        self, state: Any, metrics: Metrics, td_error: jax.Array, batch: Batch
    ) -> tuple[Any, Metrics] | tuple[Any, Metrics, jax.Array]:
        """The answer of `update`, with |δ| of each row of a sample: priorities, where replay asks for them."""
        prioritized = self.prioritized
        if prioritized is None:
            return state, metrics
        if self.network.recurrent:
            weight = batch.weight[self.burn_in :]
            td_error = sequence_td_error(td_error.reshape(weight.shape), weight)
        return state, metrics, prioritized.priority(td_error)


def standard_normals(spec: EnvSpec, key: jax.Array) -> jax.Array:
    """One for each element of a Box action of each environment, `[N, *shape]`."""
    assert isinstance(spec.action_space, Box)
    return jax.random.normal(key, (spec.num_envs, *spec.action_space.shape), dtype=jnp.float32)
