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
from operant.engine.collect import noise_of
from operant.engine.flat import Block, Layout, flatten, number
from operant.engine.learn import to_environment
from operant.networks.recurrent import reset_carry
from operant.ops.seeds import key_of
from operant.types import Clock, EnvSpec, PyTree

BLOCK = 64  # steps' randomness is drawn at once: drawn in every call, it takes longer than all the rest


@lru_cache(maxsize=64)  # shared by all policies of one kind, such as those of the evaluations during training
def _actor(layout: Layout, spec: EnvSpec, random: Layout | None) -> Callable[..., tuple[PyTree, PyTree]]:
    """`(arrays, observation, mask, carry, fresh, noise, index) → (action, carry)` over `spec.num_envs` environments.

    The noise is that of row `index` of arrays of the layout `random`; without that it acts greedily.
    """

    def act(arrays, observation, action_mask, carry, fresh, drawn, index):
        algorithm, state, _ = layout.tree(arrays)
        if fresh is not None:
            carry = reset_carry(carry, algorithm.initial_carry(state, spec.num_envs), fresh)
        noise = None if random is None else random.tree([leaf[index] for leaf in drawn])
        finished = Clock.finished()
        if noise is not None:
            noise = algorithm.exploration.fresh(noise, finished)
        action, carry, _ = algorithm.act(
            state, observation, action_mask, carry, noise, finished, explore=random is not None
        )
        return to_environment(spec.action_space, action), carry

    return jax.jit(act)


@lru_cache(maxsize=64)
def _drawer(layout: Layout, spec: EnvSpec) -> Callable[..., PyTree]:
    """`(arrays, first) → noise [BLOCK, …]` of the steps from `first` on."""

    def sample_noise(arrays, first):
        algorithm, _, key = layout.tree(arrays)
        return jax.vmap(lambda t: noise_of(algorithm, spec, key, t))(first + jnp.arange(BLOCK))

    return jax.jit(sample_noise)


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
        self._starts: dict[int, tuple[EnvSpec, PyTree]] = {}  # by batch size: a memory to begin with
        self._actors: dict[int, Callable] = {}
        self._noise: dict[int, Block] = {}

    @property
    def remembers(self) -> bool:
        """Whether it has a memory."""
        return bool(jax.tree.leaves(self._start(1)[1]))

    def __call__(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree, fresh: np.ndarray, t: int
    ) -> tuple[np.ndarray, PyTree]:
        spec, start = self._start(len(fresh))
        if carry is None:  # any of its kind, so that one compiled program does for all steps: all are fresh
            carry = start
        block = self._drawn(spec, t) if self.explore else None
        actor = self._actors.get(spec.num_envs)
        if actor is None:
            actor = _actor(self._layout, spec, None if block is None else block.layout)
            self._actors[spec.num_envs] = actor
        action, carry = actor(
            self._arrays,
            observation,
            action_mask,
            carry,
            fresh if jax.tree.leaves(start) else None,
            None if block is None else block.leaves,
            None if block is None else number(t - block.first),
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

    def _start(self, size: int) -> tuple[EnvSpec, PyTree]:
        """A batch of this size, and a memory of its shapes."""
        if size not in self._starts:
            shapes = jax.eval_shape(lambda state: self.algorithm.initial_carry(state, size), self.state)
            start = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
            self._starts[size] = replace(self.spec, num_envs=size), start
        return self._starts[size]

    def _drawn(self, spec: EnvSpec, t: int) -> Block:
        """The block of randomness that step t is in."""
        first = t // BLOCK * BLOCK
        block = self._noise.get(spec.num_envs)
        if block is None or block.first != first:
            drawn = _drawer(self._layout, spec)(self._arrays, np.int32(first))
            block = self._noise[spec.num_envs] = Block(first, *flatten(drawn))
        return block


class Actor:
    """A policy playing one environment, remembering what it needs between calls."""

    def __init__(self, policy: Callable[..., tuple[np.ndarray, PyTree]]) -> None:
        self._policy = policy  # over batches, as `Policy` is
        self.reset()

    def reset(self) -> None:
        """Forget: a new episode begins."""
        self._carry, self._fresh = None, True
        self._t = 0

    @property
    def carry(self) -> PyTree:
        """Its memory, `[1, …]`, before the next observation; None at the start of an episode."""
        return self._carry

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
