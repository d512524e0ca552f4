"""Wrappers that change the reward that is learnt from. Scores and statistics stay those of the environment's own."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import PassThrough
from operant.envs.gymnasium_spaces import observation_to_jax
from operant.envs.wrappers.base import State, Wrapped, Wrapper
from operant.types import EnvSpec, PyTree


class RewardWrapper(Wrapper):
    """Changes the rewards that are learnt from; evaluation is by the environment's own."""

    training_only: ClassVar[bool] = True

    @abstractmethod
    def reward(self, reward: Any, observation: PyTree, next_observation: PyTree, terminated: Any) -> Any:
        """The new reward of a step from `observation` to `next_observation`."""

    def check(self, spec: EnvSpec) -> None:
        """Accept any environment."""

    def native(self, environment: Environment) -> Environment:
        return NativeRewards.around(environment, self)


class NativeRewards(Wrapped):
    """The native environment. Its own state is the last reward before this wrapper."""

    wrapper: RewardWrapper = eqx.field(static=True)

    def reset(self, noise: PyTree) -> State:
        return State(self.inner.reset(noise), jnp.zeros((), dtype=jnp.float32))

    def step(self, state: State, action: PyTree, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        inner, reward, terminated = self.inner.step(state.inner, action, noise)
        raw = self.inner.raw_reward(inner)
        observation, next_observation = self.inner.observation(state.inner), self.inner.observation(inner)
        changed = self.wrapper.reward(reward, observation, next_observation, terminated)
        return State(inner, reward if raw is None else raw), changed, terminated

    def raw_reward(self, state: State) -> jax.Array:
        return state.own

    def compute_reward(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> None:
        """Not the inner environment's; what it is may depend on more than goals."""


@dataclass(frozen=True)
class ClipReward(RewardWrapper):
    """Clips rewards to the range from `low` to `high` (Mnih et al. 2015: ±1). Gymnasium's ClipReward."""

    low: float = -1.0
    """The lowest reward."""
    high: float = 1.0
    """The highest reward."""

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            self.require(_number(getattr(self, name)), name, "a number")
        self.require(self.low < self.high, "high", f"more than low={self.low!r}")

    def reward(self, reward: Any, observation: PyTree, next_observation: PyTree, terminated: Any) -> Any:
        return jnp.clip(reward, self.low, self.high)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return gym.wrappers.ClipReward(env, self.low, self.high)


@dataclass(frozen=True)
class ScaleReward(RewardWrapper):
    """Rewards times `factor`. Gymnasium's TransformReward."""

    factor: float
    """The factor, above 0."""

    def __post_init__(self) -> None:
        self.require(_number(self.factor) and 0 < self.factor < math.inf, "factor", "a number above 0")

    def reward(self, reward: Any, observation: PyTree, next_observation: PyTree, terminated: Any) -> Any:
        return reward * self.factor

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return gym.wrappers.TransformReward(env, lambda reward: float(reward) * self.factor)


@dataclass(frozen=True)
class PotentialShaping(RewardWrapper):
    """Adds F = γ Φ(s') − Φ(s), which keeps the optimal policy (Ng, Harada & Russell 1999, theorem 1).

    With these rewards the optimal values are Q*(s, a) − Φ(s). For that γ must be the algorithm's own, and Φ of a
    terminal state counts as 0, whatever the function says, so that F sums to −Φ(s) from s to any end. A truncated
    episode has not ended: its last F uses Φ of the observation from which learning bootstraps.
    """

    potential: Callable[[PyTree], Any]
    """Φ, a function of one observation; on a native environment JAX must be able to trace it."""
    gamma: float = 0.99
    """The discount factor γ of the algorithm."""

    def __post_init__(self) -> None:
        self.require(callable(self.potential), "potential", "a function of an observation")
        self.require(_number(self.gamma) and 0 <= self.gamma <= 1, "gamma", "a number in [0, 1]")

    def reward(self, reward: Any, observation: PyTree, next_observation: PyTree, terminated: Any) -> Any:
        after = jnp.where(terminated, 0.0, self.gamma * self.potential(next_observation))
        return reward + after - self.potential(observation)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return Shaped(env, self)


class Shaped(PassThrough):
    """A Gymnasium environment with potential-based shaping."""

    def __init__(self, env: gym.Env, wrapper: PotentialShaping) -> None:
        super().__init__(env)
        self.wrapper = wrapper

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        self._potential = self._of(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        before, self._potential = self._potential, 0.0 if terminated else self._of(observation)
        shaped = float(reward) + self.wrapper.gamma * self._potential - before
        return observation, shaped, terminated, truncated, info

    def _of(self, observation: Any) -> float:
        return float(self.wrapper.potential(observation_to_jax(self.env.observation_space, observation)))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
