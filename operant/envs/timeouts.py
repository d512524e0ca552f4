"""Steps and resets that take too long are broken off, in the process that trains.

A thread looks at the clock. What runs in the main thread is broken off by a signal, which also ends system calls that
wait; elsewhere by an exception that Python raises before its next instruction. Neither reaches compiled code that does
not come back to Python: that is said, and whoever has set `when_stuck` does what is left to do. For environments in
processes of their own, which can be ended at any time, see `gymnasium_processes`.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym

from operant.envs.gymnasium_layers import PassThrough

GRACE = 2.0  # seconds after which what does not let itself be broken off counts as stuck
SIGNAL = getattr(
    signal, "SIGURG", None
)  # which is ignored where nobody listens, so that a late one does no harm


class Late(BaseException):
    """Breaks off what takes too long. Not an Exception: environments may catch those."""

    seconds = 0.0  # that it might take


def require_timeout(seconds: float | None) -> None:
    """Raise ValueError where this is no number of seconds."""
    if seconds is not None and not (
        isinstance(seconds, int | float)
        and not isinstance(seconds, bool)
        and math.isfinite(seconds)
        and seconds > 0
    ):
        raise ValueError(f"env_timeout={seconds!r}: must be a number of seconds above 0, or None for none.")


class Timeout:
    """Breaks off calls, one at a time, that take longer than `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._late = type("Late", (Late,), {"seconds": seconds})  # a class: Python makes the exception itself
        self._began: float | None = None  # the call under way
        self._asked = False  # whether it was to be broken off
        self._told = False  # whether it was said to be stuck
        self._what: Any = None
        self._thread = 0
        self._lock = threading.Lock()
        self._watched = False

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What `function` returns. Raises Late."""
        if not self._watched:
            self._start()
        self._thread, self._what, self._asked, self._told = threading.get_ident(), function, False, False
        self._began = time.monotonic()
        try:
            return function(*arguments, **options)
        finally:
            self._began = None
            if self._asked:
                self._take_back()

    def look(self) -> float:
        """Break off the call under way if it is late; seconds until the next look."""
        with self._lock:
            began = self._began
            left = self.seconds / 4 if began is None else began + self.seconds - time.monotonic()
            if left > 0 or began is None:
                return min(max(left, 0.01), 0.5)
            self._asked = True
            if self._began == began:  # else it has just ended
                self._break_off()
        if left < -GRACE and not self._told:
            self._told = True
            stuck(self._what, time.monotonic() - began)
        return 0.2

    def _start(self) -> None:
        self._watched = True
        in_main = threading.current_thread() is threading.main_thread()
        if SIGNAL is not None and in_main and signal.getsignal(SIGNAL) is not _handle:
            _previous[0] = signal.signal(SIGNAL, _handle)
        threading.Thread(target=_keep_looking, args=(weakref.ref(self),), daemon=True).start()

    def _break_off(self) -> None:
        in_main = self._thread == threading.main_thread().ident
        if SIGNAL is not None and in_main and signal.getsignal(SIGNAL) is _handle:
            _late[0] = self
            signal.pthread_kill(self._thread, SIGNAL)
        else:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread), ctypes.py_object(self._late)
            )

    def _take_back(self) -> None:
        """The call has ended: what was to break it off must not break off what follows."""
        with self._lock:
            _late[0] = None if _late[0] is self else _late[0]
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)


_late: list[Timeout | None] = [None]  # whose call in the main thread is to be broken off
_previous: list[Any] = [None]  # the handler of the signal that was there before


def _handle(number: int, frame: Any) -> None:
    limit = _late[0]
    if limit is not None and limit._began is not None:
        raise limit._late
    if callable(_previous[0]):
        _previous[0](number, frame)


def _keep_looking(reference: weakref.ref[Timeout]) -> None:
    while (limit := reference()) is not None:
        pause = limit.look()
        del limit
        time.sleep(pause)


class TimedEnvironment(PassThrough):
    """An environment whose steps and resets are broken off after a number of seconds: they raise Late."""

    def __init__(self, env: gym.Env, seconds: float) -> None:
        super().__init__(env)
        self._timeout = Timeout(seconds)

    def reset(self, **kwargs: Any) -> Any:
        return self._timeout.call(self.env.reset, **kwargs)

    def step(self, action: Any) -> Any:
        return self._timeout.call(self.env.step, action)


def timed(env: gym.Env, seconds: float | None) -> gym.Env:
    """The environment with this limit; itself without."""
    return env if seconds is None else TimedEnvironment(env, seconds)


# what cannot be broken off

_measures: list[Callable[[], Any]] = []


@contextmanager
def when_stuck(measure: Callable[[], Any]) -> Iterator[None]:
    """In this block, `measure()` is called from another thread once a step or reset is stuck in compiled code.

    Of several those that were given last come first.
    """
    _measures.append(measure)
    try:
        yield
    finally:
        _measures.remove(measure)


def stuck(what: Any, seconds: float) -> None:
    """Say that a call cannot be broken off, and do what is left to do."""
    name = type(getattr(getattr(what, "__self__", None), "unwrapped", None)).__name__
    method = getattr(what, "__name__", "step")
    with contextlib.suppress(OSError, ValueError):
        print(
            f"operant: {method}() of {name} has taken {seconds:.0f} s, longer than env_timeout, in compiled code that "
            "Python cannot break off. In a process of its own it can be ended: vectorization='async' "
            "(--vectorization async).",
            file=sys.stderr,
            flush=True,
        )
    for measure in reversed(_measures):
        measure()
