"""Trials of a sweep in processes of their own, on this machine or on many, as the sweep sees them.

Each process trains a part of the trials of every program. After each stop, and now and then before, it sends the
checkpoint of what it trains, so that another one can go on from there.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import jax
import numpy as np

from operant import cluster
from operant.algorithms.advice import TrainingWarning
from operant.engine.asynchronous.remote import answered
from operant.engine.checkpoint import read_files, save_files
from operant.engine.watch import Watch
from operant.envs import sent
from operant.envs.source import Source
from operant.messages import pack, unpack
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Clockwork, Interrupted
from operant.sweeps.kept import Kept
from operant.sweeps.process import Trainer
from operant.sweeps.request import Request
from operant.sweeps.trial import Record, Trial
from operant.version import __version__

TELLING = 0.5  # seconds between two looks at how far it is
MOST_LOSSES = 3  # of processes, one after the other, that have come no further


class Crew:
    """The processes of a sweep.

    Args:
        request: with W workers.
        source: the environment.
        address: that of a Ray cluster, as for `cluster.Share`.
        say: is told, in a line, where a process was lost.
    """

    def __init__(
        self, request: Request, source: Source, address: str | None, say: Callable[[str], None]
    ) -> None:
        assert request.workers is not None
        self.request, self._say = request, say
        self._share = cluster.Share(address, request.workers)
        if (lack := self._share.lacks(request.workers)) is not None:
            warnings.warn(
                f"workers={request.workers}: {lack}. Some of the trials wait until there is room: add machines, or "
                "tell Ray that one has more (ray start --num-cpus).",
                TrainingWarning,
                stacklevel=2,
            )
        written = sent.Written()
        sent.write(source, written)
        self._cores = self._share.cores_each(request.workers)
        told = {
            "version": __version__,
            "x64": bool(jax.config.jax_enable_x64),  # pyright: ignore[reportAttributeAccessIssue]
            "cores": self._cores,
            "request": request.to_json(),
            "source": written.values,
        }
        self._made_of = (pack(told), written.objects)
        self._silence = source.env_timeout
        self._groups: list[RemoteGroup] = []
        self.processes = [self._made() for _ in range(request.workers)]

    def groups(self, programs: Sequence[Sequence[Trial]], directory: SweepDirectory) -> list[RemoteGroup]:
        """The trials of a batch, those of each program divided among the processes as evenly as can be."""
        loads = [0] * len(self.processes)
        self._groups = []
        for trials in programs:
            for part in np.array_split(np.arange(len(trials)), min(len(trials), len(loads))):
                place = int(np.argmin(loads))
                loads[place] += len(part)
                own = [trials[i] for i in part]
                self._groups.append(RemoteGroup(self, directory, len(self._groups), own, place))
        return self._groups

    def reach(self, stop: int, until: int, watch: Watch, tell: Callable[[], None]) -> None:
        """All groups are trained and scored up to the stop of this number; `tell()` is called now and then.

        Raises Interrupted where `watch` says stop before, and what a process raised.
        """
        own = [[g for g in self._groups if g.place == place] for place in range(len(self.processes))]
        stopping = _Either(watch)

        def work(groups: Sequence[RemoteGroup]) -> None:
            for group in groups:
                group.reach(stop, until, stopping)

        with ThreadPoolExecutor(len(own)) as pool:
            try:
                left = {pool.submit(work, each) for each in own if each}
                begun = set(left)
                while left:
                    done, left = wait(left, TELLING, FIRST_EXCEPTION)
                    stopping.failed |= any(each.exception() is not None for each in done)
                    tell()
            except BaseException:  # as at a second Ctrl-C
                stopping.failed = True
                raise
        errors = [error for each in begun if (error := each.exception()) is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, Interrupted)):
            raise error

    def lost(self, place: int, why: Exception) -> None:
        """A process in place of one that was lost."""
        self._say(f"{why} Its trials go on in another one, from their last checkpoint.")
        self.processes[place].end()
        self.processes[place] = self._made()

    def close(self) -> None:
        for process in self.processes:
            process.end()
        self._share.close()

    def _made(self) -> cluster.Process:
        how = {"silence": self._silence, "cores": self._cores}
        return cluster.Process(self._share, Trainer, *self._made_of, **how)


class RemoteGroup:
    """Trials of one program that a process trains, with their checkpoints in the sweep's directory."""

    def __init__(
        self, crew: Crew, directory: SweepDirectory, number: int, trials: Sequence[Trial], place: int
    ) -> None:
        self._crew, self._number, self._trials, self.place = crew, number, trials, place
        self._batch = trials[0].batch
        self._checkpoints = directory.checkpoints_of(self._batch, number)
        self._clockwork = Clockwork(crew.request.checkpoint_seconds)
        self._turns, self._knows = 0, None  # the process that has these trials
        self._losses, self._lost_at = 0, -1
        self.alive: list[int] = [trial.number for trial in trials]
        self.records = {number: Record() for number in self.alive}
        self._latest: Path | None = None
        self._read()

    def reach(self, stop: int, until: int, watch: _Either) -> None:
        """Train and score all that are alive up to the stop of this number, unless that has been done.

        Raises Interrupted where `watch` says stop before.
        """
        while self.alive and len(self.records[self.alive[0]].scores) <= stop:
            if watch.stop:
                raise Interrupted
            try:
                self._go_on(stop, until, watch)
            except cluster.ProcessLost as error:
                if watch.stop:
                    raise Interrupted from error
                self._count(error)
                self._crew.lost(self.place, error)

    def keep(self, numbers: Sequence[int]) -> None:
        """Let go of all trials but these."""
        self.alive = [number for number in self.alive if number in numbers]

    def close(self) -> None:
        """The process lets go of them with the next batch."""

    def _go_on(self, stop: int, until: int, watch: _Either) -> None:
        process = self._crew.processes[self.place]
        if self._knows is not process:
            self._give(process)
        self._turns += 1
        told = {"group": self._number, "turn": self._turns, "alive": self.alive, "stop": stop, "until": until}
        began = time.monotonic()
        call = process.ask("reach", pack(told | {"seconds": self._clockwork.interval}))
        look = _Look(process, self._turns, watch, self._note)
        answer, files = answered(process, call, look)
        save_files(self._checkpoints, answer["step"], [x.data for x in files if x is not None], keep=1)
        self._clockwork.took(time.monotonic() - began - answer["seconds"])
        self._read()

    def _give(self, process: cluster.Process) -> None:
        """Tell a process of these trials, where they stand."""
        told = {"batch": self._batch, "group": self._number, "trials": [t.to_json() for t in self._trials]}
        files = [] if self._latest is None else [np.frombuffer(x, np.uint8) for x in read_files(self._latest)]
        told["step"] = 0 if self._latest is None else int(self._latest.name)
        answered(process, process.ask("take", pack(told, files)))
        self._knows = process

    def _read(self) -> None:
        """What the last checkpoint says."""
        kept = Kept.latest(self._checkpoints, list(self.records))
        if kept is not None:
            self.alive, self.records, self._latest = kept.alive, kept.records, kept.path

    def _note(self, told: Sequence[Any]) -> None:
        """A point of each curve, until the next checkpoint has them all."""
        for number, step, returns in told:
            record = self.records.get(number)
            if record is not None and step > record.step:
                record.steps.append(step)
                record.returns.append(returns)

    def _count(self, error: Exception) -> None:
        """Raise RuntimeError where one process after the other is lost at the same place."""
        at = -1 if self._latest is None else int(self._latest.name)
        self._losses = self._losses + 1 if at == self._lost_at else 1
        self._lost_at = at
        if self._losses >= MOST_LOSSES:
            raise RuntimeError(
                f"workers={self._crew.request.workers}: {MOST_LOSSES} processes, one after the other, were lost with "
                f"the same trials, at step {max(at, 0):,}; of the last: {error} Perhaps they need more memory than "
                "there is: train fewer together (together=…), or with fewer workers. The sweep can be resumed."
            ) from error


class _Look:
    """What is done while a process trains: ask how far it is, and tell it to stop."""

    def __init__(
        self,
        process: cluster.Process,
        turn: int,
        watch: _Either,
        note: Callable[[Sequence[Any]], None],
    ) -> None:
        self._process, self._turn, self._watch, self._note = process, turn, watch, note
        self._stopping, self._asked, self._when = False, None, 0.0

    def __call__(self) -> None:
        if self._watch.stop and not self._stopping:
            self._stopping = True
            self._process.at_once("stop", self._turn)
        if self._asked is None:
            if time.monotonic() - self._when >= TELLING:
                self._asked = self._process.at_once("progress")
        elif (message := self._process.said(self._asked)) is not None:
            self._note(unpack(message)[0])
            self._asked, self._when = None, time.monotonic()


class _Either:
    """Whether to stop: somebody says so, or another process has failed."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self.failed = watch, False

    @property
    def stop(self) -> bool:
        return self.failed or self._watch.stop
