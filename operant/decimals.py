"""Scores as text, with as many decimals as tell them apart."""

from __future__ import annotations

import math

SHARES = 3  # decimals of scores between −1 and 1, as those of tasks that are right or wrong


def scores(*values: float) -> list[str]:
    """Scores that are shown together, with a decimal each; with three where all are between −1 and 1, and some is no
    whole number.
    """
    shares = all(abs(value) <= 1 for value in values) and any(value % 1 for value in values)
    return [f"{value:.{SHARES if shares else 1}f}" for value in values]


def score(mean: float, interval: tuple[float, float] | None = None) -> str:
    """A score, with its interval where it has one: 0.972 [0.954, 0.986]."""
    if interval is None or not all(map(math.isfinite, interval)):
        return scores(mean)[0]
    value, low, high = scores(mean, *interval)
    return f"{value} [{low}, {high}]"
