"""The signals that ask a process to end, and what they raise. Nothing is imported here that takes time."""

from __future__ import annotations

import signal

ENDING = tuple(  # Ctrl-C; what a scheduler or a container sends; what is left of a terminal that was closed
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Terminated(KeyboardInterrupt):
    """The process was asked to end by another signal than Ctrl-C's, which is answered in the same way."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.number = number


def interruption(number: int) -> KeyboardInterrupt:
    """What this signal raises."""
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)


def heeded() -> list[int]:
    """Those of `ENDING` that this process does not ignore, as under `nohup` or in the background of a script."""
    return [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]


def left_to_the_parent() -> None:
    """In a process of an environment: Ctrl-C and a closed terminal reach it as well, and are the parent's to answer.

    It ends when the parent closes its pipe, or sends SIGTERM, to which handlers it was forked with do not listen.
    """
    signal.set_wakeup_fd(-1)
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
