"""R5: two writers in one run directory: the second is told who the first is, and the first ends as if alone.

A process trains until a moment of its run and waits there; this process then tries everything that would write into the
directory. Then the first goes on. In some cases it is killed instead, and the second takes over.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import operant
from operant.agent import Agent
from operant.cli import main
from operant.engine import run_lock
from tests.reliability import small_runs
from tests.reliability.row_kills import finished
from tests.reliability.rows import Row

ROW = Row(
    "R5",
    "two writers: train, --overwrite, resume, learn and finish in the directory of a run that is going on",
    passes="the second names the first and exits 2; the first ends as if alone; a killed one is taken over",
    full=20,
    fast=(0, 11),
)
KIND = "table"
QUIET = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "1")
TRAIN = ("train", "q-learning", "FrozenLake-v1", "--total-timesteps", "256", *QUIET)


def case(index: int, directory: Path) -> None:
    run, moment, ended = directory / "run", index // 5 % 4, index % 5 == 1
    go = directory / "go"
    first = small_runs.in_a_process(_train_and_wait, run, moment, go)
    try:
        wait_for(directory / "waiting", first)
        said = SECONDS[index % 5](run)
        for expected in (f"process {first.pid} on {socket.gethostname()}", "since ", str(run)):
            assert expected in said, said
        if ended:
            assert first.pid is not None
            os.kill(first.pid, signal.SIGKILL)
        else:
            go.touch()
        first.join()
    finally:
        first.kill()
    if ended:
        assert (run / run_lock.NAME).exists(), "it had no time to delete its lock"
        resumed = finished(KIND, run)
    else:
        assert first.exitcode == 0
        resumed = Agent.restore(run)
    small_runs.require_as_if_nothing_had_happened(KIND, resumed, run)


def wait_for(path: Path, process: Any) -> None:
    """Return when a file is there. Raises AssertionError where the process that makes it ends first."""
    while not path.exists():
        assert process.is_alive(), f"the first ended with {process.exitcode}"
        time.sleep(0.01)


def _train_and_wait(run: Path, moment: int, go: Path) -> None:
    """Train; wait after so many rows until told to go on."""
    rows = 0

    def wait(progress: Any) -> None:
        nonlocal rows
        if rows == moment:
            (run.parent / "waiting").touch()
            while not go.exists():
                time.sleep(0.01)
        rows += 1

    small_runs.learn(small_runs.KINDS[KIND](), run, callback=wait)


def _command(*arguments: str) -> Callable[[Path], str]:
    """What a command, which must exit 2, says in one line."""

    def attempt(run: Path) -> str:
        with pytest.MonkeyPatch.context() as patch:
            lines: list[str] = []
            patch.setattr("sys.stderr", _Lines(lines))
            code = main([argument.replace("RUN", str(run)) for argument in arguments])
        assert code == 2, (code, lines)
        said = "".join(lines)
        assert said.count("\n") == 1, said
        return said

    return attempt


class _Lines:
    """A stream that keeps what is written."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append

    def flush(self) -> None: ...


def _python(call: Callable[[Path], Any]) -> Callable[[Path], str]:
    def attempt(run: Path) -> str:
        with pytest.raises(operant.RunInUseError, match=re.escape(str(run))) as error:
            call(run)
        return str(error.value)

    return attempt


SECONDS = (
    _command(*TRAIN, "--run-dir", "RUN", "--overwrite"),
    _command("resume", "RUN", *QUIET),
    _python(lambda run: small_runs.learn(small_runs.KINDS[KIND](), run, overwrite=True)),
    _python(lambda run: Agent.resume(run, progress_bar=False)),
    _command(*TRAIN, "--run-dir", "RUN"),
)
