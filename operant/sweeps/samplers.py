"""Where the next trials lie in a space: at random, on a grid, or where a sampler of Optuna's expects good ones.

A sampler is asked for some points at a time, and told what is known of all earlier ones. What it answers depends on its
seed and on these alone, so that a sweep that was killed asks for the same trials again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np

from operant.sweeps.space import Point, Range, Space

ATTEMPTS = 1_000  # at a point that can be trained with
LISTED = 100_000  # points of a space that are looked at one by one, so that none comes twice
OWN = ("random", "grid")
OPTUNA = ("tpe", "gp", "cmaes", "nsgaii", "qmc")  # names of samplers of Optuna's

Valid = Callable[[Point], bool]


class Told(NamedTuple):
    """What is known of a trial."""

    batch: int  # those of one batch were asked for together
    point: Point
    scores: Sequence[tuple[int, float]]  # (steps, score), rising
    finished: bool  # whether it was trained to the end


class Sampler(Protocol):
    """Answers with points; fewer than it is asked for where the space has no more."""

    def ask(self, count: int, known: Sequence[Told], valid: Valid) -> list[Point]: ...


class RandomSampler:
    """Every point is as likely as any other. Of a space of few points none comes twice."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed

    def ask(self, count: int, known: Sequence[Told], valid: Valid) -> list[Point]:
        """Points that `valid` allows; the i-th depends on the seed and on i alone."""
        size, first = self.space.size, len(known)
        if size is not None and size <= LISTED:
            points = [point for point in self.space.product() if valid(point)]
            order = np.random.default_rng(self.seed).permutation(len(points))
            return [points[i] for i in order[first : first + count]]
        return [self.drawn(first + i, valid) for i in range(count)]

    def drawn(self, index: int, valid: Valid) -> Point:
        """The point of this number. Raises ValueError where none is found that `valid` allows."""
        generator = np.random.default_rng((self.seed, index))
        for _ in range(ATTEMPTS):
            point = {name: each.at(generator.random()) for name, each in self.space.dimensions.items()}
            if valid(point):
                return point
        raise impossible()


class GridSampler:
    """All combinations: of every choice, and of a range as many numbers as `trials` allows, its ends included."""

    def __init__(self, space: Space, trials: int | None) -> None:
        self.space, self.counts = space, grid_counts(space, trials)

    def ask(self, count: int, known: Sequence[Told], valid: Valid) -> list[Point]:
        """The next points in order that `valid` allows."""
        points = [point for point in self.space.product(self.counts) if valid(point)]
        if not points:
            raise impossible()
        return points[len(known) : len(known) + count]


def grid_counts(space: Space, trials: int | None) -> dict[str, int]:
    """How many numbers of each range are on a grid of at most `trials` points.

    Raises ValueError where that is less than two for a range, or the choices alone are more.
    """
    ranges = {name: each for name, each in space.dimensions.items() if isinstance(each, Range)}
    listed = math.prod(each.size or 1 for name, each in space.dimensions.items() if name not in ranges)
    if not ranges:
        if trials is not None and listed > trials:
            raise ValueError(
                f"trials={trials}: the grid has {listed:,} points. Raise it, leave it out for all of them, or take "
                "sampler='random'."
            )
        return {}
    if trials is None:
        raise ValueError(
            f"trials=None: a grid over ranges ({', '.join(ranges)}) needs their number; or list the values."
        )
    each = math.floor((trials / listed) ** (1 / len(ranges)) + 1e-9)
    if each < 2:
        raise ValueError(
            f"trials={trials}: a grid with both ends of {', '.join(ranges)} has at least {listed * 2 ** len(ranges):,} "
            "points. Raise it, or take sampler='random'."
        )
    return {name: min(each, found.size or each) for name, found in ranges.items()}


def usual() -> str:
    """The sampler where none is named: TPE where Optuna is installed."""
    return "tpe" if find_spec("optuna") is not None else "random"


def make(name: Any, space: Space, seed: int, trials: int | None) -> Sampler:
    """The sampler of this name, or around a sampler of Optuna's. Raises ValueError for others."""
    if name == "random":
        return RandomSampler(space, seed)
    if name == "grid":
        return GridSampler(space, trials)
    if isinstance(name, str) and name not in OPTUNA:
        raise ValueError(f"sampler={name!r}: must be one of {', '.join((*OWN, *OPTUNA))}.")
    require_optuna(name)
    from operant.sweeps.optuna_sampler import OptunaSampler

    return OptunaSampler(space, name, seed)


def require_optuna(name: Any) -> None:
    """Raise ValueError, with the remedy, where a sampler of Optuna's is asked for and cannot be had."""
    needed = {"tpe": (), "gp": ("torch",), "cmaes": ("cmaes",), "nsgaii": (), "qmc": ()}
    for module in ("optuna", *needed.get(name, ())):
        if find_spec(module) is None:
            extra = "operant-rl[sweep]" if module == "optuna" else module
            raise ValueError(
                f"sampler={name!r}: needs {module}: pip install '{extra}'; random and grid need nothing."
            )


def impossible() -> ValueError:
    """No point of the space can be trained with."""
    return ValueError(
        "no combination of these values can be trained with: the algorithm refuses them all. `operant train` says why."
    )
