"""A trained policy outside training: compiled once for every batch size, with or without memory.

Its parameters are put together once, as few arrays, so that a call costs little more than the computation does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.collect import forget
from operant.engine.flat import Layout, flatten
from operant.engine.learn import to_environment
from operant.ops.seeds import key_of
from operant.types import Clock, EnvSpec, PyTree


@lru_cache(maxsize=64)  # shared by all policies of one kind, such as those of the evaluations during training
def _actor(layout: Layout, spec: EnvSpec, explore: bool) -> Callable[..., tuple[PyTree, PyTree]]:
    """`(arrays, observation, mask, carry, fresh, t) → (action, carry)` over `spec.num_envs` environments."""

    def act(arrays, observation, action_mask, carry, fresh, t):
        algorithm, state, key = layout.tree(arrays)
        if fresh is not None:
            carry = forget(carry, algorithm.initial_carry(state, spec.num_envs), fresh)
        noise = algorithm.noise(spec, key, t) if explore else None
        finished = Clock(jnp.ones((), jnp.int32), jnp.ones((), jnp.int32))
        action, carry = algorithm.act(
            state, observation, action_mask, carry, noise, finished, explore=explore
        )
        return to_environment(spec.action_space, action), carry

    return jax.jit(act)


@lru_cache(maxsize=64)
def _asked(layout: Layout, spec: EnvSpec, question: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """`(arrays, *arguments) → question(algorithm, spec, state, *arguments, carry)` at the start of an episode."""

    def ask(arrays, *arguments):
        algorithm, state, _ = layout.tree(arrays)
        carry = algorithm.initial_carry(state, spec.num_envs)
        return question(algorithm, spec, state, *arguments, carry)

    return jax.jit(ask)


def _probabilities(algorithm: Algorithm, *arguments: Any) -> jax.Array:
    return algorithm.probabilities(*arguments)


class Policy:
    """Acts for a batch of environments: `(observation, mask, carry, fresh [M], t) → (action, carry)`.

    `carry` is None at first; `fresh` marks environments whose episode has just begun, where memory starts anew. Without
    `explore` it takes the best known action, with it it samples, reproducibly by `seed` and t.
    """

    def __init__(
        self, algorithm: Algorithm, state: PyTree, spec: EnvSpec, *, explore: bool = False, seed: int = 0
    ) -> None:
        self.algorithm, self.state, self.spec, self.explore = algorithm, state, spec, explore
        known = jax.tree.map(
            lambda x: x if isinstance(x, jax.Array) else jnp.asarray(x), (algorithm, state, key_of(seed))
        )
        self._arrays, self._layout = flatten(known, pack=True)
        self._actors: dict[int, tuple[Callable, PyTree]] = {}  # by batch size, with a memory to begin with

    @property
    def remembers(self) -> bool:
        """Whether it has a memory."""
        return bool(jax.tree.leaves(self._sized(1)[1]))

    def __call__(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree, fresh: np.ndarray, t: int
    ) -> tuple[np.ndarray, PyTree]:
        actor, start = self._sized(len(fresh))
        if carry is None:  # any of its kind, so that one compiled program does for all steps: all are fresh
            carry = start
        action, carry = actor(
            self._arrays,
            observation,
            action_mask,
            carry,
            fresh if jax.tree.leaves(start) else None,
            np.int32(t) if self.explore else None,
        )
        return np.asarray(action), carry

    def probabilities(self, observation: PyTree, action_mask: PyTree) -> np.ndarray:
        """How likely each choice of a Discrete action space is at the start of an episode, `[M, n]`."""
        return np.asarray(self.ask(_probabilities, observation, action_mask))

    def ask(self, question: Callable[..., PyTree], observation: PyTree, *arguments: PyTree) -> PyTree:
        """`question(algorithm, spec, state, observation, *arguments, carry)` over a batch, compiled.

        The question is a function of a module: it is what the compiled program is found by.
        """
        spec = replace(self.spec, num_envs=len(jax.tree.leaves(observation)[0]))
        return _asked(self._layout, spec, question)(self._arrays, observation, *arguments)

    def _sized(self, size: int) -> tuple[Callable, PyTree]:
        """How to act for a batch of this size, and a memory of its shapes."""
        if size not in self._actors:
            spec = replace(self.spec, num_envs=size)
            shapes = jax.eval_shape(lambda state: self.algorithm.initial_carry(state, size), self.state)
            start = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
            self._actors[size] = _actor(self._layout, spec, self.explore), start
        return self._actors[size]


class Actor:
    """A policy playing one environment, remembering what it needs between calls."""

    def __init__(self, policy: Callable[..., tuple[np.ndarray, PyTree]]) -> None:
        self._policy = policy  # over batches, as `Policy` is
        self.reset()

    def reset(self) -> None:
        """Forget: a new episode begins."""
        self._carry, self._fresh = None, True
        self._t = 0

    def __call__(self, observation: PyTree, action_mask: PyTree = None) -> np.ndarray:
        """The action for one observation."""
        return self.step(*jax.tree.map(lambda x: np.asarray(x)[None], (observation, action_mask)))[0]

    def step(self, observation: PyTree, action_mask: PyTree) -> np.ndarray:
        """The same over a batch of one."""
        action, self._carry = self._policy(
            observation, action_mask, self._carry, np.array([self._fresh]), self._t
        )
        self._fresh, self._t = False, self._t + 1
        return action
