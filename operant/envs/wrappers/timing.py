"""Wrappers that change when things happen: repeated and sticky actions, the time limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp

from operant import spaces
from operant.envs.base import Environment
from operant.envs.gymnasium_layers import Unlimited, without_time_limit
from operant.envs.wrappers.base import State, Wrapped, Wrapper, choose, own_wrapper
from operant.types import EnvSpec, PyTree


@dataclass(frozen=True)
class Repeat(Wrapper):
    """Every action is taken `times` times, and its rewards are summed; it stops where the episode ends.

    The agent's steps are then fewer, and so is its time limit. Gymnasium's RepeatAction.
    """

    times: int
    """How often."""

    def __post_init__(self) -> None:
        self.require_whole("times", 1)

    def check(self, spec: EnvSpec) -> None:
        """Any environment will do."""

    def native(self, environment: Environment) -> Environment:
        return Repeating.around(environment, self.times)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return own_wrapper("RepeatAction")(env, self.times)


class Repeating(Wrapped):
    """A native environment whose step is several. It remembers `(steps inside so far, raw reward of the last)`."""

    times: int = eqx.field(static=True)

    @property
    def max_episode_steps(self) -> int | None:
        limit = self.inner.max_episode_steps
        return None if limit is None else math.ceil(limit / self.times)

    @property
    def frame_stack(self) -> int:
        return 1  # a stack inside moves on by several observations at a step: replay must keep it whole

    def sample_noise(self, key: jax.Array) -> PyTree:
        return jax.vmap(self.inner.sample_noise)(jax.random.split(key, self.times))

    def reset(self, noise: PyTree) -> State:
        first = jax.tree.map(lambda x: x[0], noise)
        return State(self.inner.reset(first), (jnp.zeros((), jnp.int32), jnp.zeros((), dtype=jnp.float32)))

    def step(self, state: State, action: PyTree, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        limit = self.inner.max_episode_steps

        def once(before: tuple, noise: PyTree) -> tuple[tuple, None]:
            inner, elapsed, reward, raw, terminated = before
            successor, added, ended = self.inner.step(inner, action, noise)
            own = self.inner.raw_reward(successor)
            after = (successor, elapsed + 1, reward + added, raw + (added if own is None else own), ended)
            over = terminated if limit is None else terminated | (elapsed >= limit)
            return choose(over, before, after), None

        zero = jnp.zeros((), dtype=jnp.float32)
        start = (state.inner, state.own[0], zero, zero, jnp.zeros((), bool))
        (inner, elapsed, reward, raw, terminated), _ = jax.lax.scan(once, start, noise)
        return State(inner, (elapsed, raw)), reward, terminated

    def raw_reward(self, state: State) -> jax.Array | None:
        return None if self.inner.raw_reward(state.inner) is None else state.own[1]


@dataclass(frozen=True)
class StickyActions(Wrapper):
    """With some probability the environment is told the action before once more, but never at an episode's start.

    Machado et al. 2018, "Revisiting the Arcade Learning Environment", section 5.2. Gymnasium's StickyAction.
    """

    probability: float = 0.25
    """Of each step."""

    def __post_init__(self) -> None:
        value = self.probability
        number = isinstance(value, int | float) and not isinstance(value, bool)
        self.require(number and 0 <= value < 1, "probability", "a number from 0 to below 1")

    def check(self, spec: EnvSpec) -> None:
        """Any environment will do; what an action does that has become impossible is its business."""

    def native(self, environment: Environment) -> Environment:
        return Sticky.around(environment, self.probability)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return own_wrapper("StickyAction")(env, self.probability)


class Sticky(Wrapped):
    """A native environment with sticky actions. It remembers `(the last action, whether there was one)`."""

    probability: float = eqx.field(static=True)

    def sample_noise(self, key: jax.Array) -> PyTree:
        key, own = jax.random.split(key)
        return self.inner.sample_noise(key), jax.random.uniform(own, dtype=jnp.float32)

    def reset(self, noise: PyTree) -> State:
        return State(self.inner.reset(noise[0]), (spaces.example(self.action_space), jnp.zeros((), bool)))

    def step(self, state: State, action: PyTree, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        last, known = state.own
        action = choose(known & (noise[1] < self.probability), last, action)
        successor, reward, terminated = self.inner.step(state.inner, action, noise[0])
        return State(successor, (action, jnp.ones((), bool))), reward, terminated


@dataclass(frozen=True)
class TimeLimit(Wrapper):
    """Episodes are cut short after so many steps of the environment, instead of those it has; None: never.

    What is cut short is truncated, not terminated: learners bootstrap from its last observation. Gymnasium's TimeLimit.
    """

    steps: int | None
    """How many, or None (on the command line: none)."""

    def __post_init__(self) -> None:
        if self.steps is not None:
            self.require_whole("steps", 1)

    def check(self, spec: EnvSpec) -> None:
        """Any environment will do."""

    def native(self, environment: Environment) -> Environment:
        return Limited.around(environment, self.steps)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        env = without_time_limit(env)
        return Unlimited(env) if self.steps is None else gym.wrappers.TimeLimit(env, self.steps)


class Limited(Wrapped):
    """A native environment with another time limit, which is kept by whoever steps it."""

    limit: int | None = eqx.field(static=True)

    @property
    def max_episode_steps(self) -> int | None:
        return self.limit
