"""Branches that are begun from the page, and trained in a process of their own where that is asked for."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from operant.agent.branching import branch
from operant.live.runs import ShownRun

LOG = "branch.log"  # in the directory of a branch: what its training printed
MOST = 100  # branches of one checkpoint
TRAIN = ("resume", "--no-progress", "--no-video")


class Branches:
    """Begins branches, next to their parents, and trains one at a time, which ends with the page as by Ctrl-C."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._training: subprocess.Popen | None = None

    def begin(self, run: ShownRun, step: int, changes: Mapping[str, float | str], train: bool) -> Path:
        """A new run from this checkpoint, whose name is made here: none comes from outside. Returns its path.

        Raises ValueError for a change that cannot be made and where another branch is trained already, and OSError for
        a checkpoint that is not there.
        """
        with self._lock:
            if train and self._training is not None and self._training.poll() is None:
                raise ValueError("A branch is being trained already; begin this one without, or wait.")
            parent = run.directory.path.resolve()
            path = _free(parent.with_name(f"{parent.name}-at-{step}"))
            try:
                branch(parent, path, step, changes)
            except BaseException:
                shutil.rmtree(path, ignore_errors=True)  # it was free: nothing else is in it
                raise
            if train:
                self._train(path)
            return path

    def _train(self, path: Path) -> None:
        command = [sys.executable, "-m", "operant", TRAIN[0], str(path), *TRAIN[1:]]
        with (path / LOG).open("wb") as log:
            self._training = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def close(self) -> None:
        """End the training that was begun here; it keeps what it has learnt."""
        if self._training is not None and self._training.poll() is None:
            self._training.send_signal(signal.SIGINT)


def _free(path: Path) -> Path:
    """The path, or where there is something already, one with a number."""
    names = [path, *(path.with_name(f"{path.name}-{number}") for number in range(2, MOST))]
    free = next((one for one in names if not one.exists()), None)
    if free is None:
        raise ValueError(f"{path.name}: there are {MOST} branches of that already.")
    return free
