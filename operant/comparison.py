"""`operant.compare(a, b)`: how much better one is than the other, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from operant import decimals, html, zoo
from operant.agent import Agent
from operant.agent.scripted import ScriptedPolicy
from operant.engine.evaluate import Evaluation
from operant.engine.run_directory import RunDirectory
from operant.engine.scores import StudyEvaluation
from operant.formats import read_evaluation
from operant.ops.comparison import Estimate, difference, probability_of_improvement
from operant.ops.intervals import iqm

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Side = Agent | ScriptedPolicy | Evaluation | StudyEvaluation | str | Path
FEW = 5  # seeds, below which intervals are much too narrow


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two algorithms in one environment, by a score for each seed; or two single policies, by one for each episode.

    Estimates are `(value, low, high)` with 95 % bootstrap intervals, whose bounds are NaN where one side has one seed.
    """

    environment: str
    names: tuple[str, str]
    scores: tuple[np.ndarray, np.ndarray]  # [A] and [B]
    unit: Literal["seed", "episode"]
    paired: bool = False  # whether the i-th scores of both belong together: they are of the same episode

    @cached_property
    def difference(self) -> Estimate:
        """Of the interquartile means, a's minus b's; of single policies, which differ by episode only, of the means."""
        return difference(*self.scores, np.mean if self.unit == "episode" else iqm, paired=self.paired)

    @cached_property
    def mean_difference(self) -> Estimate:
        return difference(*self.scores, np.mean, paired=self.paired)

    @cached_property
    def median_difference(self) -> Estimate:
        return difference(*self.scores, np.median, paired=self.paired)

    @cached_property
    def probability_of_improvement(self) -> Estimate:
        """That a score of a's is higher than one of b's, drawn by chance (Agarwal et al. 2021)."""
        return probability_of_improvement(*self.scores, paired=self.paired)

    @property
    def verdict(self) -> str:
        """What the interval of the difference says, in a sentence."""
        (a, b), (_, low, high) = self.names, self.difference
        if np.isnan(low):
            return "With one seed on a side nothing can be said of how sure this is: train with seeds=…."
        few = min(map(len, self.scores)) < FEW and self.unit == "seed"
        caution = " Intervals of so few seeds are too narrow." if few else ""
        if low > 0 or high < 0:
            return f"{a if low > 0 else b} is better: the interval of the difference leaves out 0.{caution}"
        return f"{a} and {b} cannot be told apart by these {self.unit}s.{caution}"

    def plot(self, path: str | Path | None = None) -> Figure:
        """Performance profiles and interquartile means of both; written as PNG to `path`, if given."""
        from operant.studio.profile import profiles

        title = f"{self.names[0]} and {self.names[1]} on {self.environment}"
        return profiles(
            dict(zip(self.names, self.scores, strict=True)), title=title, unit=self.unit, path=path
        )

    def __str__(self) -> str:
        rows = [("", *self.names, "difference [95 % interval]"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(
                cell.ljust(width) if i in (0, 3) else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([self._title(), *lines, self._chance(), self.verdict])

    __repr__ = __str__  # in a shell, as in a notebook

    def _title(self) -> str:
        (a, b), (of_a, of_b) = self.names, map(len, self.scores)
        counted = f"{of_a} {self.unit}s each" if of_a == of_b else f"{of_a} and {of_b} {self.unit}s"
        return f"{a} against {b} on {self.environment}, {counted}"

    def _rows(self) -> list[tuple[str, ...]]:
        kinds = [("mean", np.mean, self.mean_difference), ("median", np.median, self.median_difference)]
        if self.unit == "seed":
            kinds.insert(0, ("interquartile mean", iqm, self.difference))
        rows = []
        for label, of, estimate in kinds:
            centres = decimals.scores(*(float(of(scores)) for scores in self.scores))
            places = len(centres[0].partition(".")[2])
            rows.append((label, *centres, _written(estimate, f"+.{places}f")))
        return rows

    def _chance(self) -> str:
        return (
            f"probability that {self.names[0]} is better: {_written(self.probability_of_improvement, '.2f')}"
        )

    def _repr_html_(self) -> str:
        strips = {
            name: (scores.tolist(), float(iqm(scores) if self.unit == "seed" else scores.mean()), None)
            for name, scores in zip(self.names, self.scores, strict=True)
        }
        table = html.table(self._rows(), ("", *self.names, "difference [95 % interval]"))
        return html.face(
            self._title(), self.verdict, table, html.strip(strips), f"<div>{self._chance()}</div>"
        )

    def to_json(self) -> dict[str, Any]:
        estimates = ("difference", "mean_difference", "median_difference", "probability_of_improvement")
        known = {name: getattr(self, name) for name in estimates}
        return {
            "environment": self.environment,
            "unit": self.unit,
            "scores": dict(zip(self.names, (scores.tolist() for scores in self.scores), strict=True)),
            **{
                name: {"value": value, "interval": None if np.isnan(low) else [low, high]}
                for name, (value, low, high) in known.items()
            },
        }


def compare(
    a: Side | Sequence[Side],
    b: Side | Sequence[Side],
    *,
    episodes: int = 100,
    seed: int = 10_000,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """How much better `a` is than `b`, with intervals: difference, and probability of improvement.

    Args:
        a: An agent, its evaluation, a run directory or a model file; several of them in a list are several seeds of one
            algorithm. With `seeds=…` each seed is one score, the mean of its episodes; two single policies are compared
            by the episodes that they played.
        b: The other.
        episodes: That agents play for it, each learner. Evaluations and finished runs keep the scores that they have.
        seed: Episode i is reset with `seed + i`.
        names: What to call them; their algorithms or directories by themselves.

    Raises ValueError where both were not scored in the same environment.
    """
    sides = [_evaluations(side, episodes, seed) for side in (a, b)]
    environments = list(dict.fromkeys(score.environment for side in sides for score in side))
    if len(environments) > 1:
        raise ValueError(
            f"Scores of different environments cannot be compared: {' and '.join(environments)}. Score both in one: "
            "compare(a.evaluate(env=…), b.evaluate(env=…))."
        )
    called = names or _told_apart(_name(a, "a"), _name(b, "b"))
    if all(len(side) == 1 for side in sides):
        (one,), (other,) = sides
        paired = one.seed == other.seed and len(one.returns) == len(other.returns)
        return Comparison(environments[0], called, (one.returns, other.returns), "episode", paired)
    means = [np.array([score.mean for score in side]) for side in sides]
    return Comparison(environments[0], called, (means[0], means[1]), "seed")


def _evaluations(side: Side | Sequence[Side], episodes: int, seed: int) -> list[Evaluation]:
    """One for each seed."""
    if isinstance(side, Evaluation):
        return [side]
    if isinstance(side, StudyEvaluation):
        return list(side)
    if isinstance(side, Agent | ScriptedPolicy):
        return _evaluations(side.evaluate(episodes, seed), episodes, seed)
    if isinstance(side, str | Path):
        file = RunDirectory(Path(side)).evaluation_file
        if zoo.is_name(side) or not file.exists():
            return _evaluations(Agent.load(side), episodes, seed)
        values = read_evaluation(file)
        score = StudyEvaluation.from_json(values) if "seeds" in values else Evaluation.from_json(values)
        return _evaluations(score, episodes, seed)
    if isinstance(side, Sequence) and side:
        return [score for one in side for score in _evaluations(one, episodes, seed)]
    raise ValueError(
        f"{side!r} cannot be compared: give an agent, its evaluation, a run directory, or a list of them."
    )


def _name(side: Side | Sequence[Side], otherwise: str) -> str:
    if isinstance(side, Agent | ScriptedPolicy):
        return side.name
    if isinstance(side, str | Path):
        return str(side) if zoo.is_name(side) else Path(side).name or str(side)
    if isinstance(side, Evaluation | StudyEvaluation):
        return otherwise
    called = {_name(one, otherwise) for one in side}
    return called.pop() if len(called) == 1 else otherwise


def _told_apart(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a != b else (f"{a} (first)", f"{b} (second)")


def _written(estimate: Estimate, form: str) -> str:
    value, low, high = (format(number, form) for number in estimate)
    return value if "nan" in low else f"{value} [{low}, {high}]"
