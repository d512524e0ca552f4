"""Functions of one observation, in plain Python, as policies over batches."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from operant.engine.learn import to_environment
from operant.envs.border import Border
from operant.types import EnvSpec, PyTree

PolicyFunction = Callable[..., Any]
"""`(observation) → action`, or `(observation, action_mask) → action`, of one environment at a time.

One that remembers is an object with `reset()`, which is called before each episode; every environment has a copy.
"""


class ScriptedBatchPolicy:
    """Acts for a batch of environments: `(observation, mask, carry, fresh [M], t) → (action, carry)`.

    The carry is what is called for each environment. The function sees and answers what the environment gives and
    takes: choices counted from their start.
    """

    def __init__(self, function: PolicyFunction, spec: EnvSpec) -> None:
        self._function, self._space, self._border = function, spec.action_space, Border.of(spec)
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
            seen = self._border.observation_out(seen)
            action = function(seen, action_mask=mask) if self._masked else function(seen)
            try:
                actions.append(self._border.action_in(action))
            except ValueError as error:
                raise ValueError(f"{_name(self._function)} is no policy here: {error}") from None
        return to_environment(self._space, np.stack(actions)), carry


def _name(function: PolicyFunction) -> str:
    return getattr(function, "__name__", type(function).__name__)
