"""The directory of a sweep: what was asked for, its batches of trials, and the checkpoints of those under way.

| file | holds |
|---|---|
| `sweep.json` | what was asked for (`Request`) |
| `batches/0000.json` | the trials of a batch: written whole when they are asked for, and again when they are done |
| `checkpoints/0000-0/` | checkpoints of a batch's groups, as runs have them; gone when the batch is done |
| `best/`, `base/` | runs of the best values, and of those before the sweep, on seeds that it never saw |

Killed at any moment, a batch is either not asked for, or goes on from its checkpoints, or is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operant.engine import run_lock
from operant.engine.checkpoint import delete_leftovers
from operant.engine.files import delete, make_directory, replacing
from operant.fields import TABLE, FileError, blamed, check, read_json, several
from operant.sweeps.request import FORMAT, Request
from operant.sweeps.trial import Trial

_HALF_WRITTEN = re.compile(r"\..+\.[0-9]+\.tmp")


@dataclass(frozen=True)
class SweepDirectory:
    """The places of a sweep's files. Making the object touches nothing; `create` and `open` do."""

    path: Path

    @classmethod
    def create(cls, path: str | Path, request: Request, *, overwrite: bool = False) -> SweepDirectory:
        """A fresh directory that holds `sweep.json` only. Raises FileExistsError as `check` does."""
        directory = cls(Path(path))
        directory.check(overwrite=overwrite)
        for entry in sorted(directory._entries(), key=lambda entry: entry == directory.sweep_file):
            delete(entry)  # the request goes last: interrupted, what is left can still be overwritten
        make_directory(directory.path)
        directory.write(directory.sweep_file, request.to_json())
        return directory

    @classmethod
    def open(cls, path: str | Path) -> SweepDirectory:
        """That of a sweep which was begun. Raises FileNotFoundError for anything else."""
        directory = cls(Path(path))
        if not directory.sweep_file.is_file():
            raise FileNotFoundError(f"{path} is not a sweep: it has no sweep.json.")
        return directory

    def check(self, *, overwrite: bool = False) -> None:
        """Raise FileExistsError for what `create` may not delete, RunInUseError where somebody else is at work."""
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{self.path} is a file; give the sweep a directory of its own.")
        run_lock.require_free(self.path)
        if not self._entries():
            return
        if not holds_sweep(self.path):
            raise FileExistsError(
                f"{self.path} is not empty and is not a sweep: it is left alone. Give the sweep a directory of its own."
            )
        if not overwrite:
            raise FileExistsError(
                f"{self.path} holds a sweep already. Continue it with `operant resume {self.path}`, replace it with "
                "--overwrite (overwrite=True), or choose another --run-dir (run_dir)."
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """In this block nobody else is at work here. Raises RunInUseError."""
        make_directory(self.path)
        with run_lock.locked(self.path):
            yield

    def tidy(self) -> None:
        """Delete what a killed process left half written, and checkpoints of batches that are done."""
        for folder in (self.path, self.batches):
            for left in folder.glob(".*.tmp"):
                if _HALF_WRITTEN.fullmatch(left.name):
                    delete(left)
        for folder in self.checkpoints.glob("*-*"):
            delete_leftovers(folder)

    def request(self) -> Request:
        """What was asked for. Raises FileError where the file is not what was written."""
        return Request.from_json(read_json(self.sweep_file), self.sweep_file)

    def trials(self) -> list[Trial]:
        """All trials that were asked for, in order. Raises FileError."""
        found: list[Trial] = []
        for number, file in enumerate(sorted(self.batches.glob("*.json"))):
            if file != self._batch_file(number):
                raise FileError(f"the batch before it, {self._batch_file(number).name}, is missing.", file)
            found += self._read_batch(file, number)
        return found

    def events(self, batch: int) -> list[dict[str, Any]]:
        """What else a batch noted: the exchanges of a population."""
        return read_json(self._batch_file(batch)).get("events", [])

    def write_batch(self, batch: int, trials: Sequence[Trial], events: Sequence[dict[str, Any]] = ()) -> None:
        """Write the trials of a batch, in one step."""
        make_directory(self.batches)
        values: dict[str, Any] = {"trials": [trial.to_json() for trial in trials]}
        self.write(self._batch_file(batch), values | ({"events": list(events)} if events else {}))

    def forget(self, batch: int) -> None:
        """Delete the checkpoints of a batch that is done."""
        for folder in self.checkpoints.glob(f"{batch:04d}-*"):
            delete(folder)

    def checkpoints_of(self, batch: int, group: int) -> Path:
        """Where the checkpoints of a group of a batch lie."""
        return self.checkpoints / f"{batch:04d}-{group}"

    def write(self, file: Path, values: Any) -> None:
        """Write JSON atomically. Raises TypeError for what JSON does not take."""
        self.write_text(file, json.dumps(values, indent=1, allow_nan=False) + "\n")

    def write_text(self, file: Path, text: str) -> None:
        """Write text atomically."""
        with replacing(file, len(text)) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _read_batch(self, file: Path, number: int) -> list[Trial]:
        values = read_json(file)
        with blamed(file):
            trials = check(values, {"trials": several(TABLE, at_least=1)})["trials"]
            found = []
            for i, each in enumerate(trials):
                with blamed(field=f"trials.{i}"):
                    found.append(Trial.from_json(each, number))
            return found

    def _batch_file(self, number: int) -> Path:
        return self.batches / f"{number:04d}.json"

    def _entries(self) -> list[Path]:
        return (
            [path for path in self.path.iterdir() if path.name != run_lock.NAME] if self.path.exists() else []
        )

    @property
    def sweep_file(self) -> Path:
        return self.path / "sweep.json"

    @property
    def batches(self) -> Path:
        return self.path / "batches"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def base(self) -> Path:
        return self.path / "base"

    @property
    def test_file(self) -> Path:
        return self.path / "test.json"

    @property
    def preset_file(self) -> Path:
        return self.path / "best.toml"

    @property
    def schedule_file(self) -> Path:
        return self.path / "schedule.json"


def holds_sweep(path: str | Path) -> bool:
    """Whether a sweep was begun in this directory."""
    try:
        return read_json(Path(path) / "sweep.json").get("format") == FORMAT
    except (OSError, FileError):
        return False
