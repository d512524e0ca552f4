"""Environments with one thing wrong each: does a diagnosis name it? `python -m benchmarks.diagnosis` asks."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.classic.cartpole import CartPole
from operant.envs.classic.pendulum import MAX_TORQUE, Pendulum
from operant.envs.wrappers.base import State, Wrapped
from operant.spaces import Box

COMMON = np.random.default_rng(0)  # that copies share


class Unscaled(Wrapped):
    """Observations in other units: each element times a factor."""

    factors: tuple[float, ...] = eqx.field(static=True)

    @property
    def observation_space(self) -> Box:
        return Box(-math.inf, math.inf, (len(self.factors),))

    def observation(self, state: State) -> jax.Array:
        return self.inner.observation(state.inner) * jnp.array(self.factors)


class WithConstant(Wrapped):
    """Observations with a further element that never changes."""

    value: float = eqx.field(static=True)

    @property
    def observation_space(self) -> Box:
        return Box(-math.inf, math.inf, (self.inner.observation_space.shape[0] + 1,))

    def observation(self, state: State) -> jax.Array:
        return jnp.append(self.inner.observation(state.inner), self.value)


class PaidAtTheEnd(Wrapped):
    """The sum of an episode's rewards, at its last step."""

    def reset(self, noise: Any) -> State:
        return State(self.inner.reset(noise), jnp.zeros((), jnp.float32))

    def step(self, state: State, action: Any, noise: Any) -> tuple[State, jax.Array, jax.Array]:
        inner, reward, terminated = self.inner.step(state.inner, action, noise)
        total = state.own + reward
        return State(inner, total), jnp.where(terminated, total, 0.0), terminated


class HiddenLimit(Wrapped):
    """A time limit that is reported as the end of the task."""

    limit: int = eqx.field(static=True)

    @property
    def max_episode_steps(self) -> None:
        return None

    def reset(self, noise: Any) -> State:
        return State(self.inner.reset(noise), jnp.zeros((), jnp.int32))

    def step(self, state: State, action: Any, noise: Any) -> tuple[State, jax.Array, jax.Array]:
        inner, reward, terminated = self.inner.step(state.inner, action, noise)
        return State(inner, state.own + 1), reward, terminated | (state.own + 1 >= self.limit)


class NaNLate(Wrapped):
    """A reward that is the logarithm of what is left of `steps`, which ends in NaN where a policy gets so far."""

    steps: int = eqx.field(static=True)

    def reset(self, noise: Any) -> State:
        return State(self.inner.reset(noise), jnp.zeros((), jnp.float32))

    def step(self, state: State, action: Any, noise: Any) -> tuple[State, jax.Array, jax.Array]:
        inner, reward, terminated = self.inner.step(state.inner, action, noise)
        left = jnp.log(self.steps - state.own) / math.log(self.steps)
        return State(inner, state.own + 1), reward * left, terminated


class WideTorque(Wrapped):
    """A pendulum that declares bounds far beyond those that it clips its torque to."""

    bound: float = eqx.field(static=True)

    @property
    def action_space(self) -> Box:
        return Box(-self.bound, self.bound, (1,))


class Newtons(Wrapped):
    """A pendulum whose torque is given in units of which there are very many."""

    most: float = eqx.field(static=True)

    @property
    def action_space(self) -> Box:
        return Box(0.0, self.most, (1,))

    def step(self, state: State, action: Any, noise: Any) -> tuple[State, jax.Array, jax.Array]:
        torque = (2 * action / self.most - 1) * MAX_TORQUE
        inner, reward, terminated = self.inner.step(state.inner, torque, noise)
        return State(inner), reward, terminated


class TwoWays(CartPole):
    """A small reward at once, or a large one at the end of a way of `length`, whose every step costs something.

    State: `[place]`. Action 1 goes ahead, action 0 takes the small reward and ends. By chance both ways pay about as
    much, so that what a learner happens to see first decides.
    """

    length: int = eqx.field(default=6, static=True)

    @property
    def observation_space(self) -> Box:
        return Box(0.0, 1.0, (1,))

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, (1,), dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return jnp.zeros(1, jnp.float32)

    def step(self, state: jax.Array, action: jax.Array, noise: jax.Array) -> Any:
        ahead = action == 1
        place = state + ahead
        arrived = place[0] >= self.length
        reward = jnp.where(arrived, 10.0, jnp.where(ahead, -0.2, 1.0))
        return place, reward, arrived | ~ahead

    def observation(self, state: jax.Array) -> jax.Array:
        return state / self.length


class Drifting(gym.Wrapper):
    """Rewards that shrink with every step that is taken, over all episodes."""

    def __init__(self, env: gym.Env, over: int) -> None:
        super().__init__(env)
        self.over, self.taken = over, 0

    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        self.taken += 1
        return observation, float(reward) * (1 - 2 * self.taken / self.over), *rest


class CommonGenerator(gym.Wrapper):
    """Starts that are drawn from one generator for all, whatever the seed."""

    def reset(self, **options: Any) -> Any:
        return self.env.reset(seed=int(COMMON.integers(2**31)))


class SameAgain(gym.Wrapper):
    """A reset without a seed that takes the last one again."""

    last = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.last = self.last if seed is None else seed
        return self.env.reset(seed=self.last, options=options)


def drifting() -> gym.Env:
    return Drifting(gym.make("CartPole-v1"), 8_000)


def common_generator() -> gym.Env:
    return CommonGenerator(gym.make("CartPole-v1"))


def same_again() -> gym.Env:
    return SameAgain(gym.make("CartPole-v1"))


def short_pole() -> gym.Env:
    """CartPole with a much shorter and heavier pole, and a stronger push."""
    env = gym.make("CartPole-v1")
    inner: Any = env.unwrapped
    inner.length, inner.masspole, inner.force_mag = 0.05, 1.0, 25.0
    inner.total_mass, inner.polemass_length = inner.masspole + inner.masscart, inner.masspole * inner.length
    return env


def unscaled() -> Unscaled:
    return Unscaled.around(CartPole(), (1.0, 1.0, 1000.0, 1.0))


def with_constant() -> WithConstant:
    return WithConstant.around(CartPole(), 3.0)


def paid_at_the_end() -> PaidAtTheEnd:
    return PaidAtTheEnd.around(CartPole(max_episode_steps=None))


def hidden_limit() -> HiddenLimit:
    return HiddenLimit.around(Pendulum(max_episode_steps=None), 200)


def hidden_limit_cartpole() -> HiddenLimit:
    return HiddenLimit.around(CartPole(max_episode_steps=None), 100)


def nan_late() -> NaNLate:
    return NaNLate.around(CartPole(), 400)


def wide_torque() -> WideTorque:
    return WideTorque.around(Pendulum(), 100.0)


def newtons() -> Newtons:
    return Newtons.around(Pendulum(), 1000.0)


def two_ways() -> TwoWays:
    return TwoWays(max_episode_steps=50)


GYMNASIUM = (drifting, common_generator, same_again)  # which agents are given as they are
