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
        """Look at `nan`, whether a loss or what has been learnt is not finite, and at the row of metrics for which.

        Raises DivergedError where it is. Of several seeds those that diverged are named in a warning, and the others go
        on; it is raised where none is left.
        """
        if not nan.any():
            return
        what = "what has been learnt is not a number"
        for name in (name for name in metrics if "loss" in name):
            theirs = np.broadcast_to(metrics[name], nan.shape)[nan]
            if not np.isfinite(theirs).all():
                what = f"{name} is {_first_not_finite(theirs)}"
                break
        advice = (
            f"{what} at step {step:,}: learning diverged, or observations or rewards were not finite. A lower "
            "learning_rate may help, or normalize_observations and normalize_rewards."
        )
        if self.seeds is None:
            raise DivergedError(advice)
        if nan.all():
            raise DivergedError(f"With every seed, {advice}")
        new = nan if self.diverged is None else nan & ~self.diverged
        self.diverged = nan if self.diverged is None else nan | self.diverged
        if new.any():
            named = ", ".join(str(seed) for seed, is_new in zip(self.seeds, new, strict=True) if is_new)
            warnings.warn(f"With seed {named}, {advice} The other seeds go on.", stacklevel=3)


def _first_not_finite(value: Any) -> float:
    values = np.asarray(value, np.float64).reshape(-1)
    return float(values[~np.isfinite(values)][0])
