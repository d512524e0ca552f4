"""A trial: a point of the space, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from operant.catalogue import tuples
from operant.fields import NUMBER, TABLE, Kind, check, optional, several, whole
from operant.sweeps.samplers import Told
from operant.sweeps.space import Point

Status = Literal["asked", "stopped", "finished"]


class Score(NamedTuple):
    """The mean returns of a trial's seeds after `step` steps; NaN for a seed that diverged."""

    step: int
    seeds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the seeds; NaN where one has diverged."""
        return float(np.mean(self.seeds))


@dataclass(frozen=True)
class Trial:
    """A point, the scores at each rung that it has reached, and its learning curve: of each seed the mean return of
    recent episodes, NaN while no episode has ended."""

    number: int
    batch: int
    point: Point
    seeds: tuple[int, ...]
    status: Status = "asked"
    scores: tuple[Score, ...] = ()
    steps: tuple[int, ...] = ()  # of the curve
    returns: tuple[tuple[float, ...], ...] = field(default=(), repr=False)  # [K][S]

    @property
    def step(self) -> int:
        """How long it trained, by its last score."""
        return self.scores[-1].step if self.scores else 0

    @property
    def score(self) -> float:
        """The last one: the mean over seeds; NaN where there is none or a seed diverged."""
        return self.scores[-1].mean if self.scores else math.nan

    @property
    def told(self) -> Told:
        """What a sampler is told of it."""
        scores = [(score.step, score.mean) for score in self.scores]
        return Told(self.batch, self.point, scores, self.status == "finished")

    def with_result(self, status: Status, record: Record) -> Trial:
        """The same with what came of it."""
        return replace(
            self,
            status=status,
            scores=tuple(record.scores),
            steps=tuple(record.steps),
            returns=tuple(map(tuple, record.returns)),
        )

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "number": self.number,
            "point": self.point,
            "seeds": list(self.seeds),
            "status": self.status,
            **Record(list(self.scores), list(self.steps), [list(row) for row in self.returns]).to_json(),
        }

    @classmethod
    def from_json(cls, values: Any, batch: int) -> Trial:
        """What `to_json` wrote. Raises FileError naming the field that is wrong."""
        check(values, _TRIAL)
        bare = cls(values["number"], batch, _tuples(values["point"]), tuple(values["seeds"]))
        return bare.with_result(values["status"], Record.from_json(values))


@dataclass
class Record:
    """What is noted of a trial while it trains."""

    scores: list[Score] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    returns: list[Sequence[float]] = field(default_factory=list)

    @property
    def step(self) -> int:
        """How far it has come, by its curve."""
        return self.steps[-1] if self.steps else 0

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; JSON has no NaN."""
        return {
            "scores": [{"step": score.step, "seeds": _nulls(score.seeds)} for score in self.scores],
            "steps": list(self.steps),
            "returns": list(map(_nulls, self.returns)),
        }

    @classmethod
    def from_json(cls, values: Any) -> Record:
        """What `to_json` wrote. Raises FileError naming the field that is wrong."""
        check(values, _RECORD)
        scores = [
            Score(check(each, _SCORE, f"scores.{i}")["step"], _numbers(each["seeds"]))
            for i, each in enumerate(values["scores"])
        ]
        return cls(scores, list(values["steps"]), list(map(_numbers, values["returns"])))


def _nulls(row: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in row]


def _numbers(row: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in row)


def _tuples(point: Point) -> Point:
    return {name: tuples(value) for name, value in point.items()}


_ROW = several(optional(NUMBER), at_least=1)
_SCORE = {"step": whole(0, 2**31 - 1), "seeds": _ROW}
_RECORD = {"scores": several(TABLE), "steps": several(whole(0, 2**31 - 1)), "returns": several(_ROW)}
_TRIAL: dict[str, Kind] = {
    "number": whole(),
    "point": TABLE,
    "seeds": several(whole(), at_least=1),
    "status": Kind("asked, stopped or finished", lambda x: x in ("asked", "stopped", "finished")),
    **_RECORD,
}
