"""Some of a sweep's trials in a process of their own: what runs there. It answers with checkpoints, as their files."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from operant.engine.checkpoint import latest_checkpoint, read_files, save_files
from operant.engine.remote_object import Stoppable
from operant.envs import sent
from operant.messages import pack, unpack
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Group, Interrupted, population_of
from operant.sweeps.population import Stock
from operant.sweeps.request import Request
from operant.sweeps.trial import Trial


class Trainer(Stoppable):
    """Trains the groups that it is given, each as far as it is told."""

    def begin(self, told: dict[str, Any], arrays: list[Any], objects: dict[str, Any]) -> None:
        self._request = Request.from_json(told["request"])
        self._source = sent.read(told["source"], objects)
        self._stock = Stock()
        self._groups: dict[int, Group] = {}
        # Checkpoints lie here while they are written or read, and no longer: nothing is left where this is killed.
        self._directory = SweepDirectory(Path(tempfile.gettempdir()) / f"operant-sweep-{uuid4().hex}")

    def take(self, message: bytes) -> bytes:
        """A group of trials, in place of all those of earlier batches; with the files of its checkpoint, if any."""
        return self.answer(self._take, message)

    def reach(self, message: bytes) -> bytes:
        """A group is trained, and scored, up to a stop, or until its time is over: its checkpoint."""
        return self.answer(self._reach, message)

    def progress(self) -> bytes:
        """`[number, step, returns]` of each trial, as they are now."""
        groups = list(getattr(self, "_groups", {}).values())
        records = [each for group in groups for each in group.records.items()]
        return pack([[n, r.steps[-1], list(r.returns[-1])] for n, r in records if r.returns])

    def _take(self, message: bytes) -> bytes:
        told, files = unpack(message)
        batch, number = told["batch"], told["group"]
        for known in [n for n, group in self._groups.items() if group.batch != batch]:
            self._groups.pop(known).close()
        trials = [Trial.from_json(each, batch) for each in told["trials"]]
        with self._files():
            if files:
                place = self._directory.checkpoints_of(batch, number)
                save_files(place, told["step"], [x.tobytes() for x in files if x is not None], keep=1)
            population = population_of(self._request, self._source, trials, self._stock)
            self._groups[number] = Group(population, self._directory, batch, number, float("inf"))
            if files and population.alive:
                population.load()
        return pack({})

    def _reach(self, message: bytes) -> bytes:
        told, _ = unpack(message)
        group, began = self._groups[told["group"]], time.monotonic()
        self.take_turn(told["turn"])
        group.keep(told["alive"])

        def on_row() -> None:
            if time.monotonic() - began >= told["seconds"]:
                self.watch.stop = True

        with self._files():
            with suppress(Interrupted):
                group.reach(told["stop"], told["until"], self.watch, on_row)
            trained = time.monotonic() - began
            path = latest_checkpoint(self._directory.checkpoints_of(group.batch, told["group"]))
            assert path is not None
            files = [np.frombuffer(content, np.uint8) for content in read_files(path)]
            return pack({"step": int(path.name), "seconds": trained}, files)

    @contextmanager
    def _files(self) -> Iterator[None]:
        try:
            yield
        finally:
            shutil.rmtree(self._directory.path, ignore_errors=True)
