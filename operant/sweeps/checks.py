"""What is refused before anything is trained: values that an algorithm does not take, and too many programs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from operant.agent import inputs
from operant.algorithms.varied import apart
from operant.envs.source import Source
from operant.sweeps.request import Request
from operant.sweeps.space import Choice, Point, Range

MOST_PROGRAMS = 64
MOST_OF_A_RANGE = 8  # programs for which a range need not be written as a list


def validity(request: Request, source: Source) -> Callable[[Point], bool]:
    """Whether a trial can be trained at a point: its values may be right one by one and not together."""

    def valid(point: Point) -> bool:
        try:
            require_valid(request, source, point)
        except ValueError:
            return False
        return True

    return valid


def require_valid(request: Request, source: Source, point: Point | None) -> None:
    """Raise ValueError, naming the hyperparameter, where nothing can be trained at a point; or, without one, with the
    values that all trials share.
    """
    algorithm = request.algorithm_at(point)
    copies = request.num_envs if point is None else request.num_envs_at(point)
    if copies is not None and copies < 1:
        raise ValueError(f"num_envs={copies}: must be at least 1.")
    copies = inputs.copies(source, copies, algorithm.default_num_envs, 1)
    algorithm.check(replace(source.spec, num_envs=copies))
    algorithm.experience.require_shared(copies)
    inputs.require_same_discount(algorithm, source.wrappers)
    inputs.require_learning(algorithm.experience, copies, request.total_timesteps)


def require_space(request: Request, source: Source) -> dict[str, int]:
    """How many programs each static dimension makes, by name; without those that make one.

    Raises ValueError for values that the algorithm does not take, and where there would be too many programs.
    """
    found = {}
    for name, dimension in request.space.dimensions.items():
        programs = _programs(request, source, name, dimension)
        if programs > 1:
            found[name] = programs
    if request.scheduler == "population" and found:
        name = next(iter(found))
        raise ValueError(
            f"{name}={request.space.dimensions[name]}: a population changes hyperparameters while it trains, and this "
            "one is static: each value is a program of its own. Sweep it with scheduler='halving'."
        )
    together = math.prod(found.values())
    if min(together, request.trials) > MOST_PROGRAMS:
        listed = ", ".join(f"{name} ({count})" for name, count in found.items())
        raise ValueError(
            f"{', '.join(found)}: static hyperparameters, whose combinations make {together:,} programs: {listed}. At "
            f"most {MOST_PROGRAMS} are compiled; give fewer values, or sweep one after the other."
        )
    return found


def _programs(request: Request, source: Source, name: str, dimension: Range | Choice) -> int:
    """How many programs the values of a dimension need; of a range its ends are looked at."""
    values = dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
    kinds = {_program(request, source, name, value) for value in values}
    if isinstance(dimension, Choice) or len(kinds) == 1:
        return len(kinds)
    if dimension.size is None or dimension.size > MOST_OF_A_RANGE:
        of_it = "its values" if dimension.size is None else f"the {dimension.size:,} values"
        raise ValueError(
            f"{name}={dimension}: each of {of_it} would be a program of its own. List a few, such as "
            f"{', '.join(f'{value:g}' for value in dimension.points(3))}."
        )
    return dimension.size


def _program(request: Request, source: Source, name: str, value: Any) -> Any:
    """What tells the program of this value from others, the other dimensions being in the middle.

    Raises ValueError where the algorithm does not take the value.
    """
    middle = {key: each.at(0.5) for key, each in request.space.dimensions.items()}
    point = middle | {name: value}
    algorithm = request.algorithm_at(point)  # says so where the value is out of its range
    copies = request.num_envs_at(point) or algorithm.default_num_envs
    return copies, *apart(algorithm, replace(source.spec, num_envs=copies))
