"""What somebody does to a training between two chunks: done, kept with its step, and done again on resuming."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operant.agent.answering import Answering
from operant.agent.core import Core
from operant.agent.hyperparameters import changed_traced
from operant.agent.steering import Steering
from operant.engine import processes
from operant.engine.interventions import (
    ANSWER,
    CHANGE,
    Intervention,
    read_interventions,
    write_interventions,
)
from operant.engine.train import LARGEST
from operant.engine.watch import Watch

if TYPE_CHECKING:
    from operant.curiosity.answers import Judged


class Interventions:
    """Those of a run: they are written as they are made, and made again where the run is resumed or repeated."""

    def __init__(self, path: Path | None, known: Iterable[Intervention] = ()) -> None:
        self.path = path
        self._known = list(known)

    @classmethod
    def of(cls, path: Path | None, given: str | Path | None) -> Interventions:
        """Those in a run's own file at `path`; those `given`, a file or the directory of a run, before there is one."""
        if given is None:
            return cls(path, [] if path is None else read_interventions(path))
        given = Path(given) / "interventions.jsonl" if Path(given).is_dir() else Path(given)
        if not given.is_file():
            raise ValueError(f"interventions={str(given)!r}: there is no such file.")
        return cls(path, [one for one in read_interventions(given) if one.kind in (CHANGE, ANSWER)])

    def write(self) -> None:
        """Write them where the run keeps them, if it does."""
        if self.path is not None and self._known:
            write_interventions(self.path, self._known)

    def add(self, *some: Intervention) -> None:
        """Keep some, on the disk before anything comes of them."""
        self._known.extend(some)
        self.write()

    def changes(self, after: int, until: int) -> list[Intervention]:
        """The changes that were made after one step, and until another."""
        return [one for one in self._known if one.kind == CHANGE and after < one.step <= until]

    def answers(self, until: int = LARGEST) -> list[Judged]:
        """What was said of clips until a step."""
        from operant.curiosity.answers import Judged

        return [
            Judged.of(str(one.name), float(one.value or 0))
            for one in self._known
            if one.kind == ANSWER and one.step <= until
        ]

    def next_step(self, step: int) -> int:
        """The step of the first change or answer after this one."""
        later = (one.step for one in self._known if one.kind in (CHANGE, ANSWER) and one.step > step)
        return min(later, default=LARGEST)


class Intervening:
    """A training's interventions: those that were recorded, and those that somebody asks for now.

    `save` writes a checkpoint. `recorded` are of the run that is resumed, or of another one that is repeated, as
    `repeats` says; changes until step `made` have been made already. A run that learns from a person's answers takes up
    what is said while it trains, unless it repeats another.

    Raises ValueError for an intervention that this agent cannot make, and ValueError or FileNotFoundError where it is
    to learn from answers, and there are none and will be none.
    """

    def __init__(
        self,
        core: Core,
        watch: Watch,
        save: Callable[[], None],
        recorded: Interventions,
        steering: Steering | None,
        made: int,
        repeats: bool = False,
    ) -> None:
        self.core, self.watch, self.save = core, watch, save
        self.answering, self.repeats = Answering.of(core), repeats
        self.recorded, self.steering, self.made = recorded, steering, made
        for one in recorded.changes(made, LARGEST):
            try:
                changed_traced(core, *_change(one))
            except ValueError as error:
                raise ValueError(f"The change that was recorded at step {one.step:,}: {error}") from error
        if recorded.answers() and self.answering is None:
            raise ValueError(
                "The answers that were recorded: this run learns from none. Give it their folder."
            )
        if self.answering is not None and steering is None and not recorded.answers():
            self.answering.folder.require_answers()

    def begin(self) -> None:
        """Training begins."""
        self.recorded.write()
        if self.answering is not None:
            self.answering.begin()
            self.answering.unknown(self.recorded.answers())  # their clips are there
        self._make_again(self.core.step)
        self._take_up(self.core.step, begins=True)
        if self.steering is not None:
            self.steering.begin(self.core, self.watch)

    def between(self, step: int) -> float:
        """Between two chunks: make the changes that were recorded for this step, and do what somebody asks for now; for
        how many seconds training paused."""
        self._make_again(step)
        waited = self._steered(step)
        self._take_up(step)
        return waited

    def _steered(self, step: int) -> float:
        if self.steering is None:
            return 0.0

        def do(kind: str, name: str | None, value: Any) -> None:
            self._do(step, kind, name, value)

        with self.watch.doing("between two chunks"):
            return self.steering.between(do)

    def end(self) -> None:
        """Training is over: of what was not done a stop is kept, since it came at once, and so is what was said of
        clips meanwhile, or a run that goes back to an earlier checkpoint would take that up there."""
        for kind, name, value in () if self.steering is None else self.steering.end():
            if kind == "stop":
                self._do(self.core.step, kind, name, value)
        if self.answering is not None and self.answering.begun and not self.core.learner.lost:
            self._tell_again(self.answering, self.core.step)
            self._take_up(self.core.step)

    def _make_again(self, step: int) -> None:
        make_again(self.core, self.recorded.changes(self.made, step))
        if self.answering is not None:
            self._tell_again(self.answering, step)
        self.made = max(self.made, step)

    def _tell_again(self, answering: Answering, step: int) -> None:
        """Tell the run of the answers that were recorded until a step; a checkpoint of this step may hold some."""
        answering.tell(answering.unknown(self.recorded.answers(step)))

    def _take_up(self, step: int, begins: bool = False) -> None:
        """Tell the run of what was said of clips lately; of several processes all must hear the same, at the start."""
        if self.answering is None or self.repeats or not (begins or processes.count() == 1):
            return
        later = {one.names for one in self.recorded.answers()}
        new = [one for one in self.answering.new() if one.names not in later]
        now = int(time.time())
        self.recorded.add(*(Intervention(step, ANSWER, one.names, one.preferred, now) for one in new))
        self.answering.tell(new)

    def _do(self, step: int, kind: str, name: str | None, value: Any) -> None:
        """Do what somebody asks for now, after this step. It is kept on the disk before it has consequences."""
        one, algorithm = Intervention(step, kind, name, value, int(time.time())), None
        if kind == CHANGE:
            try:
                algorithm = changed_traced(self.core, *_change(one))
            except ValueError as error:  # it was allowed when it was asked for, and others came in between
                assert self.steering is not None
                self.steering.problems.append(str(error))
                return
        self.recorded.add(one)
        if algorithm is not None:
            self.core.tune(*algorithm)
        elif kind == "checkpoint":
            self.save()
        elif kind == "stop":
            self.watch.stop = True


def make_again(core: Core, changes: Iterable[Intervention]) -> None:
    """Make changes that were recorded. Raises ValueError, naming it, for one that this agent cannot make."""
    for one in changes:
        core.tune(*changed_traced(core, *_change(one)))


def _change(one: Intervention) -> tuple[str, float | str]:
    assert one.name is not None
    assert one.value is not None
    return one.name, one.value
