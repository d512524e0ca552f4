"""Wrappers that change what is seen: several observations at once, some numbers only, numbers as choices, the time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import StackAlongLastAxis
from operant.envs.wrappers.base import State, Wrapped, Wrapper
from operant.spaces import Bound, Box, MultiDiscrete, channels_first
from operant.types import EnvSpec, PyTree


@dataclass(frozen=True)
class FrameStack(Wrapper):
    """The last `size` observations along the last axis, the newest last: `[H, W, size·C]`, or `[size·D]`.

    Images without an axis of channels, `[H, W]`, become `[H, W, size]`, and those with their channels first,
    `[C, H, W]`, have them last afterwards: `[H, W, size·C]`.

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
        *before, last = _channels_last(np.empty(box.shape, bool)).shape
        low, high = (_stacked_bound(bound, box.shape, self.size) for bound in (box.low, box.high))
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

    def observation(self, state: State) -> jax.Array:
        return state.own

    def _newest(self, inner: PyTree) -> jax.Array:
        return _channels_last(self.inner.observation(inner))


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
        space = _vector(self, spec)
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

    def observation(self, state: State) -> jax.Array:
        return self.inner.observation(state.inner)[np.array(self.wrapper.indices)]


@dataclass(frozen=True)
class DiscretizeObservation(Wrapper):
    """The numbers of a vector observation as choices: which of `bins` equal parts from `low` to `high` each lies in.

    What lies outside counts to the first or the last part. Learners with tables need it: Q-learning on CartPole.
    Gymnasium's TransformObservation, since its own needs finite bounds.
    """

    changes_observations: ClassVar[bool] = True

    bins: int | tuple[int, ...]
    """Parts of each number, or of the first, the second, …."""
    low: float | tuple[float, ...] | None = None
    """Where the first part begins, or one for each number; None: the bounds of the space, which must be finite."""
    high: float | tuple[float, ...] | None = None
    """Where the last part ends."""

    def __post_init__(self) -> None:
        for name in ("bins", "low", "high"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 2 for n in _each(self.bins))
        self.require(whole, "bins", "a whole number, at least 2, or one for each number (3,5)")
        for name in ("low", "high"):
            bounds = _each(getattr(self, name)) if getattr(self, name) is not None else ()
            finite = all(isinstance(x, int | float) and math.isfinite(x) for x in bounds)
            self.require(finite, name, "a finite number, one for each number, or None")

    def check(self, spec: EnvSpec) -> None:
        space = _vector(self, spec)
        if spec.frame_stack != 1:
            raise ValueError(
                f"DiscretizeObservation: the observations of {spec.id} are stacks of {spec.frame_stack}, which tables "
                "do not take: leave FrameStack out."
            )
        count = space.shape[0]
        for name in ("bins", "low", "high"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != count:
                raise ValueError(
                    f"DiscretizeObservation: {name}={value!r}: {spec.id} shows {count} number(s); give one for all, or "
                    f"{count}."
                )
        low, high = self.bounds(space)
        for i, (least, most) in enumerate(zip(low, high, strict=True)):
            if not (np.isfinite(least) and np.isfinite(most) and least < most):
                raise ValueError(
                    f"DiscretizeObservation: number {i} of {spec.id} would go from {least:g} to {most:g}: give low and "
                    "high that are finite, as in discretize-observation:8:-1:1."
                )

    def bounds(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """Where the parts of each number begin and end, float32 `[D]` each."""
        given = zip((self.low, self.high), box.bounds, strict=True)
        low, high = (
            np.broadcast_to(np.asarray(own if value is None else value, np.float32), box.shape)
            for value, own in given
        )
        return low, high

    def counts(self, box: Box) -> tuple[int, ...]:
        """How many parts each number has."""
        return self.bins if isinstance(self.bins, tuple) else (self.bins,) * box.shape[0]

    def choose(self, box: Box, observation: Any) -> Any:
        """The parts, int32 `[D]`, that a NumPy or a JAX observation `[D]` lies in."""
        low, high = self.bounds(box)
        counts = np.array(self.counts(box), np.float32)
        return ((observation - low) * (counts / (high - low))).clip(0, counts - 1).astype(np.int32)

    def native(self, environment: Environment) -> Environment:
        return Parted.around(environment, self)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        space = env.observation_space
        assert isinstance(space, gym.spaces.Box)
        box = Box(tuple(space.low.tolist()), tuple(space.high.tolist()), space.shape)
        parts = gym.spaces.MultiDiscrete(np.array(self.counts(box)), np.int32)
        return gym.wrappers.TransformObservation(env, lambda seen: self.choose(box, seen), parts)


class Parted(Wrapped):
    """A native environment whose numbers are shown as the parts that they lie in."""

    wrapper: DiscretizeObservation = eqx.field(static=True)

    @property
    def observation_space(self) -> MultiDiscrete:
        return MultiDiscrete(self.wrapper.counts(_box(self.inner)))

    def observation(self, state: State) -> jax.Array:
        return self.wrapper.choose(_box(self.inner), self.inner.observation(state.inner))


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

    def observation(self, state: State) -> jax.Array:
        limit = self.inner.max_episode_steps
        assert limit is not None
        passed = state.own / jnp.float32(limit)
        return jnp.concatenate([self.inner.observation(state.inner), passed[None]])


def _each(values: Any) -> tuple[Any, ...]:
    """A number, or one for each number of an observation, as a tuple."""
    return values if isinstance(values, tuple) else (values,)


def _vector(wrapper: Wrapper, spec: EnvSpec) -> Box:
    """The space of vector observations. Raises ValueError for another."""
    space = spec.observation_space
    if not isinstance(space, Box) or len(space.shape) != 1:
        raise wrapper.refuse(spec, "vectors", space)
    return space


def _box(environment: Environment) -> Box:
    box = environment.observation_space
    assert isinstance(box, Box)
    return box


def _stacked_bound(bound: Bound, shape: tuple[int, ...], size: int) -> Bound:
    if not isinstance(bound, tuple):
        return bound
    one = _channels_last(np.asarray(bound).reshape(shape))
    return tuple(np.concatenate([one] * size, -1).ravel().tolist())


def _channels_last(image: Any) -> Any:
    """A vector as it is, an image `[H, W]` or `[C, H, W]` as `[H, W, C]`; NumPy or JAX."""
    if len(image.shape) == 2:
        return image[..., None]
    return image.transpose(1, 2, 0) if channels_first(image.shape) else image
