"""Successive halving: the worse trials are stopped early, and what they would have cost goes to others.

Jamieson & Talwalkar 2016 (arXiv:1502.07943), in the form of Li et al. 2018 (Hyperband, arXiv:1603.06560): of n trials
that begin, n/ηⁱ train beyond the i-th of the rungs, which lie at R/ηᵏ, …, R/η² and R/η of R steps. Schedules of a trial
are those of a training of R steps, wherever it is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def rungs(total: int, trials: int, factor: int, least: int) -> list[int]:
    """The steps at which some of the trials are stopped, rising, none below `least` and none at `total`.

    There are so many that at least one trial is left: at most log_η(trials).
    """
    found = []
    for power in range(1, math.floor(math.log(max(trials, 1), factor) + 1e-9) + 1):
        steps = math.ceil(total / factor**power)
        if steps < least:
            break
        found.append(steps)
    return found[::-1]


def kept(trials: int, factor: int, rung: int) -> int:
    """How many of those that began train on after this rung, counted from 0."""
    return max(1, trials // factor ** (rung + 1))


def survivors(scores: Mapping[int, float], count: int) -> list[int]:
    """The trials with the highest scores, by number and in order; of equals the earlier, and NaN is below all."""
    return sorted(ranked(scores)[:count])


def ranked(scores: Mapping[int, float]) -> list[int]:
    """All trials, the best first."""
    return sorted(scores, key=lambda number: (-_comparable(scores[number]), number))


def steps_of(total: int, trials: int, factor: int, at: Sequence[int]) -> int:
    """How many steps all trials together train for, with rungs at these steps."""
    ends, alive, before, spent = [*at, total], trials, 0, 0
    for rung, end in enumerate(ends):
        spent += alive * (end - before)
        alive, before = kept(trials, factor, rung), end
    return spent


def _comparable(score: float) -> float:
    return -math.inf if math.isnan(score) else score
