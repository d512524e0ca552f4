"""How long a call of a compiled program may take: between two calls it is seen whether somebody asked to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 2.0  # seconds, about


class Pace:
    """Of one program: whether it is compiled, and how many of its iterations a call may make."""

    def __init__(self) -> None:
        self.compiled = False
        self._seconds: float | None = None  # of an iteration, at best

    def part(self, left: int) -> int:
        """How many of the `left` iterations the next call makes: one, until it is known how long they take."""
        return 1 if self._seconds is None else min(max(1, int(LONGEST / self._seconds)), left)

    @contextmanager
    def timed(self, count: int) -> Iterator[None]:
        """Around a call of `count` iterations. The first one compiles as well, and says nothing of their pace."""
        began = time.perf_counter()
        yield
        if self.compiled:
            fresh = (time.perf_counter() - began) / count
            self._seconds = fresh if self._seconds is None else min(fresh, self._seconds)
        self.compiled = True
