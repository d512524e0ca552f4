"""What a person said of clips: a folder that `record_clips` or the live page filmed, and what was answered.

| file | what it is |
|---|---|
| clips.npz | "observations" and "actions" of the clips of `record_clips`, `[clips, k, …]`, numbered as their films |
| clip-050.npz, … | those of a clip that was filmed later, `[k, …]` |
| clip-000.mp4, … | the films |
| questions.jsonl | which two are to be compared, as `operant label` takes it |
| pairs.jsonl, pairs.undecided.jsonl | the answers, by the films' names |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np

ARRAYS, QUESTIONS, PAIRS, UNDECIDED = "clips.npz", "questions.jsonl", "pairs.jsonl", "pairs.undecided.jsonl"
ASKED = "Which of the two clips is better?"
TIE = 0.5
_FILM = re.compile(r"clip-(\d{3,9})\.mp4")


class Judged(NamedTuple):
    """What was said of two clips, by the names of their films."""

    first: str
    second: str
    preferred: float  # 1 where the first is better, ½ where neither is

    @classmethod
    def of(cls, names: str, preferred: float) -> Judged:
        """The inverse of `names`."""
        first, second = names.split()
        return cls(first, second, preferred)

    @property
    def names(self) -> str:
        """Both, as a run's record of interventions has them."""
        return f"{self.first} {self.second}"


class Clip(NamedTuple):
    """What was seen and done in the k steps of a clip."""

    observations: np.ndarray  # [k, …]
    actions: np.ndarray  # [k, …]


def film(number: int) -> str:
    """The name of a clip's film."""
    return f"clip-{number:03}.mp4"


class Folder:
    """Clips, and what was said of them; it may grow while a run learns from it."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._recorded: tuple[Any, Clip | None] = None, None  # of clips.npz, when it looked like this
        self._judged: tuple[Any, list[Judged]] = None, []

    def judged(self) -> list[Judged]:
        """All that was said so far, but for what was skipped. Raises ValueError for a line that is no answer, or one
        of clips that there are not."""
        looks = [_looks(self.path / name) for name in (PAIRS, UNDECIDED)]
        if self._judged[0] != looks:  # read only where more was said
            self._judged = looks, list(self._read())
        return self._judged[1]

    def _read(self) -> Iterator[Judged]:
        for name in (PAIRS, UNDECIDED):
            if not (self.path / name).is_file():
                continue
            lines = (self.path / name).read_text(encoding="utf-8").splitlines(keepends=True)
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                place = f"{self.path / name}, line {number}"
                try:
                    row = json.loads(line)
                except ValueError:
                    if not line.endswith("\n"):  # it is being written
                        continue
                    raise ValueError(f"{place}: it is not JSON.") from None
                if (found := self._judgement(place, row)) is not None:
                    yield found

    def _judgement(self, place: str, row: Any) -> Judged | None:
        """One line of a file; None where the question was skipped."""
        decided = isinstance(row, dict) and "chosen" in row
        if isinstance(row, dict) and not decided and row.get("answer") == "skip":
            return None
        names = ("chosen", "rejected") if decided else ("left", "right")
        first, second = (row.get(name) if isinstance(row, dict) else None for name in names)
        if not (self._holds(first) and self._holds(second)):
            raise ValueError(f"{place}: {row!s:.80} names no two clips of {self.path}.")
        return Judged(str(first), str(second), 1.0 if decided else TIE)

    def _holds(self, name: Any) -> bool:
        number = _number(name)
        if number is None:
            return False
        recorded = self._of_record_clips()
        return number < (0 if recorded is None else len(recorded.actions)) or self._arrays(number).is_file()

    def clip(self, name: str) -> Clip:
        """What was seen and done in a clip, by its film's name. Raises ValueError where there is none."""
        number, recorded = _number(name), self._of_record_clips()
        if number is not None and recorded is not None and number < len(recorded.actions):
            return Clip(recorded.observations[number], recorded.actions[number])
        if number is None or not self._arrays(number).is_file():
            raise ValueError(f"answers={str(self.path)!r}: there is no clip {name!r}.")
        return _arrays_in(self._arrays(number))

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Those of the observations and actions of a clip, `(k, …)`: all are of one environment, and as long. None
        where there are no clips."""
        if (self.path / ARRAYS).is_file():
            observations, actions = _shapes_in(self.path / ARRAYS)
            return observations[1:], actions[1:]
        later = (path for path in self.path.glob("clip-*.npz") if _number(f"{path.stem}.mp4") is not None)
        first = min(later, default=None)
        return None if first is None else _shapes_in(first)

    def add(self, clip: Clip) -> str:
        """Keep what was seen and done in a clip more; the name of the film that it is to have."""
        self.path.mkdir(parents=True, exist_ok=True)
        number = max(
            (found for path in self.path.iterdir() if (found := _number(path.name)) is not None), default=-1
        )
        while True:
            number += 1
            try:
                with self._arrays(number).open("xb") as file:  # another run may add to the folder, too
                    np.savez(file, observations=clip.observations, actions=clip.actions)
            except FileExistsError:
                continue
            return film(number)

    def ask(self, first: str, second: str) -> None:
        """Keep the question which of two clips is better, where `operant label` finds it as well."""
        line = json.dumps({"prompt": ASKED, "responses": [first, second]}) + "\n"
        with (self.path / QUESTIONS).open("a", encoding="utf-8") as file:
            file.write(line)

    def require_answers(self) -> None:
        """Raise ValueError, or FileNotFoundError, saying what to do, where there is nothing to learn from."""
        advice = (
            f"`operant record RUN {self.path} --clips 50` makes clips, and `operant label {self.path / QUESTIONS} "
            f"{self.path / PAIRS}` asks about them; --live films and asks on the page while training."
        )
        if self.shapes() is None:
            raise FileNotFoundError(f"answers={str(self.path)!r}: there is no {ARRAYS}. {advice}")
        if not self.judged():
            raise ValueError(f"answers={str(self.path)!r}: nothing is answered in {PAIRS} yet. {advice}")

    def _of_record_clips(self) -> Clip | None:
        looks = _looks(self.path / ARRAYS)
        if self._recorded[0] != looks:
            self._recorded = looks, None if looks is None else _arrays_in(self.path / ARRAYS)
        return self._recorded[1]

    def _arrays(self, number: int) -> Path:
        return (self.path / film(number)).with_suffix(".npz")


def _number(name: Any) -> int | None:
    found = _FILM.fullmatch(name) if isinstance(name, str) else None
    return None if found is None else int(found[1])


def _looks(path: Path) -> tuple[int, int] | None:
    """What is another where a file has changed; None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _arrays_in(path: Path) -> Clip:
    with _of_clips(path), np.load(path, allow_pickle=False) as file:
        return Clip(*(file[name] for name in Clip._fields))


def _shapes_in(path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Those of the arrays in a file, of which only the beginnings are read: pictures may be large."""
    found = []
    with _of_clips(path), ZipFile(path) as file:
        for name in Clip._fields:
            with file.open(f"{name}.npy") as array:
                np.lib.format.read_magic(array)
                found.append(np.lib.format.read_array_header_1_0(array)[0])
    return found[0], found[1]


@contextmanager
def _of_clips(path: Path) -> Iterator[None]:
    """Name the file in errors of this block."""
    try:
        yield
    except (KeyError, ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} is no file of clips: {error}") from error
