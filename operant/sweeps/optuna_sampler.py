"""Samplers of Optuna 5 (Akiba et al. 2019, arXiv:1907.10902), asked for several points at a time.

The study lives in memory, and nothing of it is written. A sweep that goes on asks for all earlier trials again, with
the same seed, and finds the same points: that brings any sampler to where it was.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState, create_trial

from operant.sweeps.samplers import RandomSampler, Told, Valid
from operant.sweeps.space import Choice, Point, Range, Space

REFUSED = 20  # points in a row that cannot be trained with
KINDS = {
    "tpe": "TPESampler",
    "gp": "GPSampler",
    "cmaes": "CmaEsSampler",
    "nsgaii": "NSGAIISampler",
    "qmc": "QMCSampler",
}


class OptunaSampler:
    """One of Optuna's samplers, by its name or as an object."""

    def __init__(self, space: Space, sampler: str | BaseSampler, seed: int) -> None:
        self.space = space
        self.distributions = {name: _distribution(each) for name, each in space.dimensions.items()}
        with _quiet():
            made = (
                getattr(optuna.samplers, KINDS[sampler])(seed=seed) if isinstance(sampler, str) else sampler
            )
            self.study = optuna.create_study(sampler=made, direction="maximize")
        self._random = RandomSampler(space, seed)
        self._open: list[Trial] = []  # asked for, and not told yet
        self._batches = 0  # that the study knows of

    def ask(self, count: int, known: Sequence[Told], valid: Valid) -> list[Point]:
        """Points that `valid` allows, given what is known of all before."""
        with _quiet():
            for _, several in groupby(known, key=lambda told: told.batch):
                batch = list(several)
                if batch[0].batch >= self._batches:
                    self._again(batch, valid)
            points, self._open = self._asked(count, valid)
        return points

    def _again(self, batch: Sequence[Told], valid: Valid) -> None:
        """Tell what came of a batch, which is asked for first where this process has not done so."""
        if not self._open:
            points, self._open = self._asked(len(batch), valid)
            if points != [
                told.point for told in batch
            ]:  # another version of Optuna, or a sampler without a seed
                warnings.warn(
                    "The sampler does not answer as it did when this sweep began: it is told of the earlier trials.",
                    stacklevel=3,
                )
                for trial in self._open:
                    self.study.tell(trial, state=TrialState.FAIL)
                self._open = []
        for told, trial in zip(batch, self._open or [None] * len(batch), strict=True):
            self._tell(told, trial)
        self._open, self._batches = [], batch[0].batch + 1

    def _asked(self, count: int, valid: Valid) -> tuple[list[Point], list[Trial]]:
        trials = [self._valid(valid) for _ in range(count)]
        return [self._point(trial.params) for trial in trials], trials

    def _valid(self, valid: Valid) -> Trial:
        """A trial at a point that can be trained with: the sampler's, or one at random where it finds none."""
        for _ in range(REFUSED):
            trial = self.study.ask(self.distributions)
            if valid(self._point(trial.params)):
                return trial
            self.study.tell(trial, state=TrialState.PRUNED)  # with no score it is worse than all others
        point = self._random.drawn(len(self.study.trials), valid)
        self.study.enqueue_trial(self._params(point))
        return self.study.ask(self.distributions)

    def _tell(self, told: Told, trial: Trial | None) -> None:
        """What came of a trial. One that was stopped is a pruned one, and one that diverged has failed."""
        scores = [(step, score) for step, score in told.scores if not math.isnan(score)]
        state = TrialState.COMPLETE if told.finished else TrialState.PRUNED
        if not scores or math.isnan(told.scores[-1][1]):
            state = TrialState.FAIL
        value = scores[-1][1] if state is TrialState.COMPLETE else None
        if trial is None:
            self.study.add_trial(
                create_trial(
                    params=self._params(told.point),
                    distributions=self.distributions,
                    value=value,
                    intermediate_values=dict(scores),
                    state=state,
                )
            )
            return
        for step, score in scores:
            trial.report(score, step)
        self.study.tell(trial, value, state=state)

    def _point(self, params: dict[str, Any]) -> Point:
        found = {}
        for name, dimension in self.space.dimensions.items():
            value = params[name]
            found[name] = dimension.values[value] if isinstance(dimension, Choice) else value
        return found

    def _params(self, point: Point) -> dict[str, Any]:
        return {
            name: dimension.index(point[name]) if isinstance(dimension, Choice) else point[name]
            for name, dimension in self.space.dimensions.items()
        }


def _distribution(dimension: Range | Choice) -> BaseDistribution:
    """The same in Optuna's words; a choice is one of its number."""
    if isinstance(dimension, Choice):
        return CategoricalDistribution(tuple(range(len(dimension.values))))
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


@contextmanager
def _quiet() -> Iterator[None]:
    """In this block Optuna neither logs what a sweep says itself nor warns of what is experimental there."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
