"""What the processes of an AsyncVectorEnv answer, waited for: those that have ended or take too long are named."""

from __future__ import annotations

import os
import pickle
import select
import socket
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import connection
from typing import Any

from gymnasium.vector import AsyncVectorEnv
from gymnasium.vector.async_vector_env import AsyncState

from operant.envs.gymnasium_checked import Checked

WAITS = ("reset_wait", "step_wait", "call_wait")


class ProcessEnded(Exception):
    """The process of one environment has ended, by itself or killed."""

    def __init__(self, index: int, code: int) -> None:
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        super().__init__(f"the process of environment {index} ended: {how}.")
        self.index = index


class ProcessLate(Exception):
    """An environment in a process has not answered in time."""

    def __init__(self, index: int, seconds: float) -> None:
        super().__init__(index, seconds)
        self.index, self.seconds = index, seconds


class Processes:
    """Looks after the processes of an AsyncVectorEnv, whose methods that wait for an answer it precedes.

    They wait for one process after the other, and for ever for one that hangs or, where another hangs, was killed.

    Args:
        envs: the vector environment.
        seconds: that a step or a reset may take; None for any time.
    """

    def __init__(self, envs: AsyncVectorEnv, seconds: float | None) -> None:
        self.envs, self.seconds = envs, seconds
        self.lost = False  # whether they are of no more use
        if any(pipe is None or pipe.closed for pipe in envs.parent_pipes):
            raise ValueError(
                "The processes of this AsyncVectorEnv have ended, after an error or close(): make it anew."
            )
        self._pipes = [pipe.fileno() for pipe in envs.parent_pipes]
        self._sentinels = {process.sentinel: i for i, process in enumerate(envs.processes)}
        self._ready = [_ready((pipe, *self._sentinels)) for pipe in self._pipes]
        for name in WAITS:
            envs.__dict__.pop(name, None)  # of somebody before
            setattr(envs, name, partial(self._waited, getattr(envs, name), limited=name != "call_wait"))

    def end(self) -> None:
        """End all of them, whatever they are doing."""
        self.lost = True
        for process in self.envs.processes:
            process.kill()
        for process in self.envs.processes:
            process.join(5)
        for pipe in self.envs.parent_pipes:
            if pipe is not None:
                pipe.close()
        self.envs._state = AsyncState.DEFAULT  # else closing waits for what they have to say

    def ended(self) -> ProcessEnded | None:
        """The first that has ended, where a pipe was found closed."""
        connection.wait(
            [process.sentinel for process in self.envs.processes], 1
        )  # its exit code may be to come
        for index, process in enumerate(self.envs.processes):
            if process.exitcode is not None:
                return ProcessEnded(index, process.exitcode)
        return None

    def _waited(self, wait: Callable[..., Any], *arguments: Any, limited: bool, **options: Any) -> Any:
        self._wait(self.seconds if limited else None)
        return wait(*arguments, **options)

    def _wait(self, seconds: float | None) -> None:
        """Wait until all have answered. Raises ProcessEnded and ProcessLate."""
        deadline = None if seconds is None else time.monotonic() + seconds
        for index, pipe in enumerate(self._pipes):
            while pipe not in (found := self._ready[index](deadline)):
                if not found:
                    assert seconds is not None
                    raise ProcessLate(index, seconds)
                self._require_alive(found)

    def _require_alive(self, found: list[int]) -> None:
        for sentinel in found:
            index = self._sentinels.pop(sentinel, None)
            if index is None:
                continue
            process = self.envs.processes[index]
            process.join(1)
            # One whose environment raised says so in its pipe, and ends in order.
            if process.exitcode or (process.exitcode == 0 and _is_empty(self._pipes[index])):
                raise ProcessEnded(index, process.exitcode)
            self._ready = [_ready((pipe, *self._sentinels)) for pipe in self._pipes]


class Sent(Checked):
    """An environment in a process of its own, which looks at what it answers itself: outside it has been converted.

    What it raises is sent as it is only if it can be, and made anew from itself, as Gymnasium does.
    """

    def reset(self, **kwargs: Any) -> Any:
        try:
            return super().reset(**kwargs)
        except Exception as error:
            raise portable(error) from error

    def step(self, action: Any) -> Any:
        try:
            return super().step(action)
        except Exception as error:
            raise portable(error) from error


def portable(error: Exception) -> Exception:
    """An error that can be sent: itself, or one that says what it was."""
    try:
        pickle.loads(pickle.dumps(error))
        type(error)(error)
    except Exception:
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.__notes__ = getattr(error, "__notes__", [])
        return told
    return error


def original(error: Exception) -> Exception:
    """The error that was sent, of one that Gymnasium made of it."""
    sent = error.args[0] if len(error.args) == 1 else None
    return sent if isinstance(sent, type(error)) else error


def _is_empty(pipe: int) -> bool:
    """Whether there is nothing in a pipe whose other end is closed."""
    if not hasattr(socket, "AF_UNIX"):  # where pipes are no sockets
        return False
    with socket.socket(fileno=os.dup(pipe)) as end:
        return end.recv(1, socket.MSG_PEEK) == b""


def _ready(handles: tuple[int, ...]) -> Callable[[float | None], list[int]]:
    """A function of a deadline that waits for the first of these, and returns those that are ready: none in time."""
    if not hasattr(select, "poll"):  # Windows

        def waited(deadline: float | None) -> list[int]:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            return list(connection.wait(handles, left))  # pyright: ignore[reportArgumentType, reportReturnType]

        return waited
    polled = select.poll()  # made once: at every step that would take longer than the wait
    for handle in handles:
        polled.register(handle, select.POLLIN)

    def poll(deadline: float | None) -> list[int]:
        left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
        return [handle for handle, _ in polled.poll(left)]

    return poll
