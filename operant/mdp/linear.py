"""Discounted linear equations v = r + γ P v, which always have exactly one solution."""

from __future__ import annotations

import numpy as np
from scipy import sparse

DENSE_STATES = 500  # up to here a dense factorisation takes milliseconds and is exact
STEPS = 1_000


def solve(
    transitions: sparse.csr_array, rewards: np.ndarray, gamma: float, residual: float
) -> np.ndarray | None:
    """v `[S]` for P `[S, S]`, whose rows sum to at most 1, and r `[S]`; None if it was not found.

    Small systems are factorised. In larger ones a factorisation may fill all memory (states that lead anywhere leave
    it nothing to skip), so that BiCGStab is asked until max |r + γ P v − v| ≤ `residual`.
    """
    system = sparse.eye_array(len(rewards), format="csr") - gamma * transitions
    if len(rewards) <= DENSE_STATES:
        return np.linalg.solve(system.toarray(), rewards)
    values = bicgstab(system, rewards, residual)
    # What the method believes its residual to be may drift from what it is.
    return values if np.abs(rewards - system @ values).max() <= residual else None


def bicgstab(matrix: sparse.csr_array, right: np.ndarray, residual: float) -> np.ndarray:
    """x with max |right − matrix · x| ≤ `residual`, or the best that was reached (van der Vorst, 1992).

    SciPy's own takes its inner products from a threaded BLAS, whose waiting threads make it twenty times as slow
    where another process is busy.
    """
    x, r = np.zeros_like(right), right.copy()
    shadow, p = r.copy(), r.copy()
    rho = _inner(shadow, r)
    for _ in range(STEPS):
        if np.abs(r).max() <= residual:
            break
        v = matrix @ p
        alpha = rho / (_inner(shadow, v) or np.nan)
        s = r - alpha * v
        t = matrix @ s
        omega = _inner(t, s) / max(_inner(t, t), np.finfo(np.float64).tiny)
        x += alpha * p + omega * s
        r = s - omega * t
        rho, before = _inner(shadow, r), rho
        beta = rho / (before * omega or np.nan) * alpha
        if not np.isfinite(beta):  # broken down, or arrived exactly
            break
        p = r + beta * (p - omega * v)
    return x


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.einsum("i,i->", a, b))
