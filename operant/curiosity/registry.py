"""The closed list of curiosities, and the way from names and plain values to one of them and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.curiosity.base import Curiosity
from operant.lazy import Table

CURIOSITIES: Table[type[Curiosity]] = Table(
    {
        "counts": "operant.curiosity.counts:Counts",
        "icm": "operant.curiosity.icm:ICM",
        "preferences": "operant.curiosity.preferences:Preferences",
        "rnd": "operant.curiosity.rnd:RND",
    }
)


def curiosity(value: Curiosity | str | Mapping[str, Any] | None) -> Curiosity | None:
    """A curiosity from what users write: a value, its name ("none" for none), or a dict of its name and its values.

    Raises ValueError naming what is wrong and the known names.
    """
    if value is None or isinstance(value, Curiosity):
        return value
    values = {"name": value} if isinstance(value, str) else dict(value) if isinstance(value, Mapping) else {}
    name = values.pop("name", None)
    if name == "none":
        return None
    if not isinstance(name, str) or name not in CURIOSITIES:
        given = value if name is None else name
        raise ValueError(f"curiosity={given!r}: must be one of none, {', '.join(CURIOSITIES)}.")
    return registry.build(CURIOSITIES[name], values)


def make_curious(algorithm: Algorithm, value: Curiosity | str | Mapping[str, Any] | None) -> Algorithm:
    """The algorithm with this curiosity; itself with none."""
    found = curiosity(value)
    if found is None:
        return algorithm
    from operant.curiosity.curious import Curious

    return Curious(algorithm, found)


def parts(algorithm: Algorithm) -> tuple[Algorithm, Curiosity | None]:
    """The inverse of `make_curious`."""
    if not hasattr(algorithm, "curiosity"):  # most have none
        return algorithm, None
    from operant.curiosity.curious import Curious

    return (algorithm.algorithm, algorithm.curiosity) if isinstance(algorithm, Curious) else (algorithm, None)


def to_json(value: Curiosity | None) -> dict[str, Any] | None:
    """A value that `json.dumps` takes and `curiosity` reads back."""
    if value is None:
        return None
    name = (*CURIOSITIES.names(type(value)), type(value).__name__)[0]
    return {"name": name, **registry.to_json(value)}
