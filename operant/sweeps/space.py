"""What hyperparameters may be in a sweep: numbers of a range, one of several choices, or a schedule with such numbers.

A `Space` holds a domain for each hyperparameter. Samplers see its dimensions only, each a `Range` or a `Choice`; a
point has a value for each dimension, and `Space.values` makes of a point what the algorithm is given. Nothing here
needs JAX.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from operant import catalogue
from operant.fields import FLAG, NUMBER, TABLE, TEXT, FileError, Kind, check, several, table

Point = dict[str, Any]  # a value for each dimension


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    With `log` their logarithms are uniform, with `whole` all are whole.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"{self}: both ends must be numbers.")
        if not self.low < self.high:
            raise ValueError(f"{self}: the first number must be below the second.")
        if self.log and self.low <= 0:
            raise ValueError(f"{self}: a logarithm needs numbers above 0.")
        if self.whole and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ValueError(f"{self}: both ends must be whole numbers.")
        if self.whole:
            object.__setattr__(self, "low", int(self.low))
            object.__setattr__(self, "high", int(self.high))

    def at(self, share: float) -> float | int:
        """The number below which this share, in [0, 1), of the range's probability lies."""
        low, high = self._edges
        if self.log:
            value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            value = low + share * (high - low)
        value = round(value) if self.whole else value
        return min(max(value, self.low), self.high)

    def place(self, value: float) -> float:
        """Where a number lies between the ends, from 0 to 1, as on an axis."""
        scaled = math.log if self.log else float
        return (scaled(value) - scaled(self.low)) / (scaled(self.high) - scaled(self.low))

    def points(self, count: int) -> list[float | int]:
        """That many numbers at equal distances, the ends included; fewer where whole ones coincide."""
        shares = [i / (count - 1) for i in range(count)] if count > 1 else [0.5]
        plain = Range(self.low, self.high, self.log)
        values = [plain.at(share) for share in shares]
        return list(dict.fromkeys(round(value) for value in values)) if self.whole else values

    @property
    def size(self) -> int | None:
        """How many numbers there are; None for uncountably many."""
        return int(self.high - self.low) + 1 if self.whole else None

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"low": self.low, "high": self.high, "log": self.log, "whole": self.whole}

    def __str__(self) -> str:
        ends = f"{self.low:g}:{self.high:g}"
        return f"log:{ends}" if self.log else ends

    @property
    def _edges(self) -> tuple[float, float]:
        """The ends of an interval that is as likely to be rounded to one whole number as to any other."""
        return (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)


@dataclass(frozen=True)
class Choice:
    """One of several values, each as likely as any other."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("there is nothing to choose from.")
        if len(set(map(repr, self.values))) < len(self.values):
            raise ValueError(f"{self}: a value is there twice.")

    def at(self, share: float) -> Any:
        """The value of this share, in [0, 1)."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def place(self, value: Any) -> float:
        """Where a value lies among them, from 0 to 1."""
        return self.index(value) / max(len(self.values) - 1, 1)

    def index(self, value: Any) -> int:
        """Its place among the values."""
        return next(i for i, known in enumerate(self.values) if repr(known) == repr(value))

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.values)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"choices": list(self.values)}

    def __str__(self) -> str:
        return ",".join(map(str, self.values))


@dataclass(frozen=True)
class Scheduled:
    """A schedule, some of whose numbers are in ranges: `linear:log:1e-4:1e-2:0`."""

    kind: str
    numbers: tuple[float | Range, ...]

    def named(self, name: str) -> dict[str, Range]:
        """Its dimensions, such as `learning_rate.start`."""
        return {f"{name}.{key}": part for key, part in self._parts if isinstance(part, Range)}

    def text(self, point: Mapping[str, Any], name: str) -> str:
        """The schedule at a point, as `operant.ops.schedules.parse` reads it."""
        values = [point[f"{name}.{key}"] if isinstance(part, Range) else part for key, part in self._parts]
        return ":".join([self.kind, *(repr(float(value)) for value in values)])

    @property
    def _parts(self) -> list[tuple[str, float | Range]]:
        """The numbers with their names; those that may follow are counted."""
        known = [name for name in catalogue.schedules()[self.kind] if not name.endswith("…")]
        names = [*known, *(str(i) for i in range(len(known), len(self.numbers)))]
        return list(zip(names, self.numbers, strict=False))

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        numbers = [part.to_json() if isinstance(part, Range) else part for part in self.numbers]
        return {"schedule": self.kind, "numbers": numbers}

    def __str__(self) -> str:
        return ":".join(
            [self.kind, *(str(part) if isinstance(part, Range) else f"{part:g}" for part in self.numbers)]
        )


Domain = Range | Choice | Scheduled


@dataclass(frozen=True)
class Space:
    """Domains by the name of their hyperparameter; those of a network are called `network.activation` and the like."""

    domains: Mapping[str, Domain]

    @cached_property
    def dimensions(self) -> dict[str, Range | Choice]:
        """What a point has a value for."""
        found: dict[str, Range | Choice] = {}
        for name, domain in self.domains.items():
            found |= domain.named(name) if isinstance(domain, Scheduled) else {name: domain}
        return found

    @property
    def size(self) -> int | None:
        """How many points there are; None for uncountably many."""
        sizes = [dimension.size for dimension in self.dimensions.values()]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def values(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters at a point, by name."""
        return {
            name: domain.text(point, name) if isinstance(domain, Scheduled) else point[name]
            for name, domain in self.domains.items()
        }

    def product(self, counts: Mapping[str, int] | None = None) -> Iterator[Point]:
        """All points, the last dimension changing fastest; of a range as many numbers as `counts` says, or all."""
        axes = []
        for name, dimension in self.dimensions.items():
            if isinstance(dimension, Choice):
                axes.append(dimension.values)
            elif counts is not None and name in counts:
                axes.append(dimension.points(counts[name]))
            else:
                axes.append(range(int(dimension.low), int(dimension.high) + 1))
        for values in itertools.product(*axes):
            yield dict(zip(self.dimensions, values, strict=True))

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {name: domain.to_json() for name, domain in self.domains.items()}

    @classmethod
    def from_json(cls, values: Any) -> Space:
        """The space that a file describes. Raises FileError naming the domain that is wrong."""
        return cls({name: _domain(each, name) for name, each in table(values).items()})


_RANGE = {"low": NUMBER, "high": NUMBER, "log": FLAG, "whole": FLAG}
_ANYTHING = Kind("a value", lambda value: True)


def _domain(values: Any, name: str) -> Domain:
    try:
        if "choices" in table(values, field=name):
            check(values, {"choices": several(_ANYTHING, at_least=1)}, name)
            return Choice(tuple(map(catalogue.tuples, values["choices"])))
        if "schedule" in values:
            check(values, {"schedule": TEXT, "numbers": several(_ANYTHING, at_least=1)}, name)
            return Scheduled(values["schedule"], tuple(_number(part, name) for part in values["numbers"]))
        return _range(values, name)
    except ValueError as error:
        raise error if isinstance(error, FileError) else FileError(str(error), field=name) from error


def _range(values: Any, name: str) -> Range:
    return Range(**{key: check(values, _RANGE, name)[key] for key in _RANGE})


def _number(part: Any, name: str) -> float | Range:
    if TABLE.fits(part):
        return _range(part, name)
    if not NUMBER.fits(part):
        raise FileError("must hold numbers and ranges.", field=f"{name}.numbers")
    return float(part)
