"""A planted bug as data, the list of them all, and a copy of the project to plant them in."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Plant:
    """One bug: `old` stands exactly once in `file`, `new` in its place `breaks` something, and `tests` must notice."""

    name: str
    file: str  # from the project's root
    old: str
    new: str
    breaks: str  # what is wrong then, in a line
    tests: tuple[str, ...]  # files, or file::function: as few as notice it
    equivalent: str = ""  # why no test can notice it

    def planted(self, text: str) -> str:
        """The file's text with the bug. Raises ValueError, naming the plant, where `old` does not stand there once."""
        if text.count(self.old) != 1:
            raise ValueError(
                f"The plant {self.name!r}: {self.file} has {text.count(self.old)} times, not once, the text\n"
                f"{self.old}\n"
                "Where that code was changed, change the plant with it."
            )
        return text.replace(self.old, self.new)


def plants() -> list[Plant]:
    """Those of every `*.toml` of this directory: a table each, under its name."""
    return [
        Plant(name, **(table | {"tests": tuple(table["tests"])}))
        for file in sorted(Path(__file__).parent.glob("*.toml"))
        for name, table in tomllib.loads(file.read_text()).items()
    ]


def copy_of_project(directory: Path) -> Path:
    """A copy without history, environments and caches, to plant bugs in."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "runs", "*.egg-info", "build", "dist")
    return Path(shutil.copytree(ROOT, directory / "copy", ignore=ignored))


@contextmanager
def planted(plant: Plant, copy: Path, number: int) -> Iterator[None]:
    """The copy with the bug in it; `number` is another one for every plant."""
    file = copy / plant.file
    before, times = file.read_bytes(), file.stat()
    try:
        file.write_text(plant.planted(before.decode()))
        # Compiled modules are known by second and size of their source, so each plant has a second of its own.
        os.utime(file, (number, number))
        yield
    finally:
        file.write_bytes(before)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
