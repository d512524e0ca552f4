"""What follows when all trials are trained: the tables, the preset, the test on new seeds, and the pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from operant.engine.run_directory import RunDirectory
from operant.engine.scores import StudyEvaluation
from operant.engine.watch import Watch
from operant.envs.source import Source
from operant.formats import read_evaluation
from operant.sweeps import checks
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Interrupted, Progress
from operant.sweeps.population_based import Exchange
from operant.sweeps.preset import preset as preset_text
from operant.sweeps.preset import schedules
from operant.sweeps.remote import Crew
from operant.sweeps.request import Request
from operant.sweeps.results import SweepResults
from operant.sweeps.run import train_all
from operant.sweeps.testing import tested


def run(
    directory: SweepDirectory,
    request: Request,
    source: Source,
    env: Any,
    sampler: Any,
    *,
    pictures: bool,
    progress_bar: bool,
    watch: Watch | None = None,
    ray_address: str | None = None,
) -> SweepResults:
    """Train all trials, try the best, and write down what came of it. Raises KeyboardInterrupt where it was stopped."""
    watch = watch or Watch("this chunk of training")
    with watch.listening(), _shown(progress_bar, watch) as progress:
        try:
            with _crew(request, source, ray_address, progress.say) as crew:
                trials = train_all(
                    request, source, directory, request.sampled(sampler), watch, progress, crew=crew
                )
        except Interrupted:
            raise (watch.interruption() or KeyboardInterrupt()) from None
    exchanges = tuple(map(Exchange.from_json, directory.events(0)))
    results = SweepResults(request, tuple(trials), directory.path, exchanges)
    write(results, directory)
    if request.test_seeds:
        results = with_test(results, directory, source, env, progress_bar=progress_bar)
        write(results, directory)
    if pictures:
        draw(results, directory.path)
    return results


def loaded(run_dir: str | Path) -> SweepResults:
    """What is known so far of the sweep in a directory. Raises FileError, and FileNotFoundError where there is none."""
    directory = SweepDirectory.open(run_dir)
    exchanges = tuple(map(Exchange.from_json, directory.events(0)))
    results = SweepResults(directory.request(), tuple(directory.trials()), directory.path, exchanges)
    scores = {}
    for name, place in (("tested", directory.best), ("base", directory.base)):
        file = RunDirectory(place).evaluation_file
        if file.exists():
            scores[name] = StudyEvaluation.from_json(read_evaluation(file))
    return replace(results, **scores)


def with_test(
    results: SweepResults, directory: SweepDirectory, source: Source, env: Any, *, progress_bar: bool
) -> SweepResults:
    """The same with scores on seeds that the sweep never saw: of the best values, and of those before it."""
    request, point = results.request, results.point_of(results.best)
    values = request.all_values(point) | (schedules(results)[0] if results.exchanges else {})
    copies, how = request.num_envs_at(point), {"progress_bar": progress_bar}
    best = tested(request, env, values, copies, directory.best, **how)
    base, before = None, request.all_values(None)
    if (before, request.num_envs) != (values, copies) and can_be_base(request, source):
        base = tested(request, env, before, request.num_envs, directory.base, **how)
    return replace(results, tested=best, base=base)


def can_be_base(request: Request, source: Source) -> bool:
    """Whether the values that all trials share can be trained with by themselves."""
    try:
        checks.require_valid(request, source, None)
    except ValueError:
        return False
    return True


def write(results: SweepResults, directory: SweepDirectory) -> None:
    """Write the tables, and the preset of the best values."""
    directory.write_text(directory.path / "trials.csv", results.csv())
    directory.write_text(directory.path / "trials.md", results.markdown())
    directory.write_text(directory.path / "curves.csv", results.curves_csv())
    directory.write_text(directory.preset_file, preset_text(results))
    if results.exchanges:
        path = [
            {"step": step, "member": member, "values": point} for step, member, point in results.path_of_best
        ]
        directory.write(directory.schedule_file, {"best": path})


def draw(results: SweepResults, path: Path) -> None:
    """Draw what there is to see."""
    results.plot(path / "trials.png")
    results.plot_curves(path / "curves.png")
    if results.importance():
        results.plot_importance(path / "importance.png")


@contextmanager
def _crew(
    request: Request, source: Source, ray_address: str | None, say: Callable[[str], None]
) -> Iterator[Crew | None]:
    """The processes that train the trials, if any are asked for."""
    if request.workers is None:
        yield None
        return
    with closing(Crew(request, source, ray_address, say)) as crew:
        yield crew


@contextmanager
def _shown(enabled: bool, watch: Watch):
    """What is told in this block is shown: a bar and the newest numbers, and a line at each rung."""
    from operant.engine.progress import LiveView

    with LiveView(enabled=enabled, watch=watch) as view:

        def tell(progress: Progress) -> None:
            view.update(
                {"time/total_timesteps": progress.steps, **progress.row}, progress.steps, progress.total
            )

        def say(line: str) -> None:
            if enabled:
                view.console.print(
                    f"operant: {line}", highlight=False
                ) if view.console.is_interactive else print(f"operant: {line}", file=sys.stderr, flush=True)

        yield Progress(tell=tell, say=say)
