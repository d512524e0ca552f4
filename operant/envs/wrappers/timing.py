"""Wrappers that change the timing: repeated actions, sticky actions, the time limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp

from operant import spaces
from operant.envs.base import Environment
from operant.envs.gymnasium_layers import NoTimeLimit, Repeated, without_time_limit
from operant.envs.wrappers.base import State, Wrapped, Wrapper, choose, own_wrapper
from operant.spaces import Box
from operant.types import EnvSpec, PyTree


@dataclass(frozen=True)
class Repeat(Wrapper):
    """Every action is repeated `times` times or until the episode ends, and its rewards are summed.

    The time limit, counted in the agent's steps, is shorter accordingly. Gymnasium's RepeatAction.

    With `pool` what is seen is the maximum, pixel by pixel, of the last observations, as of a screen that draws some
    things in every other frame only (Mnih et al. 2015, "Preprocessing": `Repeat(4, 2)`).
    """

    times: int
    """How often each action is taken."""
    pool: int = 1
    """Of how many of the last observations the maximum is seen."""

    def __post_init__(self) -> None:
        self.require_whole("times", 1)
        self.require_whole("pool", 1)
        self.require(self.pool <= self.times, "pool", f"at most times={self.times}")

    @property
    def changes_observations(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] (not of the class)
        return self.pool > 1

    def check(self, spec: EnvSpec) -> None:
        if self.pool > 1 and not isinstance(spec.observation_space, Box):
            raise self.refuse(spec, "images or vectors, of which to take the maximum", spec.observation_space)

    def native(self, environment: Environment) -> Environment:
        return NativeRepeat.around(environment, self.times, self.pool)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return (
            own_wrapper("RepeatAction")(env, self.times)
            if self.pool == 1
            else Repeated(env, self.times, self.pool)
        )


class NativeRepeat(Wrapped):
    """The native environment. Its own state is `(inner steps so far, raw reward of the last step, product of its
    discounts, the last observations)`, these `[pool, …]`, and None where they are not pooled."""

    times: int = eqx.field(static=True)
    pool: int = eqx.field(default=1, static=True)

    @property
    def max_episode_steps(self) -> int | None:
        limit = self.inner.max_episode_steps
        return None if limit is None else math.ceil(limit / self.times)

    @property
    def frame_stack(self) -> int:
        return 1  # a stack inside changes by several observations a step: replay must store all of it

    def sample_noise(self, key: jax.Array) -> PyTree:
        return jax.vmap(self.inner.sample_noise)(jax.random.split(key, self.times))

    def reset(self, noise: PyTree) -> State:
        first = jax.tree.map(lambda x: x[0], noise)
        inner = self.inner.reset(first)
        zero = jnp.zeros((), dtype=jnp.float32)
        shown = None if self.pool == 1 else jnp.stack([self.inner.observation(inner)] * self.pool)
        return State(inner, (jnp.zeros((), jnp.int32), zero, self._whole(inner), shown))

    def step(self, state: State, action: PyTree, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        limit = self.inner.max_episode_steps

        def once(before: tuple, noise: PyTree) -> tuple[tuple, None]:
            inner, elapsed, reward, raw, terminated, discount, shown = before
            successor, added, ended = self.inner.step(inner, action, noise)
            own, factor = self.inner.raw_reward(successor), self.inner.discount(successor)
            discount = discount if factor is None else discount * factor
            raw = raw + (added if own is None else own)
            if shown is not None:
                shown = jnp.concatenate([shown[1:], self.inner.observation(successor)[None]])
            after = (successor, elapsed + 1, reward + added, raw, ended, discount, shown)
            over = terminated if limit is None else terminated | (elapsed >= limit)
            return choose(over, before, after), None

        zero, shown = jnp.zeros((), dtype=jnp.float32), state.own[3]
        if shown is not None:
            dtype = shown.dtype
            least = jnp.iinfo(dtype).min if jnp.issubdtype(dtype, jnp.integer) else -jnp.inf
            shown = jnp.full_like(shown, least)  # nothing of before this action
        start = (state.inner, state.own[0], zero, zero, jnp.zeros((), bool), self._whole(state.inner), shown)
        (inner, elapsed, reward, raw, terminated, discount, shown), _ = jax.lax.scan(once, start, noise)
        return State(inner, (elapsed, raw, discount, shown)), reward, terminated

    def observation(self, state: State) -> PyTree:
        return self.inner.observation(state.inner) if self.pool == 1 else state.own[3].max(0)

    def _whole(self, state: PyTree) -> jax.Array | None:
        """The product of no discounts; None where the environment has none."""
        return None if self.inner.discount(state) is None else jnp.ones((), jnp.float32)

    def discount(self, state: State) -> jax.Array | None:
        return state.own[2]

    @property
    def _same_goals(self) -> bool:
        return self.pool == 1

    def raw_reward(self, state: State) -> jax.Array | None:
        return None if self.inner.raw_reward(state.inner) is None else state.own[1]

    def compute_reward(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> None:
        """Rewards are sums over several steps, of which only the last one's goal is seen."""


@dataclass(frozen=True)
class StickyActions(Wrapper):
    """With some probability the environment gets the previous action again, except at an episode's start.

    Machado et al. 2018, "Revisiting the Arcade Learning Environment", section 5.2. Gymnasium's StickyAction.
    """

    probability: float = 0.25
    """The probability, at each step."""

    def __post_init__(self) -> None:
        value = self.probability
        number = isinstance(value, int | float) and not isinstance(value, bool)
        self.require(number and 0 <= value < 1, "probability", "a number from 0 to below 1")

    def check(self, spec: EnvSpec) -> None:
        """Accept any environment, which must handle a repeated action that is not allowed any longer."""

    def native(self, environment: Environment) -> Environment:
        return NativeStickyActions.around(environment, self.probability)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return own_wrapper("StickyAction")(env, self.probability)


class NativeStickyActions(Wrapped):
    """The native environment. Its own state is `(the last action, whether there was one)`."""

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
    """Replaces the environment's time limit; None: no limit.

    Episodes that it cuts off are truncated, not terminated: learning bootstraps from the last observation. Gymnasium's
    TimeLimit.
    """

    steps: int | None
    """Steps of an episode, or None (on the command line: none)."""

    def __post_init__(self) -> None:
        if self.steps is not None:
            self.require_whole("steps", 1)

    def check(self, spec: EnvSpec) -> None:
        """Accept any environment."""

    def native(self, environment: Environment) -> Environment:
        return NativeTimeLimit.around(environment, self.steps)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        env = without_time_limit(env)
        return NoTimeLimit(env) if self.steps is None else gym.wrappers.TimeLimit(env, self.steps)


class NativeTimeLimit(Wrapped):
    """The native environment. The limit is applied by the code that steps it."""

    limit: int | None = eqx.field(static=True)

    @property
    def max_episode_steps(self) -> int | None:
        return self.limit
