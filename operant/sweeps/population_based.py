"""Population-based training (Jaderberg et al. 2017, arXiv:1711.09846): who copies whom, and what is tried next.

At the end of every interval a member of the worst fifth goes on from what one of the best fifth has learnt (exploit, by
truncation selection) with that one's hyperparameters, each of them changed (explore, by perturbation). What comes of it
is a schedule of hyperparameters rather than one value of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from operant.fields import NUMBER, TABLE, check, optional, whole
from operant.sweeps.halving import ranked
from operant.sweeps.space import Choice, Point, Range, Space

FACTORS = (0.8, 1.2)  # by which a number is multiplied (ibid., section 4.1)


@dataclass(frozen=True)
class Exchange:
    """What happened after an interval: who had which score, who copied whom, and with which values all went on."""

    step: int
    scores: Mapping[int, float]
    sources: Mapping[int, int]  # of every member itself, or the one that it copied
    points: Mapping[int, Point]  # from then on

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "step": self.step,
            "scores": {str(n): None if math.isnan(x) else x for n, x in self.scores.items()},
            "sources": {str(n): source for n, source in self.sources.items()},
            "points": {str(n): point for n, point in self.points.items()},
        }

    @classmethod
    def from_json(cls, values: Any) -> Exchange:
        """What `to_json` wrote. Raises FileError naming the field that is wrong."""
        check(values, {"step": whole(0, 2**31 - 1), "scores": TABLE, "sources": TABLE, "points": TABLE})
        check(values["scores"], dict.fromkeys(values["sources"], optional(NUMBER)), "scores")
        check(values["sources"], dict.fromkeys(values["sources"], whole()), "sources")
        check(values["points"], dict.fromkeys(values["sources"], TABLE), "points")
        scores = {int(n): math.nan if x is None else float(x) for n, x in values["scores"].items()}
        sources = {int(n): source for n, source in values["sources"].items()}
        return cls(values["step"], scores, sources, {int(n): point for n, point in values["points"].items()})


def exchange(
    step: int,
    scores: Mapping[int, float],
    points: Mapping[int, Point],
    space: Space,
    quantile: float,
    generator: np.random.Generator,
) -> Exchange:
    """What happens after an interval. Where not even the best has a score, nobody copies anybody."""
    order = ranked(scores)
    count = max(1, math.floor(quantile * len(order) + 1e-9))
    best, worst = order[:count], sorted(order[-count:])
    best = [number for number in best if not math.isnan(scores[number])]
    sources, new = {number: number for number in points}, dict(points)
    for number in worst if best else ():
        sources[number] = best[int(generator.integers(len(best)))]
        new[number] = explored(space, points[sources[number]], generator)
    return Exchange(step, dict(scores), sources, new)


def explored(space: Space, point: Point, generator: np.random.Generator) -> Point:
    """A point whose numbers are 0.8 or 1.2 times those of another, and whose choices are next to its, within the space.

    A whole number changes by 1 at the least.
    """
    return {
        name: _next(dimension, point[name], int(generator.integers(2)))
        for name, dimension in space.dimensions.items()
    }


def _next(dimension: Range | Choice, value: Any, up: int) -> Any:
    if isinstance(dimension, Choice):
        index = dimension.index(value) + (1 if up else -1)
        return dimension.values[min(max(index, 0), len(dimension.values) - 1)]
    new = value * FACTORS[up]
    if dimension.whole:
        new = round(new)
        new = value + (1 if up else -1) if new == value else new
    return min(max(new, dimension.low), dimension.high)


def lineage(
    start: Mapping[int, Point], exchanges: Sequence[Exchange], member: int
) -> list[tuple[int, int, Point]]:
    """`(step, member, point)` of each interval, in order: whose training led to what this member knows in the end."""
    found = []
    for event in reversed(exchanges):
        found.append((event.step, member, event.points[member]))
        member = event.sources[member]
    found.append((0, member, start[member]))
    return found[::-1]


def schedule(path: Sequence[tuple[int, int, Point]], name: str) -> list[tuple[int, Any]]:
    """`(step, value)` from which on each value of a dimension holds; what stays the same comes once."""
    found: list[tuple[int, Any]] = []
    for step, _, point in path:
        if not found or found[-1][1] != point[name]:
            found.append((step, point[name]))
    return found
