"""Compiled functions that several threads call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class FirstAlone:
    """A compiled function of which the first call, which compiles it, is awaited by those of other threads."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self._lock, self._compiled = function, threading.Lock(), False

    def __call__(self, *arguments: Any) -> Any:
        if self._compiled:
            return self._function(*arguments)
        with self._lock:
            answer = self._function(*arguments)
            self._compiled = True
        return answer
