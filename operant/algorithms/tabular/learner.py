"""What all tabular algorithms share: a step size, a discount, and learning from one step after another."""

from __future__ import annotations

from typing import Any, Literal, get_args

import jax

from operant.algorithms import ranges
from operant.algorithms.base import Algorithm, require, static
from operant.algorithms.tabular import table
from operant.algorithms.tabular.table import Row
from operant.ops.schedules import Schedule, at
from operant.ops.traces import Traces
from operant.plans import Experience, Rollout
from operant.types import Clock, EnvSpec


def require_traces(trace_decay: Any, traces: str) -> None:
    """Raise ValueError unless λ is a number in [0, 1] (or traced) and the kind of trace is one of the two."""
    if isinstance(trace_decay, int | float):
        require(0 <= trace_decay <= 1, "trace_decay", trace_decay, "a number in [0, 1]")
    require(traces in get_args(Traces), "traces", traces, '"accumulating" or "replacing"')


class TabularLearner(Algorithm):
    """Learning a table."""

    learning_rate: float | Schedule = 0.1
    """Step size α₀: a number or a schedule such as linear:0.5:0."""
    learning_rate_decay: float = 0.0
    """The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1 averages."""
    decay_by: Literal["visits", "steps"] = static("visits")
    """What k counts: "visits" of the value that is updated, or "steps" of training."""
    gamma: float = 0.99
    """Discount factor γ."""
    initial_value: float = 0.0
    """Every value before learning; an optimistic one makes the agent try all actions."""

    def __check_init__(self) -> None:
        ranges.fraction(self, "gamma", "learning_rate")
        ranges.not_negative(self, "learning_rate_decay")
        ranges.finite(self, "initial_value")
        require(self.decay_by in ("visits", "steps"), "decay_by", self.decay_by, '"visits" or "steps"')

    @property
    def experience(self) -> Experience:
        return Rollout(1)

    def check(self, spec: EnvSpec) -> None:
        table.check(type(self).__name__, spec)
        table.require_room(type(self).__name__, spec, self.init)

    def step_size(self, visits: jax.Array, row: Row, clock: Clock) -> jax.Array:
        """α for this row, of something that had been visited `visits` times."""
        count = visits if self.decay_by == "visits" else row.number
        return at(self.learning_rate, clock) / (1 + count * self.learning_rate_decay)
