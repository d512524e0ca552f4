"""What came of a sweep: its trials in order, the best values, and how good these are on seeds that it never saw."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant import decimals
from operant.engine.scores import StudyEvaluation
from operant.ops.comparison import difference, probability_of_improvement
from operant.ops.intervals import iqm
from operant.sweeps.importance import Importance, importances
from operant.sweeps.population_based import Exchange, lineage
from operant.sweeps.request import Request
from operant.sweeps.space import Point
from operant.sweeps.trial import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 10  # trials in the terminal


@dataclass(frozen=True, repr=False)
class SweepResults:
    """The trials of a sweep, and what they say.

    Attributes:
        request: What was asked for.
        trials: All trials, by number.
        path: Its directory.
        exchanges: Of a population, who copied whom.
        tested: On seeds that the sweep never saw, the score of the best values; None where that was not asked for.
        base: That of the values before the sweep on the same seeds; None where the best are no others.
    """

    request: Request
    trials: tuple[Trial, ...]
    path: Path
    exchanges: tuple[Exchange, ...] = ()
    tested: StudyEvaluation | None = field(default=None)
    base: StudyEvaluation | None = field(default=None)

    @cached_property
    def ranked(self) -> list[Trial]:
        """The best first; those that were stopped early after those that were not, the later the better."""

        def order(trial: Trial) -> tuple:
            score = -math.inf if math.isnan(trial.score) else trial.score
            return -trial.step, -score, trial.number

        return sorted((trial for trial in self.trials if trial.scores), key=order)

    @property
    def best(self) -> Trial:
        """The trial with the highest score of those that were trained to the end.

        Raises ValueError where every one has diverged.
        """
        first = self.ranked[0] if self.ranked else None
        if first is None or math.isnan(first.score):
            raise ValueError(f"No trial of {self.path} has a score: all of them diverged. Try smaller steps.")
        return first

    @property
    def best_values(self) -> dict[str, Any]:
        """The best trial's hyperparameters; of a population, those that it ended with."""
        return self.request.values_at(self.point_of(self.best))

    def point_of(self, trial: Trial) -> Point:
        """Where a trial lies in the space; of a population, where it ended."""
        return self.exchanges[-1].points[trial.number] if self.exchanges else trial.point

    @cached_property
    def path_of_best(self) -> list[tuple[int, int, Point]]:
        """`(step, member, point)` of each interval that led to what the best member of a population knows."""
        return lineage({t.number: t.point for t in self.trials}, self.exchanges, self.best.number)

    @cached_property
    def _importances(self) -> tuple[int, list[Importance]]:
        return importances(self.request.space, self.trials)

    def importance(self) -> list[Importance]:
        """How much of the differences between trials each dimension explains by itself: see `sweeps.importance`.

        Of a population there is none: its hyperparameters change.
        """
        return [] if self.request.scheduler == "population" else self._importances[1]

    # as text

    def rows(self) -> list[dict[str, Any]]:
        """A row for each trial, the best first."""
        return [
            {
                "trial": trial.number,
                "score": trial.score,
                "lowest seed": float(np.min(trial.scores[-1].seeds)),
                "highest seed": float(np.max(trial.scores[-1].seeds)),
                "steps": trial.step,
                "status": trial.status,
                **self.point_of(trial),
            }
            for trial in self.ranked
        ]

    def table(self, most: int | None = None) -> str:
        """The trials as columns of text, the best first."""
        cells = self._cells(most)
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)] if cells else []
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        hidden = len(self.trials) - len(cells) + 1
        return "\n".join([*lines, *([f"… and {hidden:,} more"] if most is not None and hidden > 0 else [])])

    def markdown(self) -> str:
        """All trials as a table in Markdown."""
        head, *rows = self._cells(None)
        lines = [head, ["---"] * len(head), *rows]
        return "".join(f"| {' | '.join(row)} |\n" for row in lines)

    def csv(self) -> str:
        """All trials as comma-separated values."""
        buffer = io.StringIO()
        writer = csv.DictWriter(
            buffer, list(self.rows()[0]) if self.trials else ["trial"], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(self.rows())
        return buffer.getvalue()

    def curves_csv(self) -> str:
        """The learning curves of all trials: a row for each point of each seed's."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["trial", "seed", "time/total_timesteps", "rollout/ep_rew_mean"])
        for trial in self.trials:
            for step, row in zip(trial.steps, trial.returns, strict=True):
                for seed, value in zip(trial.seeds, row, strict=True):
                    writer.writerow([trial.number, seed, step, "" if math.isnan(value) else f"{value:g}"])
        return buffer.getvalue()

    def verdict(self) -> list[str]:
        """What the best trial's score is worth, in sentences."""
        best, request = self.best, self.request
        episodes = _several(request.evaluation_episodes, "episode")
        scored = f"the mean of {_several(len(best.seeds), 'seed')}, {episodes} each"
        lines = [
            f"best: trial {best.number} with {decimals.score(best.score)} ({scored}): {_written(self.point_of(best))}",
            f"It was chosen for that score, as the best of {len(self.trials):,}: by chance it is too high.",
        ]
        if self.tested is None:
            return lines
        lines.append(f"On seeds that the sweep never saw: {self.tested}.")
        if self.base is not None:
            value, low, high = difference(self.tested.means, self.base.means, iqm)
            chance, *_ = probability_of_improvement(self.tested.means, self.base.means)
            lines.append(f"With the values before the sweep ({self.request.preset}): {self.base}.")
            interval = "" if math.isnan(low) else f" [{low:+.1f}, {high:+.1f}]"
            lines.append(
                f"The difference of the interquartile means is {value:+.1f}{interval}; the sweep's values give the "
                f"better score with a probability of {chance:.2f}."
            )
        return lines

    def importance_lines(self) -> list[str]:
        """The importance of each dimension, for the terminal."""
        found = self.importance()
        if not found:
            return []
        width = max(len(each.name) for each in found)
        lines = [f"{each.name.ljust(width)}  {each.share:.2f}  (p = {each.p_value:.3f})" for each in found]
        return [
            f"explained by each alone, of the scores after {self._importances[0]:,} steps (ε² of ranks):",
            *lines,
        ]

    def __str__(self) -> str:
        parts = [self.table(SHOWN), "\n".join(self.importance_lines()), "\n".join(self.verdict())]
        return "\n\n".join(part for part in parts if part)

    def __repr__(self) -> str:
        return f"<SweepResults of {self.request.algorithm} on {self.request.environment}: {len(self.trials)} trials>"

    # as pictures

    def plot(self, path: str | Path | None = None) -> Figure:
        """Parallel coordinates: an axis for each dimension and one for the score, a line for each trial."""
        from operant.studio.sweep_pictures import parallel_coordinates

        axes = {
            name: [dimension.place(self.point_of(trial)[name]) for trial in self.ranked]
            for name, dimension in self.request.space.dimensions.items()
        }
        ticks = {name: _ticks(dimension) for name, dimension in self.request.space.dimensions.items()}
        scores = [trial.score for trial in self.ranked]
        finished = [trial.status == "finished" for trial in self.ranked]
        return parallel_coordinates(axes, ticks, scores, finished, title=self._title(), path=path)

    def plot_importance(self, path: str | Path | None = None) -> Figure:
        """How much of the differences between trials each dimension explains by itself."""
        from operant.studio.sweep_pictures import importance_bars

        return importance_bars(self.importance(), self._importances[0], title=self._title(), path=path)

    def plot_curves(self, path: str | Path | None = None) -> Figure:
        """Each trial's learning curve, the mean over its seeds; the best stands out."""
        from operant.studio.sweep_pictures import trial_curves

        curves = [
            (np.array(trial.steps), np.array(trial.returns, float).mean(axis=1), trial.status == "finished")
            for trial in self.ranked
            if trial.steps
        ]
        return trial_curves(curves, title=self._title(), path=path)

    # inside

    def _title(self) -> str:
        return f"{self.request.algorithm} on {self.request.environment or 'your environment'}"

    def _cells(self, most: int | None) -> list[list[str]]:
        rows = self.rows()[:most]
        return [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)] if rows else []


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _written(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_cell(value)}" for name, value in values.items())


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _ticks(dimension: Any) -> list[tuple[float, str]]:
    """Where on an axis from 0 to 1 which values are written."""
    values: Sequence[Any] = getattr(dimension, "values", None) or dimension.points(5)
    return [(dimension.place(value), _cell(value)) for value in values]
