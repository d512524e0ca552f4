"""What a person said of clips: a folder that `record_clips` made and `operant label` was answered in.

| file | what it is |
|---|---|
| clips.npz | "observations" and "actions" of all clips, `[clips, k, …]` |
| clip-000.mp4, … | the films of them, in this order |
| questions.jsonl | which two are to be compared, as `operant label` takes it |
| pairs.jsonl, pairs.undecided.jsonl | the answers, by the films' names |
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ARRAYS, QUESTIONS, PAIRS, UNDECIDED = "clips.npz", "questions.jsonl", "pairs.jsonl", "pairs.undecided.jsonl"


class Answers(NamedTuple):
    """M comparisons of two clips each."""

    observation: np.ndarray  # [M, 2, k, …]
    action: np.ndarray  # [M, 2, k, …]
    preferred: np.ndarray  # [M] float32: 1 where the first is better, ½ where neither is


def film(number: int) -> str:
    """The name of a clip's film."""
    return f"clip-{number:03}.mp4"


def read(folder: str | Path) -> Answers:
    """Those of a folder. Raises ValueError where there are none, or one is of no clip, and FileNotFoundError."""
    folder = Path(folder)
    for name in (ARRAYS, PAIRS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"answers={str(folder)!r}: there is no {name}. `operant record RUN {folder} --clips 50` makes clips, "
                f"and `operant label {folder / QUESTIONS} {folder / PAIRS}` asks about them."
            )
    with np.load(folder / ARRAYS, allow_pickle=False) as file:
        observations, actions = file["observations"], file["actions"]
    numbers = {film(i): i for i in range(len(observations))}
    pairs, preferred = [], []
    for place, row in _lines(folder):
        names = ("chosen", "rejected") if "chosen" in row else ("left", "right")
        if "chosen" not in row and row.get("answer") != "tie":
            continue  # it was skipped
        found = [numbers.get(str(row.get(name))) for name in names]
        if None in found:
            raise ValueError(f"{place}: {row!s:.80} names no two clips of {folder / ARRAYS}.")
        pairs.append(found)
        preferred.append(1.0 if "chosen" in row else 0.5)
    if not pairs:
        raise ValueError(f"answers={str(folder)!r}: nothing is answered in {PAIRS} yet.")
    return Answers(observations[pairs], actions[pairs], np.array(preferred, np.float32))


def _lines(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in (PAIRS, UNDECIDED):
        if (folder / name).is_file():
            for number, line in enumerate((folder / name).read_text(encoding="utf-8").splitlines(), 1):
                if line.strip():
                    yield f"{folder / name}, line {number}", json.loads(line)
