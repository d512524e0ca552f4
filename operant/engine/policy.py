"""A trained policy outside training: compiled once for every batch size, with or without memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.collect import forget
from operant.engine.learn import to_environment
from operant.types import Clock, EnvSpec, PyTree


@partial(jax.jit, static_argnames=("spec", "explore"))
def _act(algorithm, state, observation, action_mask, carry, fresh, key, t, *, spec: EnvSpec, explore: bool):
    carry = forget(carry, algorithm.initial_carry(state, spec.num_envs), fresh)
    noise = algorithm.noise(spec, key, t) if explore else None
    finished = Clock(jnp.ones((), jnp.int32), jnp.ones((), jnp.int32))
    return algorithm.act(state, observation, action_mask, carry, noise, finished, explore=explore)


@partial(jax.jit, static_argnames="spec")
def _probabilities(algorithm, state, observation, action_mask, *, spec: EnvSpec):
    carry = algorithm.initial_carry(state, spec.num_envs)
    return algorithm.probabilities(spec, state, observation, action_mask, carry)


class Policy:
    """Acts for a batch of environments: `(observation, mask, carry, fresh [M], t) → (action, carry)`.

    `carry` is None at first; `fresh` marks environments whose episode has just begun, where memory starts anew. Without
    `explore` it takes the best known action, with it it samples, reproducibly by `seed` and t.
    """

    def __init__(
        self, algorithm: Algorithm, state: PyTree, spec: EnvSpec, *, explore: bool = False, seed: int = 0
    ) -> None:
        self.algorithm, self.state, self.spec, self.explore = algorithm, state, spec, explore
        self.key = jax.random.key(seed)

    def __call__(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree, fresh: np.ndarray, t: int
    ) -> tuple[np.ndarray, PyTree]:
        spec = replace(self.spec, num_envs=len(fresh))
        if (
            carry is None
        ):  # any of its kind, so that one compiled program does for all steps: all episodes are fresh
            shapes = jax.eval_shape(lambda state: self.algorithm.initial_carry(state, len(fresh)), self.state)
            carry = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
        action, carry = _act(
            self.algorithm,
            self.state,
            observation,
            action_mask,
            carry,
            fresh,
            self.key,
            t,
            spec=spec,
            explore=self.explore,
        )
        return to_environment(self.spec.action_space, np.asarray(action)), carry

    def probabilities(self, observation: PyTree, action_mask: PyTree) -> np.ndarray:
        """How likely each choice of a Discrete action space is at the start of an episode, `[M, n]`."""
        spec = replace(self.spec, num_envs=len(jax.tree.leaves(observation)[0]))
        return np.asarray(_probabilities(self.algorithm, self.state, observation, action_mask, spec=spec))


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
        observation, action_mask = jax.tree.map(lambda x: np.asarray(x)[None], (observation, action_mask))
        action, self._carry = self._policy(
            observation, action_mask, self._carry, np.array([self._fresh]), self._t
        )
        self._fresh, self._t = False, self._t + 1
        return action[0]
