"""The table of what must hold whatever happens: one module of this directory a row, or a few that belong together.

Such a module has

    ROW = Row("R4", "the disk is full", passes="…", full=30, fast=(0, 7))
    def case(index: int, directory: Path) -> None: …     # raises where case `index` does not pass

Cases are numbered; what a number means derives from it alone, so that a failure can be had again. The tests try `fast`
of them by default and all behind the marker `full`; `python -m benchmarks.reliability` tries all and writes the table.
`NEEDS = ("ray",)` names packages that the extra `test` does not bring.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Row:
    """A line of the table: its names, what is tried, and what it takes to pass."""

    name: str  # as in "R4", or "R1 R2" where one case shows both
    tried: str
    passes: str
    full: int  # how many cases there are
    fast: tuple[int, ...]  # those that every run of the tests tries, a second or so each
    more: int = 0  # cases after `full` that only `--long` tries


def modules() -> list[ModuleType]:
    """Those that have a row, in the order of their numbers."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("row_*.py"))
    found = [importlib.import_module(f"tests.reliability.{name}") for name in names]
    return sorted(found, key=lambda module: int(module.ROW.name.split()[0][1:]))
