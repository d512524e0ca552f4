"""What there is to train, read from a file: nothing else needs to be imported to list it or to read its flags.

`python -m tools.catalogue` writes the file from the code.
"""

from __future__ import annotations

import ast
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

FILE = Path(__file__).with_name("catalogue.json")


class Schedule:
    """Stands for `operant.ops.schedules.Schedule`, which needs JAX, in the types of flags."""


class Network:
    """Stands for `operant.networks.Network`."""


@dataclass(frozen=True)
class Hyperparameter:
    """One flag."""

    name: str
    hint: Any
    default: Any
    help: str


def algorithms() -> dict[str, dict[str, Any]]:
    """By name: `about` (what it is, and the paper), `title`, `actions` (the spaces it takes), `hyperparameters`."""
    return _read()["algorithms"]


def hyperparameters(algorithm: str) -> tuple[Hyperparameter, ...]:
    """Those of an algorithm."""
    return _fields(algorithms()[algorithm]["hyperparameters"])


def curiosity(name: str) -> tuple[Hyperparameter, ...]:
    """The values of a curiosity; none of an unknown one."""
    return _fields(_read()["curiosities"].get(name, ()))


def network() -> tuple[Hyperparameter, ...]:
    """What a network is made of."""
    return _fields(_read()["network"])


def schedules() -> dict[str, dict[str, bool]]:
    """By name: its numbers, and whether each must be given; after one that ends in … any number may follow."""
    return _read()["schedules"]


def takes(schedule: str, numbers: int) -> bool:
    """Whether a schedule may have this many numbers."""
    known = schedules()[schedule]
    most = math.inf if any(name.endswith("…") for name in known) else len(known)
    return sum(known.values()) <= numbers <= most


def own_environments() -> list[str]:
    """The ids of those that operant adds to Gymnasium's."""
    return _read()["own_environments"]


def before() -> dict[str, Any]:
    """The values of hyperparameters that older files do not have yet."""
    return _read()["before"]


def wrappers() -> list[str]:
    """The names of wrappers."""
    return _read()["wrappers"]


def policies() -> list[str]:
    """The names of the scripted policies."""
    return _read()["policies"]


@cache
def _read() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def _fields(rows: Any) -> tuple[Hyperparameter, ...]:
    return tuple(
        Hyperparameter(
            row["name"], _hint(ast.parse(row["type"], mode="eval").body), tuples(row["default"]), row["help"]
        )
        for row in rows
    )


def _hint(node: ast.expr) -> Any:
    """The type that a text names."""
    names = {kind.__name__: kind for kind in (int, float, bool, str, Schedule, Network)}
    match node:
        case ast.Constant(value=value):
            return value  # None, or …
        case ast.Name(id=name):
            return names[name]
        case ast.BinOp(left=left, right=right):
            return _hint(left) | _hint(right)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            return Literal[ast.literal_eval(choices)]
        case ast.Subscript(slice=ast.Tuple(elts=parts)):
            return tuple[tuple(map(_hint, parts))]
        case _:
            raise ValueError(f"{ast.unparse(node)}: a type that is not known.")


def tuples(value: Any) -> Any:
    """JSON's lists as tuples, all the way down."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value
