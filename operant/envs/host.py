"""Environments that are stepped on the host, in NumPy: the interface, and native environments behind this interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.envs import base
from operant.envs.base import Environment, EnvironmentState
from operant.envs.goals import Goals, native_goals
from operant.ops.metrics import Metrics
from operant.types import EnvSpec, PyTree, TimeStep, Transition


class HostEnvironments(ABC):
    """N environments stepped together. Everything that goes in or comes out is NumPy, `[N, …]`.

    What comes out is never written to again, so it may be kept without a copy; two parts of a `TimeStep` may
    be the same array.
    """

    spec: EnvSpec  # with num_envs = N
    on_end: Callable[[int, int, dict[str, Any]], None] | None = (
        None  # told of the info that ends an episode: (n, N, info)
    )

    @abstractmethod
    def reset(
        self, key: jax.Array, start_key: jax.Array | None = None, group: int = 1
    ) -> tuple[PyTree, PyTree]:
        """`(observation, action mask or None)` of N fresh episodes, all of whose randomness is from `key`.

        Of keys `[S]`, each has the episodes of N / S environments, one after the other: the very ones that it would
        have by itself. `start_key`, of the same kind, is that of the first states where they are not of `key`, and
        every `group` episodes in a row begin in the same.
        """

    @abstractmethod
    def step(self, action: PyTree) -> TimeStep:
        """One step of each, with the environments whose episode ends reset at once."""

    def send(self, action: PyTree) -> None:
        """Begin one step of each, whose answer is `receive`'s. Where environments run by themselves (in processes, in
        threads) the caller may do something else in between, but ask them nothing.
        """
        self._sent = action

    def receive(self) -> TimeStep:
        """The answer to what was sent, as `step` gives it. By default the step is only taken now."""
        return self.step(self._sent)

    @property
    def infos(self) -> Sequence[dict[str, Any]]:
        """What each environment said of its last step, besides; `{}` where it says nothing."""
        return [{}] * self.spec.num_envs

    @property
    def goals(self) -> Goals | None:
        """What they say of goals, as a compiled program may ask it; None unless `spec.goals`."""
        return None

    def stored(self) -> dict[str, np.ndarray] | None:
        """Where all of them stand, as arrays by name, for `restore`; None where that cannot be stored."""
        return None

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on where others of this kind stood, of which `stored` gave these arrays.

        Raises ValueError where they are not those of such environments.
        """
        raise ValueError(f"{self.spec.id} cannot be stored.")

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics] | None:
        """As `Environment.judge`, traced."""
        return None

    @property
    def lost(self) -> bool:
        """Whether they cannot be stepped any more, since a process of theirs has ended."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Releases what the environments hold; they cannot be used afterwards."""

    def call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        """What this method of each environment returns, or its attribute of this name.

        Raises ValueError where they have none, or cannot be called one by one.
        """
        if not all(self._call("has_wrapper_attr", name)):
            raise ValueError(f"{self.spec.id} has nothing that is called {name!r}.")
        return self._call(name, *arguments, **keywords)

    def set_attr(self, name: str, value: Any) -> None:
        """Gives an attribute of every environment this value; raises ValueError where they have none of this name."""
        if not all(self._call("has_wrapper_attr", name)):
            raise ValueError(f"{self.spec.id} has no attribute {name!r}.")
        self._call("set_wrapper_attr", name, value)

    def _call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        raise ValueError(
            f"The environments of {self.spec.id} are stepped together and cannot be called one by one: train on a "
            "function that makes one, as in operant.PPO(lambda: gymnasium.make(…))."
        )


class NativeOnHost(HostEnvironments):
    """A native environment, stepped from Python with the very numbers that the loop on the device would see.

    Step t after `reset(key)` has the randomness of `fold_in(key, t)`, and the reset itself that of t = 0; of several
    keys, each gives its own environments theirs.
    """

    BLOCK = 256  # steps whose randomness is drawn at once

    def __init__(self, environment: Environment, num_envs: int) -> None:
        def noise(key: jax.Array, t: jax.Array | int) -> PyTree:
            if key.ndim == 0:
                return base.sample_noise(environment, jax.random.fold_in(key, t), num_envs)
            each = jax.vmap(
                lambda own: base.sample_noise(environment, jax.random.fold_in(own, t), num_envs // len(key))
            )
            return jax.tree.map(lambda x: x.reshape(num_envs, *x.shape[2:]), each(key))

        def reset(key: jax.Array, group: int) -> tuple[EnvironmentState, PyTree, PyTree]:
            return base.reset(environment, base.alike(noise(key, 0), group))

        def sample_noise(key: jax.Array, first: jax.Array | int) -> PyTree:
            return jax.vmap(lambda t: noise(key, t))(first + jnp.arange(self.BLOCK))

        def step(
            states: EnvironmentState, action: PyTree, block: PyTree, index: int
        ) -> tuple[EnvironmentState, TimeStep]:
            return base.step(environment, states, action, jax.tree.map(lambda x: x[index], block))

        self._environment = environment
        self.spec, self._goals = replace(environment.spec, num_envs=num_envs), native_goals(environment)
        self._reset, self._step = jax.jit(reset, static_argnums=1), jax.jit(step)
        self._sample_noise = jax.jit(sample_noise)

    def reset(
        self, key: jax.Array, start_key: jax.Array | None = None, group: int = 1
    ) -> tuple[PyTree, PyTree]:
        self._key, self._taken = key, 0
        self._states, observation, action_mask = self._reset(key if start_key is None else start_key, group)
        return jax.tree.map(np.asarray, (observation, action_mask))

    def step(self, action: PyTree) -> TimeStep:
        index = self._taken % self.BLOCK
        if index == 0:
            self._block = self._sample_noise(self._key, self._taken + 1)
        self._taken += 1
        self._states, timestep = self._step(self._states, action, self._block, index)
        return jax.tree.map(np.asarray, timestep)

    @property
    def goals(self) -> Goals | None:
        return self._goals

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics] | None:
        return self._environment.judge(experience)

    def close(self) -> None:
        """Nothing is held."""
