"""Policies written by hand, in plain Python, as policies over batches."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from operant import spaces
from operant.engine.learn import to_environment
from operant.spaces import Space
from operant.types import PyTree

Written = Callable[..., Any]
"""`(observation) → action`, or `(observation, action_mask) → action`, of one environment at a time.

One that remembers is an object with `reset()`, which is called before each episode; every environment has a copy.
"""


class WrittenPolicy:
    """Acts for a batch of environments: `(observation, mask, carry, fresh [M], t) → (action, carry)`.

    The carry is what is called for each environment.
    """

    def __init__(self, function: Written, action_space: Space) -> None:
        self._function, self._space = function, action_space
        self._remembers = callable(getattr(function, "reset", None))
        self._masked = "action_mask" in inspect.signature(function).parameters

    def __call__(
        self, observation: PyTree, action_mask: PyTree, carry: list | None, fresh: np.ndarray, t: int
    ) -> tuple[np.ndarray, list]:
        if carry is None:
            carry = [copy.deepcopy(self._function) if self._remembers else self._function for _ in fresh]
        actions = []
        for i, function in enumerate(carry):
            if self._remembers and fresh[i]:
                function.reset()
            seen, mask = jax.tree.map(lambda x, i=i: x[i], (observation, action_mask))
            action = function(seen, action_mask=mask) if self._masked else function(seen)
            reason = spaces.mismatch(self._space, action, name="action")
            if reason is not None:
                raise ValueError(f"{_name(self._function)} is no policy here: {reason}")
            actions.append(spaces.cast(self._space, action))
        return to_environment(self._space, np.stack(actions)), carry


def _name(function: Written) -> str:
    return getattr(function, "__name__", type(function).__name__)
