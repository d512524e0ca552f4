"""The trials of a batch, those of one program together: traced hyperparameters differ within a group, static ones
between groups. All groups come to a rung before anybody is compared there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from operant import decimals
from operant.algorithms.base import Algorithm
from operant.algorithms.varied import Varied, apart, differing
from operant.engine.log import RETURN
from operant.engine.watch import Stopped, Watch
from operant.envs.source import Source
from operant.sweeps import halving
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.population import Kind, Population, Stock
from operant.sweeps.request import Request
from operant.sweeps.trial import Record, Trial

SHARE = 20  # a checkpoint is written when training has taken this many times as long as the last one took to write


@dataclass
class Progress:
    """What is told while a sweep goes on; `tell` may be replaced."""

    steps: int = 0  # of all trials so far, each trial's counted once
    total: int = 1  # of all trials that are asked for, without those that will be stopped
    row: dict[str, Any] = field(default_factory=dict)
    tell: Callable[[Progress], None] = lambda progress: None
    say: Callable[[str], None] = lambda line: None


class Clockwork:
    """When the next checkpoint is due: never so often that writing takes more than a twentieth of the time."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._written, self._took = seconds, time.monotonic(), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() - self._written >= max(self._seconds, SHARE * self._took)

    def timed(self, write: Callable[[], None]) -> None:
        """Write one."""
        begun = time.monotonic()
        write()
        self._written = time.monotonic()
        self._took = self._written - begun


class Interrupted(Exception):
    """Somebody asked to stop; all is kept."""


class Group:
    """A population with its place in the directory."""

    def __init__(
        self, population: Population, directory: SweepDirectory, batch: int, number: int, seconds: float
    ) -> None:
        self.population, self._batch = population, batch
        self._place = directory.checkpoints_of(batch, number)
        self._clockwork = Clockwork(seconds)
        self.more: dict[str, Any] = {}  # what else is kept with a checkpoint
        stored = population.restore(self._place)
        if stored is not None:
            self.more = {
                key: value for key, value in stored.items() if key not in ("alive", "records", "batch")
            }

    @property
    def records(self) -> Mapping[int, Record]:
        """What is noted of each trial."""
        return self.population.records

    def reach(self, stop: int, until: int, watch: Watch, on_row: Callable[[int], None]) -> None:
        """Train and score all that are alive up to the stop of this number, unless that has been done.

        Raises Interrupted where `watch` says stop before.
        """
        population = self.population
        if not population.alive or len(population.records[population.alive[0]].scores) > stop:
            return

        def told(step: int) -> None:
            on_row(step)
            if self._clockwork.due and step < until:
                self.save()

        try:
            population.train(until, watch, told)
            if population.steps < until:
                raise Stopped
            population.evaluate(until, watch)
        except Stopped:
            self.save()
            raise Interrupted from None
        self.save()

    def save(self) -> None:
        """Write a checkpoint."""
        watch = self.population.learners.core.learner.watch
        with watch.shielded():
            self._clockwork.timed(
                lambda: self.population.save(self._place, {"batch": self._batch, **self.more})
            )


def grouped(request: Request, source: Source, trials: Sequence[Trial], stock: Stock) -> list[Population]:
    """The trials as populations, each of one program."""
    algorithms = {trial.number: request.algorithm_at(trial.point) for trial in trials}
    several: dict[Any, list[Trial]] = {}
    for trial in trials:
        several.setdefault(program_of(request, source, algorithms[trial.number], trial), []).append(trial)
    populations = []
    for members in several.values():
        own = {trial.number: algorithms[trial.number] for trial in members}
        seeds = {trial.number: trial.seeds for trial in members}
        kind = kind_of(request, source, list(own.values()), request.num_envs_at(members[0].point))
        populations.append(Population(kind, own, seeds, stock))
    return populations


