"""A batch of trials, which were asked for together: all come to a rung before anybody is compared there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operant import decimals
from operant.engine.watch import Watch
from operant.envs.source import Source
from operant.sweeps import halving
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import AnyGroup, Group, Progress, population_of, programs, returns_of
from operant.sweeps.population import Stock
from operant.sweeps.remote import Crew
from operant.sweeps.request import Request
from operant.sweeps.trial import Trial


class Batch:
    """Trials that were asked for together: trained side by side, and stopped by successive halving."""

    def __init__(
        self,
        request: Request,
        source: Source,
        directory: SweepDirectory,
        trials: Sequence[Trial],
        stock: Stock,
        crew: Crew | None = None,
    ) -> None:
        self.request, self.trials, self._crew = request, trials, crew
        self.number = trials[0].batch
        several = programs(request, source, trials)
        populations = [] if crew else [population_of(request, source, each, stock) for each in several]
        self._here = [
            Group(each, directory, self.number, index, request.checkpoint_seconds)
            for index, each in enumerate(populations)
        ]
        self.groups: Sequence[AnyGroup] = crew.groups(several, directory) if crew else self._here

    @property
    def stops(self) -> list[int]:
        """The steps at which all are scored: the rungs, and the end."""
        return [*rungs(self.request, len(self.trials)), self.request.total_timesteps]

    def train(self, watch: Watch, progress: Progress) -> list[Trial]:
        """The trials with what came of them. Raises Interrupted where `watch` says stop."""
        begun = progress.steps

        def tell() -> None:
            self._tell(progress, begun)

        for stop, until in enumerate(self.stops):
            if self._crew is not None:
                self._crew.reach(stop, until, watch, tell)
            else:
                for group in self._here:
                    group.reach(stop, until, watch, tell)
            self._compare(stop, progress)
        return [self._result(trial) for trial in self.trials]

    def close(self) -> None:
        """The learners are free for others."""
        for group in self.groups:
            group.close()

    def _tell(self, progress: Progress, begun: int) -> None:
        records = [record for group in self.groups for record in group.records.values()]
        progress.steps = begun + sum(record.step for record in records)
        alive = [group.records[number] for group in self.groups for number in group.alive]
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
            group.keep(left)

    def _result(self, trial: Trial) -> Trial:
        record = next(group.records[trial.number] for group in self.groups if trial.number in group.records)
        return trial.with_result("finished" if len(record.scores) == len(self.stops) else "stopped", record)


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
