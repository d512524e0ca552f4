"""An algorithm that is looked at while it is compiled: what `update` and `update_statistics` are given and return."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from operant.algorithms.base import Algorithm
from operant.authoring.words import FaultError, require_alike, require_arrays, shape
from operant.ops.metrics import Masked
from operant.types import PyTree

STATE = "Return a state of the same kind, its arrays of the shapes and dtypes that `init` gave them."


@dataclasses.dataclass
class Seen:
    """What was seen: the shapes of a batch, and the names of metrics."""

    batch: Any = None
    metrics: tuple[str, ...] = ()


def watched(algorithm: Algorithm, seen: Seen) -> Algorithm:
    """The same algorithm, which raises FaultError, in plain words, for what no loop can work with."""
    cls: Any = type(algorithm)

    def update(self: Any, state: PyTree, batch: Any, key: jax.Array, clock: Any) -> Any:
        learnt = cls.update(self, state, batch, key, clock)
        if not isinstance(learnt, tuple) or len(learnt) not in (2, 3):
            raise FaultError(
                f"update must return (state, metrics); it returned {_described(learnt)}. With Replay(…, priority=True) "
                "it is (state, metrics, priority)."
            )
        require_arrays("the state that update returns", learnt[0])
        require_alike("the state that update returns", state, learnt[0], STATE)
        _look_at_metrics(learnt[1])
        seen.batch = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), batch)
        seen.metrics = tuple(learnt[1])
        return learnt

    def update_statistics(self: Any, state: PyTree, transition: Any) -> PyTree:
        after = cls.update_statistics(self, state, transition)
        require_alike("the state that update_statistics returns", state, after, STATE)
        return after

    body = {
        "__module__": cls.__module__,
        "__doc__": cls.__doc__,
        "update": update,
        "update_statistics": update_statistics,
    }
    copy: Any = object.__new__(type(cls)(cls.__name__, (cls,), body))
    for field in dataclasses.fields(cls):
        object.__setattr__(copy, field.name, getattr(algorithm, field.name))
    return copy


def _look_at_metrics(metrics: Any) -> None:
    if not isinstance(metrics, dict):
        raise FaultError(
            f"metrics must be a dict of scalars, such as {{'train/loss': loss}}; they are {_described(metrics)}."
        )
    for name, value in metrics.items():
        value = value.value if isinstance(value, Masked) else value
        if np.shape(value) != ():
            raise FaultError(
                f"the metric {name!r} is {shape(value)}: metrics are scalars. Return its mean, or another one number."
            )


def _described(value: Any) -> str:
    return f"{len(value)} things" if isinstance(value, tuple | list) else f"a {type(value).__name__}"
