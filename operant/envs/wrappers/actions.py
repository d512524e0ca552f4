"""Wrappers that change what actions are: a grid of choices, clipped, rescaled."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import keep_inside
from operant.envs.wrappers.base import State, Wrapped, Wrapper, own_wrapper
from operant.spaces import Box, Discrete, MultiDiscrete, Space
from operant.types import EnvSpec, PyTree


class ActionWrapper(Wrapper):
    """Maps the agent's actions to those of a Box."""

    changes_actions: ClassVar[bool] = True
    needs_bounds: ClassVar[bool] = False  # whether the Box must have bounds

    @abstractmethod
    def space(self, box: Box) -> Space:
        """The agent's action space, given the environment's."""

    @abstractmethod
    def action(self, box: Box, action: jax.Array) -> jax.Array:
        """The environment's action for an agent's."""

    def check(self, spec: EnvSpec) -> None:
        if not isinstance(spec.action_space, Box):
            raise self.refuse(spec, "Box actions", spec.action_space)
        if self.needs_bounds and not spec.action_space.bounded:
            low, high = (bound.tolist() for bound in spec.action_space.bounds)
            raise ValueError(
                f"{type(self).__name__} needs bounded actions: those of {spec.id} are from {low} to {high}."
            )

    def native(self, environment: Environment) -> Environment:
        return NativeActions.around(environment, self)


class NativeActions(Wrapped):
    """The native environment."""

    wrapper: ActionWrapper = eqx.field(static=True)

    @property
    def action_space(self) -> Space:
        return self.wrapper.space(self._box)

    def step(self, state: State, action: jax.Array, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        return super().step(state, self.wrapper.action(self._box, action), noise)

    @property
    def _box(self) -> Box:
        box = self.inner.action_space
        assert isinstance(box, Box)
        return box


@dataclass(frozen=True)
class Discretize(ActionWrapper):
    """A Discrete action from a grid over a bounded Box: the centres of `bins` equal parts of each dimension.

    Actions are numbered with the last dimension varying fastest; with `multi` each dimension is a choice of its own
    (MultiDiscrete). Gymnasium's DiscretizeAction.
    """

    needs_bounds: ClassVar[bool] = True
    bins: int | tuple[int, ...]
    """Bins of each dimension: one number for all, or one for each."""
    multi: bool = False
    """Whether actions are MultiDiscrete, which PPO takes and DQN does not."""

    def __post_init__(self) -> None:
        if isinstance(self.bins, list):
            object.__setattr__(self, "bins", tuple(self.bins))
        parts = self.bins if isinstance(self.bins, tuple) else (self.bins,)
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 2 for n in parts)
        self.require(
            bool(parts) and whole, "bins", "a whole number, at least 2, or one for each dimension (3,5)"
        )
        self.require(isinstance(self.multi, bool), "multi", "True or False")

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        assert isinstance(spec.action_space, Box)
        size = math.prod(spec.action_space.shape)
        if isinstance(self.bins, tuple) and len(self.bins) != size:
            raise ValueError(
                f"Discretize: bins={self.bins!r}: {spec.id} has {size} dimension(s); give one number, or {size}."
            )

    def space(self, box: Box) -> Space:
        counts = self._counts(box)
        return MultiDiscrete(counts) if self.multi else Discrete(math.prod(counts))

    def action(self, box: Box, action: jax.Array) -> jax.Array:
        index = action if self.multi else jnp.stack(jnp.unravel_index(action, self._counts(box)))
        return (
            jnp.asarray(self._centres(box))[jnp.arange(len(index)), index]
            .reshape(box.shape)
            .astype(box.dtype)
        )

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return own_wrapper("DiscretizeAction")(env, self.bins, multidiscrete=self.multi)

    def _counts(self, box: Box) -> tuple[int, ...]:
        return self.bins if isinstance(self.bins, tuple) else (self.bins,) * math.prod(box.shape)

    def _centres(self, box: Box) -> np.ndarray:
        """`[dimensions, most bins]`, rounded as Gymnasium rounds them; shorter rows end in zeros."""
        low, high = (bound.astype(np.float32).ravel() for bound in box.bounds)
        counts = self._counts(box)
        centres = np.zeros((len(counts), max(counts)), np.float32)
        for row, n, start, stop in zip(centres, counts, low, high, strict=True):
            edges = np.linspace(start, stop, n + 1)
            row[:n] = 0.5 * (edges[:-1] + edges[1:])
        return centres


@dataclass(frozen=True)
class ClipAction(ActionWrapper):
    """Clips actions, which may be any numbers, to the environment's bounds. Gymnasium's ClipAction.

    operant clips actions anyway; the difference is that the agent's action space has no bounds.
    """

    def space(self, box: Box) -> Box:
        return Box(-math.inf, math.inf, box.shape, box.dtype)

    def action(self, box: Box, action: jax.Array) -> jax.Array:
        return jnp.clip(action, *(bound.astype(box.dtype) for bound in box.bounds))

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return gym.wrappers.ClipAction(env)


@dataclass(frozen=True)
class RescaleAction(ActionWrapper):
    """Rescales actions from [`low`, `high`] to the environment's bounds. Gymnasium's RescaleAction."""

    needs_bounds: ClassVar[bool] = True
    low: float = -1.0
    """The lowest action, in every dimension."""
    high: float = 1.0
    """The highest action."""

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            self.require(number, name, "a number")
        self.require(self.low < self.high, "high", f"more than low={self.low!r}")

    def space(self, box: Box) -> Box:
        return Box(float(self.low), float(self.high), box.shape, box.dtype)

    def action(self, box: Box, action: jax.Array) -> jax.Array:
        low, high = (bound.astype(np.float32) for bound in box.bounds)
        gradient = (self.high - self.low) / (high - low)
        return (action - (self.low - gradient * low)) / gradient

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return keep_inside(gym.wrappers.RescaleAction(env, np.float32(self.low), np.float32(self.high)))
