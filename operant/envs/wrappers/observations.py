"""Wrappers that change what is seen: several observations at once, some of their numbers only, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import StackAlongLastAxis
from operant.envs.wrappers.base import State, Wrapped, Wrapper
from operant.spaces import Bound, Box
from operant.types import EnvSpec, PyTree


@dataclass(frozen=True)
class FrameStack(Wrapper):
    """The last `size` observations along the last axis, the newest last: `[H, W, size·C]`, or `[size·D]`.

    Images without an axis of channels, `[H, W]`, become `[H, W, size]`.

    An episode begins with its first observation repeated. Replay stores each observation once (`EnvSpec.frame_stack`).
    Gymnasium's FrameStackObservation, whose first axis the stack is, with that axis moved.
    """

    changes_observations: ClassVar[bool] = True

    size: int
    """How many."""

    def __post_init__(self) -> None:
        self.require_whole("size", 2)

    def check(self, spec: EnvSpec) -> None:
        space = spec.observation_space
        if not isinstance(space, Box) or len(space.shape) not in (1, 2, 3):
            raise self.refuse(spec, "vectors or images", space)
        if spec.frame_stack != 1:
            raise ValueError(
                f"FrameStack: the observations of {spec.id} are stacks of {spec.frame_stack} already."
            )

    def native(self, environment: Environment) -> Environment:
        return Stacked.around(environment, self.size)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return StackAlongLastAxis(gym.wrappers.FrameStackObservation(env, self.size), self.size)


class Stacked(Wrapped):
    """A native environment that shows several observations. It remembers them, as they are shown."""

    size: int = eqx.field(static=True)

    @property
    def observation_space(self) -> Box:
        box = _box(self.inner)
        *before, last = (*box.shape, 1) if len(box.shape) == 2 else box.shape
        low, high = (_stacked_bound(bound, last, self.size) for bound in (box.low, box.high))
        return Box(low, high, (*before, self.size * last), box.dtype)

    @property
    def frame_stack(self) -> int:
        return self.size

    def reset(self, noise: PyTree) -> State:
        inner = self.inner.reset(noise)
        return State(inner, jnp.concatenate([self._newest(inner)] * self.size, -1))

    def step(self, state: State, action: PyTree, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        inner, reward, terminated = self.inner.step(state.inner, action, noise)
        newest = self._newest(inner)
        return (
            State(inner, jnp.concatenate([state.own[..., newest.shape[-1] :], newest], -1)),
            reward,
            terminated,
        )

    def observe(self, state: State) -> jax.Array:
        return state.own

    def _newest(self, inner: PyTree) -> jax.Array:
        seen = self.inner.observe(inner)
        return seen[..., None] if seen.ndim == 2 else seen


@dataclass(frozen=True)
class Select(Wrapper):
    """Only some numbers of a vector observation: CartPole with `Select((0, 2))` hides how fast it moves.

    What is hidden has to be remembered, so this makes an environment that needs memory out of one that does not.
    Gymnasium's TransformObservation.
    """

    changes_observations: ClassVar[bool] = True

    keep: int | tuple[int, ...]
    """Which numbers, the first being 0, in the order in which they are shown."""

    def __post_init__(self) -> None:
        if isinstance(self.keep, list):
            object.__setattr__(self, "keep", tuple(self.keep))
        keep = self.indices
        whole = all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in keep)
        self.require(
            bool(keep) and whole and len(set(keep)) == len(keep), "keep", "different whole numbers, from 0"
        )

    def check(self, spec: EnvSpec) -> None:
        space = spec.observation_space
        if not isinstance(space, Box) or len(space.shape) != 1:
            raise self.refuse(spec, "vectors", space)
        if spec.frame_stack != 1:
            raise ValueError(
                f"Select: the observations of {spec.id} are stacks of {spec.frame_stack}: put FrameStack behind it."
            )
        if max(self.indices) >= space.shape[0]:
            raise ValueError(
                f"Select: keep={self.keep}: {spec.id} shows {space.shape[0]} numbers, 0 to {space.shape[0] - 1}."
            )

    @property
    def indices(self) -> list[int]:
        """`keep`, to index with."""
        return list(self.keep) if isinstance(self.keep, tuple) else [self.keep]

    def native(self, environment: Environment) -> Environment:
        return Selected.around(environment, self)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        space = env.observation_space
        assert isinstance(space, gym.spaces.Box)
        kept = gym.spaces.Box(space.low[self.indices], space.high[self.indices], dtype=space.dtype.type)
        return gym.wrappers.TransformObservation(env, lambda seen: seen[self.indices], kept)


class Selected(Wrapped):
    """A native environment that shows some of its numbers."""

    wrapper: Select = eqx.field(static=True)

    @property
    def observation_space(self) -> Box:
        box = _box(self.inner)
        low, high = (tuple(bound[self.wrapper.indices].tolist()) for bound in box.bounds)
        return Box(low, high, (len(self.wrapper.indices),), box.dtype)

    def observe(self, state: State) -> jax.Array:
        return self.inner.observe(state.inner)[np.array(self.wrapper.indices)]


@dataclass(frozen=True)
class TimeAware(Wrapper):
    """The part of the time limit that has passed, 0 to 1, is a vector observation's last number.

    With a time limit, how good a state is depends on the time that is left (Pardo et al. 2018, "Time limits in
    reinforcement learning"). Gymnasium's TimeAwareObservation with normalize_time.
    """

    changes_observations: ClassVar[bool] = True

    def check(self, spec: EnvSpec) -> None:
        space = spec.observation_space
        if not isinstance(space, Box) or len(space.shape) != 1 or space.dtype != "float32":
            raise self.refuse(spec, "vectors of real numbers", space)
        if spec.max_episode_steps is None:
            raise ValueError(
                f"TimeAware needs a time limit, which {spec.id} has not: put TimeLimit before it."
            )
        if spec.frame_stack != 1:
            raise ValueError(
                f"TimeAware: the observations of {spec.id} are stacks of {spec.frame_stack}, of which its number would "
                "not be part: put FrameStack behind it."
            )

    def native(self, environment: Environment) -> Environment:
        return Timed.around(environment)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return gym.wrappers.TimeAwareObservation(env, normalize_time=True)


class Timed(Wrapped):
    """A native environment that shows the time. It remembers the steps so far."""

    @property
    def observation_space(self) -> Box:
        box = _box(self.inner)
        low, high = (tuple(bound.tolist()) for bound in box.bounds)
        return Box((*low, 0.0), (*high, 1.0), (box.shape[0] + 1,))

    def reset(self, noise: PyTree) -> State:
        return State(self.inner.reset(noise), jnp.zeros((), jnp.int32))

    def step(self, state: State, action: PyTree, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        inner, reward, terminated = self.inner.step(state.inner, action, noise)
        return State(inner, state.own + 1), reward, terminated

    def observe(self, state: State) -> jax.Array:
        limit = self.inner.max_episode_steps
        assert limit is not None
        passed = state.own / jnp.float32(limit)
        return jnp.concatenate([self.inner.observe(state.inner), passed[None]])


def _box(environment: Environment) -> Box:
    box = environment.observation_space
    assert isinstance(box, Box)
    return box


def _stacked_bound(bound: Bound, channels: int, size: int) -> Bound:
    if not isinstance(bound, tuple):
        return bound
    rows = np.asarray(bound).reshape(-1, channels)
    return tuple(np.concatenate([rows] * size, -1).ravel().tolist())
