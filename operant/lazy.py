"""Names whose values are imported when they are first asked for: a start imports only what it needs.

Where a value is found is written in operant's own sources, never in a file that operant reads.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


def load(place: str) -> Any:
    """What is at a place, written as `module:name`."""
    module, name = place.split(":")
    return getattr(import_module(module), name)


def exports(module: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` (PEP 562) of a module, for names that are defined in other modules: `{name: its module}`."""

    def export(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = load(f"{modules[name]}:{name}")
        setattr(sys.modules[module], name, value)
        return value

    return export


class Table(Mapping[str, T]):
    """A closed list of classes by name, `{name: its place}`. Which names there are is told without importing any."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, name: str) -> T:
        return load(self._places[name])

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def names(self, cls: type) -> list[str]:
        """The names of a class, in order; none if it is not listed."""
        place = f"{cls.__module__}:{cls.__qualname__}"
        return [name for name, known in self._places.items() if known == place]


def nearest(name: str, known: Iterable[str]) -> str:
    """ "Did you mean …?" where something is close, else everything there is."""
    known = list(known)
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    return (
        f"Did you mean {' or '.join(map(repr, close))}?"
        if close
        else f"There are: {', '.join(sorted(known))}."
    )
