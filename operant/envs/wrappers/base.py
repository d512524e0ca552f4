"""A wrapper: a value that changes an environment, natively and through Gymnasium in the same way."""

# pyright: reportIncompatibleVariableOverride=false
# Fields of other environments are properties of a wrapped one: those of the environment inside.

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import jax
import jax.numpy as jnp

from operant import spaces
from operant.envs.base import Environment
from operant.ops.metrics import Metrics
from operant.spaces import Space
from operant.types import EnvSpec, PyTree, Transition


class Wrapper(ABC):
    """A frozen dataclass of plain numbers, which can be written into files and compared."""

    changes_observations: ClassVar[bool] = False
    changes_actions: ClassVar[bool] = False
    training_only: ClassVar[bool] = False  # it only changes rewards, and evaluation leaves it out

    @abstractmethod
    def check(self, spec: EnvSpec) -> None:
        """Raise ValueError if the environment does not fit, naming the wrapper and the reason."""

    @abstractmethod
    def native(self, environment: Environment) -> Environment:
        """The native environment, wrapped."""

    @abstractmethod
    def gymnasium(self, env: gym.Env) -> gym.Env:
        """The Gymnasium environment, wrapped: by Gymnasium's own wrapper where it has one."""

    def require(self, condition: bool, name: str, allowed: str) -> None:
        """Raise ValueError saying which of its values is wrong and what is allowed."""
        if not condition:
            raise ValueError(f"{type(self).__name__}: {name}={getattr(self, name)!r}: must be {allowed}.")

    def require_whole(self, name: str, least: int) -> None:
        """Raise ValueError unless this value is a whole number from `least` upwards."""
        value = getattr(self, name)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
        self.require(whole, name, f"a whole number, at least {least}")

    def refuse(self, spec: EnvSpec, needs: str, space: Space) -> ValueError:
        """The error of a wrapper around an environment with the wrong space."""
        return ValueError(f"{type(self).__name__} needs {needs}: {spec.id} has {spaces.describe(space)}.")


class State(NamedTuple):
    """The state of a wrapped environment."""

    inner: PyTree  # of the environment inside
    own: PyTree = ()  # of the wrapper itself


class Wrapped(Environment):
    """An environment around another. What a subclass does not define is taken from the inner environment."""

    inner: Environment

    @classmethod
    def around(cls, environment: Environment, *values: Any) -> Environment:
        """An environment, wrapped; `values` are the subclass's own fields."""
        make: Any = cls  # to a type checker the inherited time limit is a field, too
        return make(environment, *values)

    @property
    def id(self) -> str:
        return self.inner.id

    @property
    def max_episode_steps(self) -> int | None:
        return self.inner.max_episode_steps

    @property
    def observation_space(self) -> Space:
        return self.inner.observation_space

    @property
    def action_space(self) -> Space:
        return self.inner.action_space

    @property
    def frame_stack(self) -> int:
        unchanged = type(self).observation is Wrapped.observation
        return self.inner.frame_stack if unchanged else 1

    def sample_noise(self, key: jax.Array) -> PyTree:
        return self.inner.sample_noise(key)

    def reset(self, noise: PyTree) -> State:
        return State(self.inner.reset(noise))

    def step(self, state: State, action: PyTree, noise: PyTree) -> tuple[State, jax.Array, jax.Array]:
        successor, reward, terminated = self.inner.step(state.inner, action, noise)
        return State(successor), reward, terminated

    def observation(self, state: State) -> PyTree:
        return self.inner.observation(state.inner)

    def action_mask(self, state: State) -> PyTree:
        return self.inner.action_mask(state.inner)

    @property
    def slot(self) -> int | None:
        return self.inner.slot

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics] | None:
        return self.inner.judge(experience)

    def raw_reward(self, state: State) -> jax.Array | None:
        return self.inner.raw_reward(state.inner)

    def discount(self, state: State) -> jax.Array | None:
        return self.inner.discount(state.inner)

    def compute_reward(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array | None:
        return self.inner.compute_reward(achieved_goal, desired_goal) if self._same_goals else None

    def compute_terminated(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array | None:
        return self.inner.compute_terminated(achieved_goal, desired_goal) if self._same_goals else None

    def compute_success(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array | None:
        return self.inner.compute_success(achieved_goal, desired_goal) if self._same_goals else None

    @property
    def _same_goals(self) -> bool:
        """Whether observations, and so the goals in them, are the inner environment's."""
        return type(self).observation is Wrapped.observation

    def picture(self, state: State) -> Any:
        return self.inner.picture(state.inner)


def choose(condition: jax.Array, new: PyTree, old: PyTree) -> PyTree:
    """`new` where the condition (a scalar) holds, else `old`, for every leaf."""
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), new, old)


def own_wrapper(name: str) -> Any:
    """A wrapper of Gymnasium's. Raises ImportError if the installed release does not have it."""
    found = getattr(gym.wrappers, name, None)
    if found is None:
        raise ImportError(
            f"gymnasium {gym.__version__} has no {name}: install a newer one, or train on a native environment."
        )
    return found
