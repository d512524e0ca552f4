"""What a checkpoint of a population says of its trials, which whoever trains them elsewhere reads too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operant.engine.checkpoint import latest_checkpoint, read_manifest
from operant.fields import TABLE, FileError, blamed, check, several, whole
from operant.sweeps.trial import Record


@dataclass(frozen=True)
class Kept:
    """What a checkpoint of a population says, its arrays left where they are."""

    path: Path
    alive: list[int]
    records: dict[int, Record]
    more: dict[str, Any]  # what else was saved with it

    @classmethod
    def latest(cls, directory: Path, numbers: Iterable[int]) -> Kept | None:
        """The last one here, of the trials with these numbers. Raises FileError where it is of others."""
        path = latest_checkpoint(directory)
        if path is None:
            return None
        with blamed(path):
            values = dict(check(read_manifest(path)["config"], _MANIFEST))
            alive, records = values.pop("alive"), values.pop("records")
            if set(map(str, numbers)) != records.keys():
                raise FileError("it is of other trials.", field="config.records")
            found = {}
            for number in numbers:
                with blamed(field=f"config.records.{number}"):
                    found[number] = Record.from_json(records[str(number)])
        return cls(path, list(alive), found, values)


_MANIFEST = {"alive": several(whole()), "records": TABLE, "batch": whole()}
