"""What several learners achieved: the evaluations of a study's seeds, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from operant import decimals, html
from operant.engine.evaluate import Evaluation
from operant.ops.intervals import iqm_interval


@dataclass(frozen=True, eq=False, repr=False)
class StudyEvaluation(Sequence[Evaluation]):
    """The `Evaluation` of each seed, in order, and their median, interquartile mean and its interval.

    It is a sequence of evaluations: `scores[0].mean`, `for score in scores`. What stands for a seed in the numbers over
    all of them is the mean of its episodes.
    """

    evaluations: tuple[Evaluation, ...]
    seeds: tuple[int, ...]  # whose learners they are of

    @overload
    def __getitem__(self, index: int) -> Evaluation: ...
    @overload
    def __getitem__(self, index: slice) -> StudyEvaluation: ...
    def __getitem__(self, index: int | slice) -> Evaluation | StudyEvaluation:
        if isinstance(index, slice):
            return StudyEvaluation(self.evaluations[index], self.seeds[index])
        return self.evaluations[index]

    def __len__(self) -> int:
        return len(self.evaluations)

    def __iter__(self) -> Iterator[Evaluation]:
        return iter(self.evaluations)

    @property
    def environment(self) -> str:
        return self.evaluations[0].environment

    @property
    def returns(self) -> np.ndarray:
        """`[S, E]`: of every episode of every seed."""
        return np.stack([score.returns for score in self])

    @property
    def lengths(self) -> np.ndarray:
        """`[S, E]`, in steps."""
        return np.stack([score.lengths for score in self])

    @property
    def means(self) -> np.ndarray:
        """`[S]`: each seed's mean return."""
        return np.array([score.mean for score in self])

    @property
    def mean(self) -> float:
        """Of the seeds' mean returns."""
        return float(self.means.mean())

    @property
    def median(self) -> float:
        """Of the seeds' mean returns."""
        return float(np.median(self.means))

    @property
    def iqm(self) -> float:
        """Interquartile mean of the seeds' mean returns (Agarwal et al. 2021); with fewer than four seeds the mean."""
        return float(iqm_interval(self.means)[0])

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the interquartile mean, over seeds; NaN for a single seed."""
        _, low, high = iqm_interval(self.means)
        return float(low), float(high)

    @property
    def random(self) -> Evaluation | None:
        """The random policy's score in the same episodes, where it was asked for."""
        return self.evaluations[0].random

    @property
    def best_seed(self) -> int:
        """The seed with the highest mean return."""
        return self.seeds[int(np.argmax(self.means))]

    def __str__(self) -> str:
        random = "" if self.random is None else f" (random policy: {decimals.score(self.random.mean)})"
        return f"{self._score()} over {self._sample()}{random}"

    def __repr__(self) -> str:
        return f"<StudyEvaluation: {self}>"

    def _score(self) -> str:
        interval = None if len(self) == 1 else self.interval
        return (
            f"median {decimals.score(self.median)}, interquartile mean {decimals.score(self.iqm, interval)}"
        )

    def _sample(self) -> str:
        episodes, protocol = self.evaluations[0].returns.size, self.evaluations[0].protocol
        seeds = f"{len(self)} seed{'s' * (len(self) != 1)}"
        how = "" if protocol is None else f" ({protocol})"
        return f"{seeds}, {episodes} episode{'s' * (episodes != 1)} each, of {self.environment}{how}"

    def _repr_html_(self) -> str:
        rows = {"seeds": (self.means.tolist(), self.iqm, None if len(self) == 1 else self.interval)}
        for seed, score in zip(self.seeds, self, strict=True):
            rows[f"seed {seed}"] = score.strip()
        if self.random is not None:
            rows["random policy"] = self.random.strip()
        return html.face(self._score(), f"over {self._sample()}", html.strip(rows))

    def to_json(self) -> dict[str, Any]:
        values = {
            "environment": self.environment,
            "episodes": len(self.evaluations[0].returns),
            "median": self.median,
            "iqm": self.iqm,
            "iqm_interval": None if len(self) == 1 else list(self.interval),
            "best_seed": self.best_seed,
            "seeds": {str(seed): score.to_json() for seed, score in zip(self.seeds, self, strict=True)},
        }
        return values if self.random is None else values | {"random": self.random.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StudyEvaluation:
        """What `to_json` gave."""
        random = values.get("random")
        evaluations = [
            Evaluation.from_json(score if random is None else {"random": random, **score})
            for score in values["seeds"].values()
        ]
        return cls(tuple(evaluations), tuple(map(int, values["seeds"])))