def program_of(request: Request, source: Source, algorithm: Algorithm, trial: Trial) -> Any:
    """What is equal of all trials that one program trains: hashable."""
    from dataclasses import replace

    copies = request.num_envs_at(trial.point) or algorithm.default_num_envs
    return copies, *apart(algorithm, replace(source.spec, num_envs=copies))


def kind_of(request: Request, source: Source, algorithms: Sequence[Algorithm], num_envs: int | None) -> Kind:
    """What these algorithms have in common, which differ in traced numbers only."""
    varied = Varied(algorithms[0], differing(algorithms))
    return Kind(varied, source, num_envs, request.total_timesteps, request.evaluation_episodes)


class Batch:
    """Trials that were asked for together: trained side by side, and stopped by successive halving."""

    def __init__(
        self,
        request: Request,
        source: Source,
        directory: SweepDirectory,
        trials: Sequence[Trial],
        stock: Stock,
    ) -> None:
        self.request, self.trials = request, trials
        self.number = trials[0].batch
        populations = grouped(request, source, trials, stock)
        self.groups = [
            Group(each, directory, self.number, index, request.checkpoint_seconds)
            for index, each in enumerate(populations)
        ]

    @property
    def stops(self) -> list[int]:
        """The steps at which all are scored: the rungs, and the end."""
        return [*rungs(self.request, len(self.trials)), self.request.total_timesteps]

    def train(self, watch: Watch, progress: Progress) -> list[Trial]:
        """The trials with what came of them. Raises Interrupted where `watch` says stop."""
        begun = progress.steps
        for stop, until in enumerate(self.stops):
            for group in self.groups:
                group.reach(stop, until, watch, lambda step: self._tell(progress, begun))
            self._compare(stop, progress)
        return [self._result(trial) for trial in self.trials]

    def close(self) -> None:
        """The learners are free for others."""
        for group in self.groups:
            group.population.close()

    def _tell(self, progress: Progress, begun: int) -> None:
        records = [record for group in self.groups for record in group.records.values()]
        progress.steps = begun + sum(record.step for record in records)
        alive = [group.records[number] for group in self.groups for number in group.population.alive]
        progress.row = {
            "sweep/batch": self.number + 1,
            "sweep/trials_training": len(alive),
            **returns_of(alive),
        }
        progress.tell(progress)

    def _compare(self, stop: int, progress: Progress) -> None:
        """Stop all but the best at this rung, and say how it stands."""
        scores = {
            number: record.scores[stop].mean
            for group in self.groups
            for number, record in group.records.items()
            if len(record.scores) > stop
        }
        best = halving.ranked(scores)[0]
        progress.say(
            f"batch {self.number + 1}: {len(scores)} trials at {self.stops[stop]:,} steps, the best is trial {best} "
            f"with {decimals.score(scores[best])}"
        )
        if stop + 1 == len(self.stops):
            return
        left = halving.survivors(scores, halving.kept(len(self.trials), self.request.reduction_factor, stop))
        for group in self.groups:
            group.population.keep(left)

    def _result(self, trial: Trial) -> Trial:
        record = next(group.records[trial.number] for group in self.groups if trial.number in group.records)
        return trial.with_result("finished" if len(record.scores) == len(self.stops) else "stopped", record)


def returns_of(records: Sequence[Record]) -> dict[str, Any]:
    """The newest mean returns of these trials, of each the mean over its seeds."""
    newest = [record.returns[-1] for record in records if record.returns]
    means = [float(np.mean(row)) for row in newest]
    return {RETURN: np.array(means)} if means else {}


def rungs(request: Request, trials: int) -> list[int]:
    """Where trials of a batch of this size are stopped."""
    if request.scheduler != "halving":
        return []
    least = request.min_timesteps or -(-request.total_timesteps // 9)
    return halving.rungs(request.total_timesteps, trials, request.reduction_factor, least)


def batches(request: Request) -> Iterator[int]:
    """How many trials each batch asks for."""
    left = request.trials
    while left > 0:
        yield min(left, request.together)
        left -= request.together
