"""What works in a process of Ray's for a while, and can be stopped meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from operant.engine.watch import Stopped, Watch
from operant.envs.remote_object import RemoteObject
from operant.messages import pack


class Stoppable(RemoteObject):
    """Whoever asks for work gives it a number, its turn, by which it can be stopped before it has begun, too."""

    def __init__(self, message: bytes, objects: dict[str, Any]) -> None:
        self.watch, self._stopped, self._lock = Watch(), -1, threading.Lock()
        super().__init__(message, objects)

    def stop(self, turn: int) -> None:
        """What was asked for in this turn is not wanted any more."""
        with self._lock:
            self._stopped, self.watch.stop = turn, True

    def take_turn(self, turn: int) -> None:
        """From here on work is that of this turn."""
        with self._lock:
            self.watch.stop = self._stopped == turn

    def answer(self, function: Callable[..., bytes], *arguments: Any) -> bytes:
        def unless_stopped() -> bytes:
            try:
                return function(*arguments)
            except Stopped:
                return pack({"stopped": True})

        return super().answer(unless_stopped)
