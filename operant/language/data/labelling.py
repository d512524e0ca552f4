"""Judging pairs of responses, one after another: what is asked next, and files that hold the answers.

The pairs are JSON lines with "prompt", "chosen" and "rejected", which a reward model and DPO learn from. Ties and pairs
that were skipped are in a second file, from which nobody learns, so that nothing is asked twice. Each answer is on the
disk before the next question.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from operant.language.data.rows import DataError, Row, read

T = TypeVar("T")
Answer = Literal["left", "right", "tie", "skip"]


@dataclass(frozen=True)
class Question:
    """Two responses to a prompt."""

    prompt: Any  # a text, or messages
    left: str
    right: str


class Labels:
    """The answers so far, in `path` and next to it.

    Raises DataError naming the line of a file that holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.undecided = self.path.with_name(f"{self.path.stem}.undecided.jsonl")
        self._undo: list[tuple[Path, int, Question]] = []
        self._known = Counter(self._read())

    def _read(self) -> Iterator[tuple[str, str]]:
        for path, names in ((self.path, ("chosen", "rejected")), (self.undecided, ("left", "right"))):
            if not path.exists() or not path.stat().st_size:
                continue
            for place, values in read(path):
                left, right = (values.get(name) for name in names)
                if not isinstance(left, str) or not isinstance(right, str):
                    raise DataError(f"{place}: it has no {' and '.join(names)}: it is not a file of answers.")
                yield _key(Question(values.get("prompt", ""), left, right))

    def __len__(self) -> int:
        return self._known.total()

    def remaining(self, questions: Sequence[Question]) -> list[Question]:
        """Those that are not answered yet, in order. What is asked twice is to be answered twice."""
        return _without(self._known, questions, _key)

    def remaining_prompts(self, prompts: Sequence[Any]) -> list[Any]:
        """Those of which no two responses have been judged yet, in order."""
        known: Counter = Counter()
        for (prompt, _), count in self._known.items():
            known[prompt] += count
        return _without(known, prompts, _text)

    def add(self, question: Question, answer: Answer) -> None:
        """Write an answer to the disk."""
        row: dict[str, Any] = {"prompt": question.prompt}
        if answer in ("left", "right"):
            texts = (question.left, question.right)
            chosen, rejected = texts if answer == "left" else texts[::-1]
            path, row = self.path, row | {"chosen": chosen, "rejected": rejected}
        else:
            path = self.undecided
            row |= {"left": question.left, "right": question.right, "answer": answer}
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            size = file.tell()
            line = json.dumps(row, ensure_ascii=False) + "\n"
            file.write((line if _ended(path, size) else "\n" + line).encode())
            file.flush()
            os.fsync(file.fileno())
        self._undo.append((path, size, question))
        self._known[_key(question)] += 1

    def undo(self) -> Question | None:
        """Take the last answer of this session back, and give its question; None where there is none."""
        if not self._undo:
            return None
        path, size, question = self._undo.pop()
        with path.open("r+b") as file:
            file.truncate(size)
        self._known[_key(question)] -= 1
        return question


class Asking:
    """Questions one after another; `question` is the present one, None after the last."""

    def __init__(self, labels: Labels, questions: Iterator[Question]) -> None:
        self.labels, self._questions = labels, questions
        self._taken_back: list[Question] = []
        self.question: Question | None = next(questions, None)

    def answer(self, answer: Answer) -> None:
        """Write the answer to the disk, and go on to the next question."""
        assert self.question is not None
        self.labels.add(self.question, answer)
        self.question = self._taken_back.pop() if self._taken_back else next(self._questions, None)

    def undo(self) -> bool:
        """Go back to the last question that was answered; whether there is one."""
        before = self.labels.undo()
        if before is None:
            return False
        if self.question is not None:
            self._taken_back.append(self.question)
        self.question = before
        return True


def questions_of(rows: Sequence[Row], seed: int = 0) -> list[Question]:
    """Rows with "responses" (two texts), or "chosen" and "rejected", as questions; which is on the left is by chance.

    Raises DataError naming the line that is wrong.
    """
    sides = np.random.default_rng(seed).integers(0, 2, len(rows))
    found = []
    for (place, values), side in zip(rows, sides, strict=True):
        texts = values.get("responses", [values.get("chosen"), values.get("rejected")])
        if not isinstance(texts, list) or len(texts) != 2 or not all(isinstance(text, str) for text in texts):
            raise DataError(
                f'{place}: it must have two texts as "responses", or "chosen" and "rejected". To have a model write '
                "them, give it: --model MODEL."
            )
        found.append(Question(values.get("prompt", ""), texts[side], texts[1 - side]))
    return found


def _key(question: Question) -> tuple[str, str]:
    """The same for the same responses, whichever is on which side."""
    return _text(question.prompt), _text(sorted((question.left, question.right)))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _without(known: Counter, things: Sequence[T], key: Callable[[T], Any]) -> list[T]:
    """The things that are not known, each as often as it is there more often."""
    left, found = Counter(known), []
    for thing in things:
        if left[key(thing)] > 0:
            left[key(thing)] -= 1
        else:
            found.append(thing)
    return found


def _ended(path: Path, size: int) -> bool:
    """Whether the file's last line is whole."""
    if size == 0:
        return True
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"
