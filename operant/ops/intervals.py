"""How sure a score is: means and interquartile means with bootstrap intervals, in NumPy.

All intervals are 95 % percentile bootstrap intervals (Efron & Tibshirani 1993, §13.3) from resamples drawn
with a fixed seed, so that the same values always give the same interval. They never leave the range of the
values, unlike a normal or t interval (no CartPole agent can score above 500); with fewer than about ten
values they are too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95
RESAMPLES = 5_000
_BLOCK = 2**21  # resampled numbers held at once: keeps the memory of long curves in bounds


def mean_interval(values: ArrayLike) -> tuple[float, float, float]:
    """`(mean, low, high)` of independent scores `[E]`: their mean and its 95 % percentile bootstrap interval.

    One score says nothing of its spread: its bounds are NaN. Raises ValueError for none.
    """
    scores = np.asarray(values, np.float64).ravel()
    low, high = bootstrap_interval(scores, np.mean)
    return float(scores.mean()), float(low), float(high)


def iqm(values: ArrayLike, axis: int = 0) -> np.ndarray:
    """The interquartile mean along `axis`: the mean of S values without the ⌊S/4⌋ lowest and highest.

    Less moved by one lucky seed than the mean, less wasteful than the median; with fewer than four values it
    is the mean. NaN where any value is. Agarwal et al. 2021, section 4.3.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=axis)  # NaN sorts last
    count = ordered.shape[axis]
    middle = np.take(ordered, np.arange(count // 4, count - count // 4), axis=axis).mean(axis=axis)
    return np.where(np.isnan(np.take(ordered, -1, axis=axis)), np.nan, middle)


def iqm_interval(values: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(iqm, low, high)`, each of shape `[…]`, over the first axis of values `[S, …]` (one row a seed).

    Whole rows are resampled, so the points of a curve stay together. NaN bounds for a single row.
    """
    rows = np.asarray(values, np.float64)
    return iqm(rows), *bootstrap_interval(rows, iqm)


def bootstrap_interval(
    values: np.ndarray, statistic: Callable[..., Any], level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """The bounds `(low, high)` `[…]` of `statistic(resamples, axis=1)` over the rows of `values` `[S, …]`."""
    if len(values) == 0:
        raise ValueError("An interval needs at least one value; got none.")
    if len(values) == 1:
        unknown = np.full(values.shape[1:], np.nan)
        return unknown, unknown
    generator = np.random.default_rng(0)
    block = max(1, _BLOCK // values.size)
    estimates = [
        statistic(
            values[generator.integers(len(values), size=(min(block, RESAMPLES - done), len(values)))], axis=1
        )
        for done in range(0, RESAMPLES, block)
    ]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(np.concatenate(estimates), tails, axis=0)
    return low, high
