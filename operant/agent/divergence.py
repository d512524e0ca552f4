"""Learning that diverged: found after every chunk, named, and of several seeds set aside."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np


class DivergedError(ArithmeticError):
    """Learning diverged: a loss or what has been learnt is not a number any more. The message says what is left."""


class Divergence:
    """Which of several seeds have diverged so far."""

    def __init__(self, seeds: Sequence[int] | None) -> None:
        self.seeds = seeds
        self.diverged: np.ndarray | None = None  # [S]; None where none has

    def look(self, metrics: dict[str, Any], nan: np.ndarray, step: int) -> None:
        """Look at a row of metrics, and at `nan`: whether what has been learnt holds a NaN.

        Raises DivergedError where a loss is not finite, or what has been learnt is not. Of several seeds those that
        diverged are named in a warning, and the others go on; it is raised where none is left.
        """
        lost = [name for name, value in metrics.items() if "loss" in name and not np.isfinite(value).all()]
        what = f"{lost[0]} is {_first_not_finite(metrics[lost[0]])}" if lost else ""
        if not lost and nan.any():
            what = "what has been learnt is not a number"
        if not what:
            return
        advice = (
            f"{what} at step {step:,}: learning diverged, or observations or rewards were not finite. A lower "
            "learning_rate may help, or normalize_observations and normalize_rewards."
        )
        if self.seeds is None:
            raise DivergedError(advice)
        flags = [~np.isfinite(np.broadcast_to(metrics[name], len(self.seeds))) for name in lost]
        bad = np.any([nan, *flags], 0)
        if bad.all():
            raise DivergedError(f"With every seed, {advice}")
        new = bad if self.diverged is None else bad & ~self.diverged
        self.diverged = bad if self.diverged is None else bad | self.diverged
        if new.any():
            named = ", ".join(str(seed) for seed, is_new in zip(self.seeds, new, strict=True) if is_new)
            warnings.warn(f"With seed {named}, {advice} The other seeds go on.", stacklevel=3)


def _first_not_finite(value: Any) -> float:
    values = np.asarray(value, np.float64).reshape(-1)
    return float(values[~np.isfinite(values)][0])
