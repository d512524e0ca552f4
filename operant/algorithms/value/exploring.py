"""How DQN and PQN explore: at random with probability ε, or softly, by Q-values."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.ops.exploration import epsilon_greedy, epsilon_soft
from operant.ops.exploration_noise import ExplorationNoise, Independent, RepeatedActions
from operant.ops.schedules import Linear, Schedule, at
from operant.ops.step_noise import numbers_or_keys
from operant.spaces import Discrete
from operant.types import Clock, EnvSpec, PyTree


class ActNoise(NamedTuple):
    """The randomness of one step of N environments."""

    uniform: jax.Array  # [N, 1 + A], or keys [N]: whether to explore, and how
    weights: (
        jax.Array | None
    )  # a key: as numbers, a block of steps' noise of a large network would fill memory
    option: jax.Array | None  # [N], with exploration_repeat: see `RepeatedActions`


class Epsilon(Schedule):
    """From `start` to `end` in a straight line over the first `fraction` of training; then `end`, at that moment."""

    start: float
    end: float | Schedule
    fraction: float

    def __call__(self, progress: jax.Array) -> jax.Array:
        end: Any = self.end(progress) if isinstance(self.end, Schedule) else self.end
        return Linear(self.start, end, self.fraction)(progress)


class ExploresByQ(eqx.Module):
    """Hyperparameters of exploration, which every environment does for itself, and what they make of Q-values."""

    exploration_fraction: float = 0.1
    """Part of training over which ε falls."""
    exploration_initial_eps: float = 1.0
    """ε at the start: the probability of a random action."""
    exploration_final_eps: float | Schedule = 0.05
    """ε after that: a number, or a schedule such as step:0.01:0:0.5, which ends all exploration by ε half-way."""
    exploration_repeat: float | None = static(None)
    """Repeat each random action for a number of steps drawn from a zeta distribution with this exponent (εz-greedy:
    Dabney et al. 2021, who take 2); none: for one step."""
    temperature: float | Schedule | None = None
    """Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none: take the best."""

    def __check_init__(self) -> None:
        ranges.fraction(self, "exploration_fraction", "exploration_initial_eps", "exploration_final_eps")
        ranges.not_negative(self, "temperature")
        repeat = self.exploration_repeat
        require(repeat is None or 1 < repeat < 100, "exploration_repeat", repeat, "more than 1, or None")

    @property
    def epsilon_schedule(self) -> Epsilon:
        return Epsilon(self.exploration_initial_eps, self.exploration_final_eps, self.exploration_fraction)

    def epsilon(self, clock: Clock) -> jax.Array:
        """ε at this moment of training."""
        return at(self.epsilon_schedule, clock)

    @property
    def exploration(self) -> ExplorationNoise:
        if self.exploration_repeat is None:
            return Independent()
        return RepeatedActions(self.epsilon_schedule, self.exploration_repeat)

    def noise_of_acting(self, spec: EnvSpec, key: jax.Array, *, weights: bool = False) -> ActNoise:
        """What `explore` needs; with `weights` a key for a network's own noise as well."""
        assert isinstance(spec.action_space, Discrete)
        leading, size, weights_key, option = (spec.num_envs,), 1 + spec.action_space.n, None, None
        if self.exploration_repeat is not None:
            key, key_option = jax.random.split(key)
            option = jax.random.uniform(key_option, leading, dtype=jnp.float32)
        if weights:
            key, weights_key = jax.random.split(key)
        return ActNoise(numbers_or_keys(jax.random.uniform, key, leading, size), weights_key, option)

    def explore(self, q: jax.Array, action_mask: PyTree, noise: ActNoise, clock: Clock) -> jax.Array:
        """Actions `[N]` to explore with, of Q-values `[N, A]`."""
        epsilon = self.epsilon(clock) if noise.option is None else noise.option
        if self.temperature is None:
            return epsilon_greedy(q, action_mask, epsilon, noise.uniform)
        return epsilon_soft(q, action_mask, epsilon, at(self.temperature, clock), noise.uniform)
