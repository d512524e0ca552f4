"""Whether one set of scores is better than another: differences and probabilities with bootstrap intervals, in NumPy.

Each set is resampled by itself, as strata (Agarwal et al. 2021, arXiv:2108.13264, section 4.1); pairs, such as two
policies in the same episodes, are resampled together. Intervals are those of `operant.ops.intervals`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from operant.ops.intervals import LEVEL, RESAMPLES

Estimate = tuple[float, float, float]
"""`(value, low, high)`; the bounds are NaN where a set holds a single score."""


def difference(
    a: np.ndarray, b: np.ndarray, statistic: Callable[..., Any], *, paired: bool = False
) -> Estimate:
    """`statistic(a) − statistic(b)` of scores `[A]` and `[B]` and its interval; `statistic(scores, axis=…)`."""
    value = float(statistic(a, axis=0) - statistic(b, axis=0))
    if min(len(a), len(b)) < 2:
        return value, np.nan, np.nan
    of_a, of_b = _resamples(len(a), len(b), paired=paired)
    return value, *_bounds(statistic(a[of_a], axis=1) - statistic(b[of_b], axis=1))


def probability_of_improvement(a: np.ndarray, b: np.ndarray, *, paired: bool = False) -> Estimate:
    """P(X > Y) + ½ P(X = Y) for X drawn from scores `[A]` and Y from `[B]`, and its interval.

    The Mann–Whitney statistic over A·B (Agarwal et al. 2021, section 4.3).
    """
    better = (a[:, None] > b) + 0.5 * (a[:, None] == b)  # [A, B]
    value = float(better.mean())
    if min(len(a), len(b)) < 2:
        return value, np.nan, np.nan
    times_a, times_b = (
        _counts(chosen, n)
        for chosen, n in zip(_resamples(len(a), len(b), paired=paired), better.shape, strict=True)
    )
    return value, *_bounds(((times_a @ better) * times_b).sum(axis=1) / better.size)


def performance_profile(
    scores: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The fraction of scores `[S]` above each of the thresholds `[K]`, with pointwise bounds (ibid., section 4.2)."""
    above = scores[:, None] > thresholds  # [S, K]
    if len(scores) < 2:
        unknown = np.full(len(thresholds), np.nan)
        return above.mean(axis=0), unknown, unknown
    (chosen,) = _resamples(len(scores))
    low, high = _quantiles(_counts(chosen, len(scores)) @ above / len(scores))
    return above.mean(axis=0), low, high


def _resamples(*sizes: int, paired: bool = False) -> list[np.ndarray]:
    """Indices `[R, n]` for each of these sizes n, the same at every call; of pairs the same for all."""
    generator = np.random.default_rng(0)
    if paired:
        return [generator.integers(sizes[0], size=(RESAMPLES, sizes[0]))] * len(sizes)
    return [generator.integers(size, size=(RESAMPLES, size)) for size in sizes]


def _counts(chosen: np.ndarray, size: int) -> np.ndarray:
    """How often each of `size` things was chosen in each row of indices `[R, n]`: `[R, size]`."""
    rows = np.arange(len(chosen))[:, None] * size
    return np.bincount((chosen + rows).ravel(), minlength=len(chosen) * size).reshape(-1, size).astype(float)


def _quantiles(estimates: np.ndarray) -> np.ndarray:
    return np.quantile(estimates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)


def _bounds(estimates: np.ndarray) -> tuple[float, float]:
    low, high = _quantiles(estimates)
    return float(low), float(high)
