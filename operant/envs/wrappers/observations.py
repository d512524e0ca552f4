"""Wrappers that change observations: frame stacks, selected elements, discretised values, the time."""

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

    Images without channels, `[H, W]`, become `[H, W, size]`, and those with channels first, `[C, H, W]`, become
    `[H, W, size·C]`, with channels last.

    An episode starts with its first observation repeated. Replay stores each observation once (`EnvSpec.frame_stack`).
    Gymnasium's FrameStackObservation, with the stack's axis moved from first to last.
    """

    changes_observations: ClassVar[bool] = True

    size: int
    """How many observations are stacked."""

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
        return NativeFrameStack.around(environment, self.size)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return StackAlongLastAxis(gym.wrappers.FrameStackObservation(env, self.size), self.size)


class NativeFrameStack(Wrapped):
    """The native environment. Its own state is the stack."""

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
    """Only some elements of a vector observation: CartPole with `Select((0, 2))` hides its velocities.

    This turns a fully observed environment into a partially observed one, which needs a recurrent network. Gymnasium's
    TransformObservation.
    """

    changes_observations: ClassVar[bool] = True

    keep: int | tuple[int, ...]
    """The indices of the elements, from 0, in the order of the new observation."""

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
                f"Select: the observations of {spec.id} are stacks of {spec.frame_stack}: put FrameStack after it."
            )
        if max(self.indices) >= space.shape[0]:
            raise ValueError(
                f"Select: keep={self.keep}: the observations of {spec.id} have elements 0 to {space.shape[0] - 1}."
            )

    @property
    def indices(self) -> list[int]:
        """`keep` as a list."""
        return list(self.keep) if isinstance(self.keep, tuple) else [self.keep]

    def native(self, environment: Environment) -> Environment:
        return NativeSelect.around(environment, self)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        space = env.observation_space
        assert isinstance(space, gym.spaces.Box)
        kept = gym.spaces.Box(space.low[self.indices], space.high[self.indices], dtype=space.dtype.type)
        return gym.wrappers.TransformObservation(env, lambda seen: seen[self.indices], kept)


class NativeSelect(Wrapped):
    """The native environment."""

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
    """Discretises a vector observation: each element becomes the index of its bin, of `bins` from `low` to `high`.

    Values outside belong to the first or the last bin. Tabular algorithms need it, as for Q-learning on CartPole.
    Gymnasium's TransformObservation, since its DiscretizeObservation needs finite bounds.
    """

    changes_observations: ClassVar[bool] = True

    bins: int | tuple[int, ...]
    """Bins of each element: one number for all, or one for each."""
    low: float | tuple[float, ...] | None = None
    """Where the first bin begins, for all elements or for each; None: the bounds of the space, which must be finite."""
    high: float | tuple[float, ...] | None = None
    """Where the last bin ends, in the same way."""

    def __post_init__(self) -> None:
        for name in ("bins", "low", "high"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 2 for n in _each(self.bins))
        self.require(whole, "bins", "a whole number, at least 2, or one for each element (3,5)")
        for name in ("low", "high"):
            bounds = _each(getattr(self, name)) if getattr(self, name) is not None else ()
            finite = all(isinstance(x, int | float) and math.isfinite(x) for x in bounds)
            self.require(finite, name, "a finite number, one for each element, or None")

    def check(self, spec: EnvSpec) -> None:
        space = _vector(self, spec)
        if spec.frame_stack != 1:
            raise ValueError(
                f"DiscretizeObservation: the observations of {spec.id} are stacks of {spec.frame_stack}, which do not "
                "fit into a table: leave FrameStack out."
            )
        count = space.shape[0]
        for name in ("bins", "low", "high"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != count:
                raise ValueError(
                    f"DiscretizeObservation: {name}={value!r}: observations of {spec.id} have {count} element(s); "
                    f"give one value for all, or {count}."
                )
        low, high = self.bounds(space)
        for i, (least, most) in enumerate(zip(low, high, strict=True)):
            if not (np.isfinite(least) and np.isfinite(most) and least < most):
                raise ValueError(
                    f"DiscretizeObservation: element {i} of {spec.id} would range from {least:g} to {most:g}: give "
                    "finite values for low and high, as in discretize-observation:8:-1:1."
                )

    def bounds(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and highest value of each element, float32 `[D]` each."""
        given = zip((self.low, self.high), box.bounds, strict=True)
        low, high = (
            np.broadcast_to(np.asarray(own if value is None else value, np.float32), box.shape)
            for value, own in given
        )
        return low, high

    def counts(self, box: Box) -> tuple[int, ...]:
        """The number of bins of each element."""
        return self.bins if isinstance(self.bins, tuple) else (self.bins,) * box.shape[0]

    def choose(self, box: Box, observation: Any) -> Any:
        """The bins, int32 `[D]`, of a NumPy or JAX observation `[D]`."""
        low, high = self.bounds(box)
        counts = np.array(self.counts(box), np.float32)
        return ((observation - low) * (counts / (high - low))).clip(0, counts - 1).astype(np.int32)

    def native(self, environment: Environment) -> Environment:
        return NativeDiscretizeObservation.around(environment, self)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        space = env.observation_space
        assert isinstance(space, gym.spaces.Box)
        box = Box(tuple(space.low.tolist()), tuple(space.high.tolist()), space.shape)
        parts = gym.spaces.MultiDiscrete(np.array(self.counts(box)), np.int32)
        return gym.wrappers.TransformObservation(env, lambda seen: self.choose(box, seen), parts)


class NativeDiscretizeObservation(Wrapped):
    """The native environment."""

    wrapper: DiscretizeObservation = eqx.field(static=True)

    @property
    def observation_space(self) -> MultiDiscrete:
        return MultiDiscrete(self.wrapper.counts(_box(self.inner)))

    def observation(self, state: State) -> jax.Array:
        return self.wrapper.choose(_box(self.inner), self.inner.observation(state.inner))


@dataclass(frozen=True)
class TimeAware(Wrapper):
    """Appends the fraction of the time limit that has passed, from 0 to 1, to a vector observation.

    With a time limit, the value of a state depends on the time that is left (Pardo et al. 2018, "Time limits in
    reinforcement learning"). Gymnasium's TimeAwareObservation with normalize_time.
    """

    changes_observations: ClassVar[bool] = True

    def check(self, spec: EnvSpec) -> None:
        space = spec.observation_space
        if not isinstance(space, Box) or len(space.shape) != 1 or space.dtype != "float32":
            raise self.refuse(spec, "vectors of real numbers", space)
        if spec.max_episode_steps is None:
            raise ValueError(
                f"TimeAware needs a time limit, and {spec.id} has none: put TimeLimit before it."
            )
        if spec.frame_stack != 1:
            raise ValueError(
                f"TimeAware: the observations of {spec.id} are stacks of {spec.frame_stack}, to which it "
                "cannot add the time: put FrameStack after it."
            )

    def native(self, environment: Environment) -> Environment:
        return NativeTimeAware.around(environment)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return gym.wrappers.TimeAwareObservation(env, normalize_time=True)


class NativeTimeAware(Wrapped):
    """The native environment. Its own state is the number of steps so far."""

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
    """One value, or one for each element, as a tuple."""
    return values if isinstance(values, tuple) else (values,)


def _vector(wrapper: Wrapper, spec: EnvSpec) -> Box:
    """The space of vector observations. Raises ValueError for any other."""
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
