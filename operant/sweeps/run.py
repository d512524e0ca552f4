"""A sweep from its first trial to its results: asked for, trained, kept, and resumed where it was."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from operant.engine.watch import Watch
from operant.envs.source import Source
from operant.sweeps import checks, halving
from operant.sweeps.batch import Batch, batches, rungs
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.evolution import Evolution
from operant.sweeps.groups import Progress
from operant.sweeps.population import Stock
from operant.sweeps.remote import Crew
from operant.sweeps.request import Request
from operant.sweeps.samplers import Sampler
from operant.sweeps.trial import Trial


def train_all(
    request: Request,
    source: Source,
    directory: SweepDirectory,
    sampler: Sampler,
    watch: Watch,
    progress: Progress,
    stock: Stock | None = None,
    crew: Crew | None = None,
) -> list[Trial]:
    """All trials, with what came of them; those that are in the directory already are not trained again.

    `stock` holds learners that are compiled already, which stay the caller's. A `crew` trains them elsewhere.

    Raises Interrupted where `watch` says stop: the directory then has all that is needed to go on.
    """
    directory.tidy()
    own, known = stock or Stock(), directory.trials()
    valid = checks.validity(request, source)
    progress.total = expected_steps(request)
    try:
        for number, count in enumerate(batches(request)):
            mine = [trial for trial in known if trial.batch == number]
            if not mine:
                points = sampler.ask(count, [trial.told for trial in known], valid)
                if not points:  # the space has no more
                    break
                mine = [
                    Trial(len(known) + i, number, point, request.seeds_of(len(known) + i))
                    for i, point in enumerate(points)
                ]
                directory.write_batch(number, mine)
                known += mine
            if all(trial.status != "asked" for trial in mine):
                progress.steps += sum(trial.step for trial in mine)
                directory.forget(number)
                continue
            trained, events = _train(request, source, directory, mine, own, crew, watch, progress)
            directory.write_batch(number, trained, events)
            directory.forget(number)
            known = [trial for trial in known if trial.batch != number] + trained
    finally:
        if stock is None:
            own.close()
    return known


def _train(
    request: Request,
    source: Source,
    directory: SweepDirectory,
    trials: Sequence[Trial],
    stock: Stock,
    crew: Crew | None,
    watch: Watch,
    progress: Progress,
) -> tuple[list[Trial], list[dict[str, Any]]]:
    """A batch with what came of it, and what else it noted."""
    if request.scheduler == "population":
        with closing(Evolution(request, source, directory, trials, stock)) as evolution:
            trained, exchanges = evolution.train(watch, progress)
            return trained, [each.to_json() for each in exchanges]
    with closing(Batch(request, source, directory, trials, stock, crew)) as batch:
        return batch.train(watch, progress), []


def expected_steps(request: Request) -> int:
    """How many steps all trials train for together, each trial's counted once."""
    total, factor = request.total_timesteps, request.reduction_factor
    if request.scheduler != "halving":
        return request.trials * total
    return sum(halving.steps_of(total, count, factor, rungs(request, count)) for count in batches(request))
