"""Eligibility traces: how much each state, or state and action, is to blame for what happens now.

Sutton & Barto 2018, chapter 12; replacing traces: Singh & Sutton 1996, doi:10.1007/BF00114726.
"""

from __future__ import annotations

from typing import Any, Literal

import jax

Traces = Literal["accumulating", "replacing"]
"""What a visit does to its trace: it adds 1, or sets it to 1."""


def mark(trace: jax.Array, place: Any, kind: Traces) -> jax.Array:
    """The trace with a visit of `place`: "accumulating" adds 1 there, "replacing" sets 1."""
    return trace.at[place].add(1.0) if kind == "accumulating" else trace.at[place].set(1.0)


def fade(trace: jax.Array, gamma: jax.Array | float, lambda_: jax.Array | float) -> jax.Array:
    """The trace one step later: γλ of it."""
    return gamma * lambda_ * trace
