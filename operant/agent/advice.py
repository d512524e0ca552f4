"""What is known not to go well, said before or while it happens."""

from __future__ import annotations

from typing import Any

from operant.algorithms.base import Algorithm


def out_of_range(algorithm: Algorithm, total: float | None, steps: float | None) -> str | None:
    """Why a categorical distribution of returns cannot hold those of such episodes; None where it can, or is none.

    An episode that is paid `total` in n equal steps has the discounted return total / n · (1 − γⁿ) / (1 − γ).
    """
    inner: Any = algorithm.innermost
    if getattr(inner, "distributional", None) != "categorical" or total is None or not steps:
        return None
    if inner.normalize_rewards:  # of another size than what is paid
        return None
    gamma = float(inner.gamma)
    weight = steps if gamma == 1 else (1 - gamma**steps) / (1 - gamma)
    discounted = float(total) / steps * weight
    if inner.v_min <= discounted <= inner.v_max:
        return None
    return (
        f"that is about {discounted:.3g} discounted by gamma={gamma:g}, and the distribution of returns goes from "
        f"v_min={inner.v_min:g} to v_max={inner.v_max:g} only. Give v_min and v_max."
    )
