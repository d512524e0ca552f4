"""How a command ends on a signal: soon, whatever it is doing, with nothing lost and no process left."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from operant.interruption import heeded, interruption

if TYPE_CHECKING:
    from operant.engine.watch import Watch

GRACE = 4.0  # seconds from the first signal to where the process is ended from outside what it is doing
SOON = 1.0  # the same from a second signal, and once all that was to be said has been said


class Ending:
    """Answers Ctrl-C, SIGTERM and SIGHUP in a `with` block, which is a whole command in the main thread.

    The first of them raises KeyboardInterrupt; while training it sets `Watch.stop` (which see). Python handles a signal
    only between two of its own instructions, and compiling, for example, is a single call that may take long. So the
    signal also wakes a thread: after `GRACE` seconds it saves what has been learnt, prints how to continue, ends the
    processes of environments and then this one. A file that is being written is finished, and so is an environment's
    step, unless there is a second signal.
    """

    def __init__(self) -> None:
        self.watch: Callable[[], Watch] | None = None  # that of what trains
        self.advice: Callable[[], str] | None = None  # how to go on
        self._answered = False  # from then on the command is ending, and no signal raises anything
        self._over, self._again = threading.Event(), threading.Event()
        self._before: dict[int, Any] = {}
        self._wakeup: tuple[socket.socket, socket.socket] | None = None
        self._looking: threading.Thread | None = None

    def __enter__(self) -> Ending:
        if threading.current_thread() is threading.main_thread():
            self._wakeup = read, write = socket.socketpair()
            write.setblocking(False)
            signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
            self._before = {number: signal.signal(number, self._answer) for number in heeded()}
            self._looking = threading.Thread(target=self._look_after, args=(read,), daemon=True)
            self._looking.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if self._wakeup is None:
            return
        self._answered = True
        signal.set_wakeup_fd(-1)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            for number in self._before:  # to Python's own end
                signal.signal(number, signal.SIG_IGN)
            self._over.set()  # threads may be filming or compiling, and Python would wait for them
            return
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        # The thread ends with the block: one that wakes up while Python ends can take the whole process down.
        read, write = self._wakeup
        write.close()
        assert self._looking is not None
        self._looking.join()
        read.close()

    def _answer(self, number: int, frame: Any) -> None:
        if self._answered or (self.watch is not None and self.watch().signal is not None):
            return
        self._answered = True
        raise interruption(number)

    def _look_after(self, signals: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if number := self._next(signals):
                threading.Thread(target=self._end, args=(number,), daemon=True).start()
                if self._next(signals):
                    self._again.set()

    def _next(self, signals: socket.socket) -> int:
        """The next signal that asks to end; 0 when the command is over. Other handled signals arrive here as well."""
        while (numbers := signals.recv(1)) and numbers[0] not in self._before:
            pass
        return numbers[0] if numbers else 0

    def _end(self, number: int) -> None:
        """End the process after this signal, unless it ends in time by itself."""
        self._give_time()
        while True:
            watch = None if self.watch is None else self.watch()
            rescue = None if watch is None else watch.rescue
            with contextlib.nullcontext() if watch is None else watch.writing:
                in_step = watch is not None and watch.acting and not self._again.is_set()
                if rescue is None or (rescue() and not in_step):
                    self._leave(number)
            # A chunk is under way, which has taken over all arrays, or a step of an environment: after either training
            # ends by itself.
            time.sleep(SOON)

    def _give_time(self) -> None:
        end = time.monotonic() + GRACE
        while (left := end - time.monotonic()) > 0:
            if self._over.wait(min(left, 0.05)) or self._again.is_set():
                time.sleep(min(left, SOON))
                return

    def _leave(self, number: int) -> None:
        """End the process at once, without waiting for buffered output: nothing here goes through it."""
        with contextlib.suppress(OSError):
            if not self._over.is_set():
                advice = "interrupted" if self.advice is None else f"interrupted: {self.advice()}"
                cursor = "\x1b[?25h\n" if os.isatty(2) else ""  # which a bar of progress may have hidden
                os.write(2, f"{cursor}operant: {advice}\n".encode())
        if "multiprocessing" in sys.modules:
            from multiprocessing import active_children

            children = active_children()
            for child in children:
                child.kill()
        if "operant.cluster" in sys.modules:
            from operant import cluster

            cluster.abandon()
        os._exit(128 + number)


_current: Ending | None = None


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Handle signals to end in this block, which is all that the process does."""
    global _current
    with Ending() as _current:
        yield
    _current = None


@contextlib.contextmanager
def keeping(watch: Callable[[], Watch], advice: Callable[[], str]) -> Iterator[None]:
    """Save what is trained in this block if the process must be ended, and print how to continue."""
    ending = _current or Ending()
    ending.watch, ending.advice = watch, advice
    yield
