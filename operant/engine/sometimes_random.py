"""A policy that takes a random action now and then, as the first papers on Atari games score theirs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from operant.algorithms.random import Random, RandomState
from operant.engine.policy import Policy
from operant.types import EnvSpec, PyTree

Batch = Callable[..., tuple[np.ndarray, PyTree]]
"""`(observation, action mask, carry, fresh [M], t) → (action, carry)` over a batch of M environments."""


class SometimesRandom:
    """Another policy over batches, of which each action is a random possible one with probability ε.

    Mnih et al. 2013, section 5.3, and 2015, "Evaluation procedure", with ε = 0.05: a deterministic policy would play
    the same game again and again where nothing else is random.

    Args:
        policy: The other one, which remembers as if its own actions had been taken.
        spec: Of the environments.
        epsilon: ε.
        seed: Which actions are random, and which these are, is the same for the same seed, t and M.
    """

    def __init__(self, policy: Batch, spec: EnvSpec, epsilon: float, seed: int) -> None:
        self._policy, self._epsilon, self._seed = policy, epsilon, seed
        self._random = Policy(Random(), RandomState(spec), spec, explore=True, seed=seed)

    def __call__(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree, fresh: np.ndarray, t: int
    ) -> tuple[np.ndarray, PyTree]:
        action, carry = self._policy(observation, action_mask, carry, fresh, t)
        chosen = np.random.default_rng((self._seed, t)).random(len(fresh)) < self._epsilon
        if chosen.any():
            random, _ = self._random(observation, action_mask, None, fresh, t)
            action = np.where(chosen.reshape(-1, *[1] * (action.ndim - 1)), random, action)
        return action, carry
