"""What is known of training while it goes on: how far it is, what is waited for, and whether somebody asked to stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from operant.interruption import heeded, interruption


class Stopped(Exception):
    """Training was asked to stop and did so between two environment steps; `run` is its last finished iteration."""

    def __init__(self, run: Any = None) -> None:
        super().__init__()
        self.run = run


class Watch:
    """Written by the loop that trains, and read by whoever shows or stops it. The loop on the host looks at every step.

    `stop` asks the loop to stop before its next environment step. `on_step(transition, infos)` is called after every
    one of them, with rows `[N, …]`, where that is asked for.
    """

    def __init__(self, unit: str = "this environment step") -> None:
        self.stop = False
        self.steps = 0  # environment steps of each seed that the loop on the host has taken
        self.phase = ""  # what takes time just now, if it is not training itself
        self.unit = unit  # what is finished before training stops
        self.signal: int | None = None  # that asked to stop
        self.on_step: Callable[[Any, Any], None] | None = None
        self.shields = 0  # above 0, nothing is broken off
        self.held_back: int | None = None  # a second signal, while it was so
        self.writing = (
            threading.RLock()
        )  # held while a file is written, which is then finished whatever comes
        # From another thread: keep what has been learnt, and say whether it is kept; None where nothing trains.
        self.rescue: Callable[[], bool] | None = None

    @contextmanager
    def doing(self, phase: str) -> Iterator[None]:
        """In this block, that is what takes time."""
        before, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = before

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """In this block, which writes a file, nothing is broken off: a second Ctrl-C is answered at its end."""
        with self.unbroken(), self.writing:
            yield

    @contextmanager
    def unbroken(self) -> Iterator[None]:
        """The same where no file is written: what sees to it that the process ends in time does not wait for it."""
        self.shields += 1
        try:
            yield
        finally:
            self.shields -= 1
        self.answer()

    def answer(self) -> None:
        """Raise what a second signal asked for while something was shielded."""
        if not self.shields and self.held_back is not None:
            number, self.held_back = self.held_back, None
            raise interruption(number)

    @property
    def acting(self) -> bool:
        """Whether training itself takes time, between whose steps `stop` is looked at."""
        return self.phase in ("", "warming up")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Ctrl-C, and what asks a process to end (SIGTERM: a scheduler, a container's stop; SIGHUP: a terminal that was
        closed), set `stop` in this block.

        A second one raises KeyboardInterrupt (for the others `Terminated`) at once, or after what is shielded; from
        then on all is shielded, so that a third one does not break off what the second led to. Outside the main
        thread signals are left alone, and so are those that the process ignores.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: Any) -> None:
            if self.signal is None:
                self.signal, self.stop = number, True
                after = f"{self.unit} is done" if self.acting else f"{self.phase} ends"
                _say(f"operant: stopping as soon as {after}; once more stops at once")
            elif self.shields:
                self.held_back = number
            else:
                self.shields += 1
                raise interruption(number)

        previous = {number: signal.signal(number, handle) for number in heeded()}
        try:
            yield
        finally:
            for number, before in previous.items():  # None: a handler that was not made in Python
                signal.signal(number, signal.SIG_DFL if before is None else before)

    def interruption(self) -> KeyboardInterrupt | None:
        """What to raise at the end of training that a signal stopped."""
        return None if self.signal is None else interruption(self.signal)


def _say(text: str) -> None:
    # The signal may come while the same stream is written, and the stream may be closed.
    with suppress(RuntimeError, OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
