"""A population in training: between two intervals members copy each other, and all of it stays one program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from operant.engine.watch import Watch
from operant.envs.source import Source
from operant.sweeps import halving
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Group, Progress, kind_of, returns_of
from operant.sweeps.population import Population, Stock
from operant.sweeps.population_based import Exchange, exchange, explored
from operant.sweeps.request import Request
from operant.sweeps.trial import Trial

EXCHANGES = "exchanges"  # in a checkpoint


class Evolution:
    """The members of a population, each with seeds of its own."""

    def __init__(
        self,
        request: Request,
        source: Source,
        directory: SweepDirectory,
        trials: Sequence[Trial],
        stock: Stock,
    ) -> None:
        self.request, self.trials = request, trials
        algorithms = {trial.number: request.algorithm_at(trial.point) for trial in trials}
        seeds = {trial.number: trial.seeds for trial in trials}
        # Numbers in which all members agree now may differ later.
        others = [request.algorithm_at(_elsewhere(request, trial, up)) for trial in trials for up in (0, 1)]
        num_envs = request.num_envs_at(trials[0].point)
        kind = kind_of(request, source, [*algorithms.values(), *others], num_envs)
        self.population = Population(kind, algorithms, seeds, stock)
        self.group = Group(self.population, directory, trials[0].batch, 0, request.checkpoint_seconds)
        stored = self.group.more.get(EXCHANGES, [])
        self.exchanges = [Exchange.from_json(each) for each in stored]
        if self.exchanges:
            self.population.algorithms = self._algorithms(self.exchanges[-1])

    @property
    def stops(self) -> list[int]:
        """The steps at which all are scored: the ends of the intervals, and of training."""
        total = self.request.total_timesteps
        each = self.request.interval or math.ceil(total / 20)
        return [*range(each, total, each), total]

    def train(self, watch: Watch, progress: Progress) -> tuple[list[Trial], list[Exchange]]:
        """The members with what came of them, and all exchanges. Raises Interrupted where `watch` says stop."""
        for stop, until in enumerate(self.stops):

            def on_row(stop: int = stop) -> None:
                progress.steps = self.population.steps * len(self.trials)
                progress.row = {"sweep/interval": stop + 1, **returns_of(list(self.group.records.values()))}
                progress.tell(progress)

            self.group.reach(stop, until, watch, on_row)
            scores = {number: record.scores[stop].mean for number, record in self.group.records.items()}
            best = halving.ranked(scores)[0]
            progress.say(
                f"interval {stop + 1} of {len(self.stops)}, {until:,} steps: the best is member {best} with "
                f"{scores[best]:.1f}, the median {np.nanmedian(list(scores.values())):.1f}"
            )
            if stop + 1 < len(self.stops) and len(self.exchanges) == stop:
                self._exchange(scores)
        trained = [trial.with_result("finished", self.group.records[trial.number]) for trial in self.trials]
        return trained, self.exchanges

    def close(self) -> None:
        """The learners are free for others."""
        self.population.close()

    def _exchange(self, scores: dict[int, float]) -> None:
        points = self.exchanges[-1].points if self.exchanges else {t.number: t.point for t in self.trials}
        generator = np.random.default_rng((self.request.seed, len(self.exchanges)))
        step = self.population.steps
        event = exchange(step, scores, points, self.request.space, self.request.quantile, generator)
        self.population.exchange(dict(event.sources), self._algorithms(event))
        self.exchanges.append(event)
        self.group.more[EXCHANGES] = [each.to_json() for each in self.exchanges]
        self.group.save()

    def _algorithms(self, event: Exchange) -> dict[int, Any]:
        return {number: self.request.algorithm_at(point) for number, point in event.points.items()}


def _elsewhere(request: Request, trial: Trial, up: int) -> Any:
    """A point that differs from a member's in every dimension, if the space has one."""

    class Always:
        def integers(self, high: int) -> int:
            return up

    return explored(request.space, trial.point, Always())  # pyright: ignore[reportArgumentType]
