"""What people did to a run while it trained, with the step at which they did it: `interventions.jsonl`.

A change of a hyperparameter changes what is learnt, and so does what somebody says of two clips, so a run that is
resumed, or repeated, takes both again at the same step. The rest (a pause, a checkpoint, a stop) is kept for those who
ask later what happened.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operant.engine.files import replacing
from operant.fields import NUMBER, TEXT, FileError, Kind, blamed, check, either, parse, whole
from operant.formats import STEPS

CHANGE = "change"
ANSWER = "answer"  # of two clips: it comes from the folder that a run learns from, and is not asked for
KINDS = (CHANGE, "pause", "go on", "one chunk", "checkpoint", "stop")
_FINITE = Kind("a finite number", lambda x: NUMBER.fits(x) and math.isfinite(x))
_FIELDS = {
    "step": STEPS,
    "kind": Kind(
        f"one of {', '.join((*KINDS, ANSWER))}", lambda x: isinstance(x, str) and x in (*KINDS, ANSWER)
    ),
    "time": whole().later,
    "name": TEXT.later,
    "value": either(_FINITE, TEXT).later,
}


@dataclass(frozen=True)
class Intervention:
    """Something that somebody did between two chunks, after `step` environment steps of each seed."""

    step: int
    kind: str  # one of KINDS, or ANSWER
    name: str | None = None  # of the hyperparameter that is changed; of an answer, of the films of both clips
    # Its new value, a number or the text of a schedule; of an answer 1 where the first is better, ½ where neither is.
    value: float | str | None = None
    time: int = 0  # seconds since 1970, for people; nothing depends on it

    def to_json(self) -> dict[str, Any]:
        """As a line of the file has it."""
        values = {"step": self.step, "kind": self.kind, "time": self.time}
        return values | ({"name": self.name, "value": self.value} if self.kind in (CHANGE, ANSWER) else {})


def read_interventions(path: str | Path) -> list[Intervention]:
    """Those of a file, by their step and in the order in which they were made; none where there is no file.

    Raises FileError naming the line that is not one.
    """
    path = Path(path)
    if not path.exists():
        return []
    with blamed(path):
        lines = path.read_text(encoding="utf-8").splitlines()
    found = [_read(path, line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    return sorted(found, key=lambda one: one.step)


def _read(path: Path, line: str, where: str) -> Intervention:
    with blamed(path, where):
        values = check(parse(line), _FIELDS)
        if values["kind"] in (CHANGE, ANSWER) and not {"name", "value"} <= values.keys():
            raise FileError("a change, or an answer, must have a name and a value.")
        if values["kind"] == ANSWER and (len(values["name"].split()) != 2 or values["value"] not in (0.5, 1)):
            raise FileError("an answer must name two films, and its value must be 1 or 0.5.", field="name")
        return Intervention(**{name: values[name] for name in _FIELDS if name in values})


def write_interventions(path: str | Path, interventions: Iterable[Intervention]) -> None:
    """Write them, whole or not at all."""
    text = "".join(json.dumps(one.to_json()) + "\n" for one in interventions)
    with replacing(path, len(text)) as temporary:
        temporary.write_text(text, encoding="utf-8")
