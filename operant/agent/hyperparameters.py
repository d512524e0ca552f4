"""The hyperparameters of what is being trained: which are traced, and how one is changed."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import jax
import numpy as np

from operant.agent import around, inputs
from operant.agent.core import Core
from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.ops import schedules
from operant.ops.schedules import Schedule
from operant.types import EnvSpec, PyTree

SIZES = ("capacity", "n_step", "priority", "sequence")  # of a Replay: what is stored depends on them


def traced(core: Core) -> dict[str, float | str]:
    """Those that can be changed while the compiled program runs on, as they are: numbers, and schedules as text."""
    inner = core.algorithm.innermost
    return {
        field.name: str(value) if isinstance(value, Schedule) else np.asarray(value).item()
        for field in fields(inner)
        if not field.metadata.get("static") and _is_number(value := getattr(inner, field.name))
    }


def _is_number(value: Any) -> bool:
    if isinstance(value, Schedule):
        return bool(jax.tree.leaves(value))  # of a function of the user's there is no number to change
    scalar = isinstance(value, int | float | np.number | jax.Array) and not isinstance(value, bool)
    return scalar and np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiu"


def change(core: Core, name: str, value: Any) -> None:
    """Give a hyperparameter another value. Raises ValueError where what has been learnt would not fit."""
    core.tune(*changed(core, name, value))


def changed(core: Core, name: str, value: Any) -> tuple[Algorithm, bool]:
    """`(the algorithm with another value, whether nothing is compiled anew)`. Raises ValueError as `change`."""
    algorithm = _with(core, name, value)
    same = jax.tree.structure(algorithm) == jax.tree.structure(core.algorithm)
    if not same and not _fits(core, algorithm):
        raise ValueError(
            f"agent.{name} = {value!r}: what has been learnt, or what is in replay, would not fit it. Make another "
            f"agent with {name}=…, or load a saved one with it: operant.load(path, {name}=…)."
        )
    return algorithm, same


def changed_traced(core: Core, name: str, value: float | str) -> tuple[Algorithm, bool]:
    """The same for those of `traced` only. A number in the place of a schedule is a constant schedule of its kind, and
    a schedule where there was a number, or another kind of schedule, is compiled once.

    Raises ValueError naming those that can be changed, and as `change`.
    """
    known = traced(core)
    if name not in known:
        raise ValueError(
            f"{name}: {core.name} cannot change it while it trains. Those that can be: {', '.join(sorted(known))}."
        )
    new: Any = _parsed(name, value) if isinstance(value, str) else value
    inner = core.algorithm.innermost
    before = getattr(inner, name)
    if isinstance(before, Schedule) and not isinstance(new, Schedule):
        kind: Any = type(before)
        new = kind(new, new)  # of every kind start and end come first
    return changed(core, name, new)


def _parsed(name: str, text: str) -> float | Schedule:
    try:
        return schedules.parse(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _with(core: Core, name: str, value: Any) -> Algorithm:
    """The algorithm with this value. Raises ValueError where it cannot be, or cannot learn in this environment."""
    inner, *kept = around.parts(core.algorithm)
    values = {field.name: getattr(inner, field.name) for field in fields(inner)} | {name: value}
    algorithm = around.put(registry.build(type(inner), values), *kept)
    algorithm.check(core.spec)
    algorithm.experience.require_shared(core.num_envs)
    inputs.require_same_discount(algorithm, core.source.wrappers)
    return algorithm


def _fits(core: Core, algorithm: Algorithm) -> bool:
    """Whether a state of this core's, and its replay, can be that algorithm's."""
    now, then = core.algorithm.experience, algorithm.experience
    if type(now) is not type(then):
        return False
    stored = core.learner.run is not None and now.replay is not None
    if stored and any(getattr(now, size) != getattr(then, size) for size in SIZES):
        return False
    return _shapes(core.algorithm, core.spec) == _shapes(algorithm, core.spec)


def _shapes(algorithm: Algorithm, spec: EnvSpec) -> tuple[PyTree, list]:
    """Structure, shapes and dtypes of an algorithm's state."""
    state = jax.eval_shape(lambda: algorithm.init(spec, jax.random.key(0)))
    return jax.tree.structure(state), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state)]
