"""Trials of one program together: traced hyperparameters differ within a group, static ones between groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from operant.algorithms.base import Algorithm
from operant.algorithms.varied import Varied, apart, differing
from operant.engine.log import RETURN
from operant.engine.watch import Stopped, Watch
from operant.envs.source import Source
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
    def interval(self) -> float:
        """Seconds from the end of one to the next."""
        return max(self._seconds, SHARE * self._took)

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() - self._written >= self.interval

    def timed(self, write: Callable[[], None]) -> None:
        """Write one."""
        begun = time.monotonic()
        write()
        self.took(time.monotonic() - begun)

    def took(self, seconds: float) -> None:
        """One has been written."""
        self._written, self._took = time.monotonic(), seconds


class Interrupted(Exception):
    """Somebody asked to stop; all is kept."""


class AnyGroup(Protocol):
    """Trials of one program, wherever they are trained."""

    @property
    def records(self) -> Mapping[int, Record]:
        """What is noted of each trial."""
        ...

    @property
    def alive(self) -> Sequence[int]:
        """The trials that go on."""
        ...

    def keep(self, numbers: Sequence[int]) -> None:
        """Let go of all trials but these."""

    def close(self) -> None:
        """Nobody needs them any more."""


class Group:
    """A population with its place in the directory."""

    def __init__(
        self, population: Population, directory: SweepDirectory, batch: int, number: int, seconds: float
    ) -> None:
        self.population, self.batch = population, batch
        self._place = directory.checkpoints_of(batch, number)
        self._clockwork = Clockwork(seconds)
        self.more: dict[str, Any] = {}  # what else is kept with a checkpoint
        stored = population.restore(self._place)
        if stored is not None:
            self.more = {key: value for key, value in stored.items() if key != "batch"}

    @property
    def records(self) -> Mapping[int, Record]:
        """What is noted of each trial."""
        return self.population.records

    @property
    def alive(self) -> Sequence[int]:
        """The trials that go on."""
        return self.population.alive

    def keep(self, numbers: Sequence[int]) -> None:
        """Let go of all trials but these."""
        self.population.keep(numbers)

    def reach(self, stop: int, until: int, watch: Watch, on_row: Callable[[], None]) -> None:
        """Train and score all that are alive up to the stop of this number, unless that has been done.

        `on_row()` is called after each row of metrics. Raises Interrupted where `watch` says stop before.
        """
        population = self.population
        if not population.alive or len(population.records[population.alive[0]].scores) > stop:
            return

        def told(step: int) -> None:
            on_row()
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

    def close(self) -> None:
        """The learners are free for others."""
        self.population.close()

    def save(self) -> None:
        """Write a checkpoint."""
        watch = self.population.learners.core.learner.watch
        with watch.shielded():
            self._clockwork.timed(
                lambda: self.population.save(self._place, {"batch": self.batch, **self.more})
            )


def programs(request: Request, source: Source, trials: Sequence[Trial]) -> list[list[Trial]]:
    """The trials in groups, each of one program."""
    several: dict[Any, list[Trial]] = {}
    for trial in trials:
        algorithm = request.algorithm_at(trial.point)
        several.setdefault(program_of(request, source, algorithm, trial), []).append(trial)
    return list(several.values())


def population_of(request: Request, source: Source, trials: Sequence[Trial], stock: Stock) -> Population:
    """The trials of one program as a population."""
    algorithms = {trial.number: request.algorithm_at(trial.point) for trial in trials}
    seeds = {trial.number: trial.seeds for trial in trials}
    kind = kind_of(request, source, list(algorithms.values()), request.num_envs_at(trials[0].point))
    return Population(kind, algorithms, seeds, stock)


def program_of(request: Request, source: Source, algorithm: Algorithm, trial: Trial) -> Any:
    """What is equal of all trials that one program trains: hashable."""
    copies = request.num_envs_at(trial.point) or algorithm.default_num_envs
    return copies, *apart(algorithm, replace(source.spec, num_envs=copies))


def kind_of(request: Request, source: Source, algorithms: Sequence[Algorithm], num_envs: int | None) -> Kind:
    """What these algorithms have in common, which differ in traced numbers only."""
    varied = Varied(algorithms[0], differing(algorithms))
    return Kind(varied, source, num_envs, request.total_timesteps, request.evaluation_episodes)


def returns_of(records: Sequence[Record]) -> dict[str, Any]:
    """The newest mean returns of these trials, of each the mean over its seeds."""
    newest = [record.returns[-1] for record in records if record.returns]
    means = [float(np.mean(row)) for row in newest]
    return {RETURN: np.array(means)} if means else {}
