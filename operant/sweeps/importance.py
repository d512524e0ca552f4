"""How much of the differences between trials each hyperparameter explains, by itself.

For each dimension the trials are put into groups of like values: one for each choice, and for numbers groups of equal
size, half as many as the square root of the number of trials and at least two. Of the ranks of the scores, the share of
their variance that lies between the groups is η² = SS_between / SS_total. By chance alone it is (k − 1)/(n − 1) for k
groups of n trials, so what is reported is ε² (Kelley 1935), which is 0 by chance on average:

    ε² = (SS_between − (k − 1) MS_within) / SS_total

and a p-value, the share of 2,000 random orders of the scores whose η² is at least as large. It is a main effect, what a
dimension explains while the others vary as they were sampled: one that matters in combination only has none. All scores
are of the same number of steps, the one at which most trials were scored, so that those stopped early count.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from operant.sweeps.space import Choice, Range, Space
from operant.sweeps.trial import Trial

SHUFFLES = 2_000
FEWEST = 8  # trials, below which nothing is said


class Importance(NamedTuple):
    """Of one dimension."""

    name: str
    share: float  # ε², at most 1; 0 where it is negative
    p_value: float


def importances(space: Space, trials: Sequence[Trial]) -> tuple[int, list[Importance]]:
    """`(steps, of each dimension)`, the most important first; none of fewer than `FEWEST` trials."""
    steps = Counter(score.step for trial in trials for score in trial.scores)
    if not steps or max(steps.values()) < FEWEST:
        return 0, []
    at = max(steps, key=lambda step: (steps[step], step))
    scored = {trial.number: score.mean for trial in trials for score in trial.scores if score.step == at}
    # One that diverged is worse than all others.
    scores = np.array([-np.inf if math.isnan(score) else score for score in scored.values()])
    points = [trial.point for trial in trials if trial.number in scored]
    found = [
        Importance(name, *share_of(_groups(dimension, [point[name] for point in points]), scores))
        for name, dimension in space.dimensions.items()
    ]
    return at, sorted(found, key=lambda each: -each.share)


def share_of(groups: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """`(ε², p-value)` of scores `[n]` in groups `[n]`, numbered from 0."""
    ranks = _ranks(scores)
    kinds = len(np.unique(groups))
    total = float(np.sum((ranks - ranks.mean()) ** 2))
    if kinds < 2 or kinds >= len(ranks) or total == 0:
        return 0.0, 1.0
    between = _between(groups, ranks[None])[0]
    within = (total - between) / (len(ranks) - kinds)
    generator = np.random.default_rng(0)
    shuffled = generator.permuted(np.tile(ranks, (SHUFFLES, 1)), axis=1)
    at_least = int(np.sum(_between(groups, shuffled) >= between - 1e-9))
    share = (between - (kinds - 1) * within) / total
    return max(0.0, float(share)), (at_least + 1) / (SHUFFLES + 1)


def _between(groups: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The sum of squares between groups of each row of ranks `[R, n]`."""
    found = np.zeros(len(ranks))
    for group in np.unique(groups):
        members = groups == group
        found += members.sum() * (ranks[:, members].mean(axis=1) - ranks.mean(axis=1)) ** 2
    return found


def _ranks(scores: np.ndarray) -> np.ndarray:
    """From 1 for the lowest; equal scores share the mean of theirs."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


def _groups(dimension: Range | Choice, values: Sequence[Any]) -> np.ndarray:
    """Which group each value is in; equal values are in one."""
    if isinstance(dimension, Choice):
        return np.array([dimension.index(value) for value in values])
    count = max(2, math.isqrt(len(values)) // 2)
    ranks = _ranks(np.array(values, float))
    return np.minimum((count * (ranks - 0.5) / len(values)).astype(int), count - 1)
