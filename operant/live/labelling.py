"""Pairs of responses that a person judges on the page, one after another."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from operant.language.data.labelling import Answer, Asking


class Labelling:
    """Questions as the page is asked them. Safe to call from several threads.

    A question has a number, and only an answer to the present one counts: of two pages that show the same, the second
    is told that it was answered.
    """

    def __init__(self, asking: Asking, count: int) -> None:
        self.asking, self.count = asking, count
        self._number, self._lock = 0, threading.Lock()
        self.over = threading.Event()  # all are answered
        if asking.question is None:
            self.over.set()

    def question(self) -> dict[str, Any]:
        """The present question as JSON values; without texts where all are answered."""
        with self._lock:
            return self._told()

    def answer(self, number: int, answer: Answer) -> dict[str, Any]:
        """Answer the question of this number; the next one. Raises ValueError for another than the present one."""
        with self._lock:
            if number != self._number or self.asking.question is None:
                raise ValueError("That was answered already.")
            self.asking.answer(answer)
            self._number += 1
            if self.asking.question is None:
                self.over.set()
            return self._told()

    def undo(self) -> dict[str, Any]:
        """Take the last answer back; its question. Raises ValueError where there is none of this session."""
        with self._lock:
            if not self.asking.undo():
                raise ValueError("There is nothing to take back since this command began.")
            self._number += 1
            self.over.clear()
            return self._told()

    def _told(self) -> dict[str, Any]:
        labels, question = self.asking.labels, self.asking.question
        told = {
            "number": self._number,
            "answered": len(labels),
            "count": self.count,
            "file": labels.path.name,
        }
        if question is None:
            return told
        prompt = question.prompt
        if not isinstance(prompt, str):
            prompt = "\n".join(f"{each.get('role')}: {each.get('content')}" for each in prompt)
        return told | {"prompt": prompt, "left": question.left, "right": question.right}
