"""Ready callbacks that stop training."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from operant.agent.callbacks.base import Callback, Progress, StepEvent
from operant.agent.inputs import at_least_one
from operant.engine.log import EVALUATED


class OnMetric(Callback):
    """A callback that looks at one metric, whenever a row has it; of several seeds at their median."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.seen = False

    def on_start(self, agent: Any, total: int) -> None:
        self.seen = False

    def on_row(self, progress: Progress) -> bool | None:
        value = progress.metrics.get(self.metric)
        if value is None or np.isnan(value := float(np.median(np.asarray(value)))):
            return None
        self.seen = True
        return self.look(value, progress)

    def look(self, value: float, progress: Progress) -> bool | None:
        """The metric has this value now."""
        raise NotImplementedError

    def on_end(self, agent: Any) -> None:
        if not self.seen:
            advice = " Evaluate during training: learn(evaluate_every=…)." if self.metric == EVALUATED else ""
            warnings.warn(f"{type(self).__name__}: no row had {self.metric}.{advice}", stacklevel=2)


class StopOnReturn(OnMetric):
    """Stop once the mean return is at least `threshold`: by default that of evaluations (`learn(evaluate_every=…)`).

    `metric="rollout/ep_rew_mean"` looks at the episodes of training instead. Of several seeds the median counts.
    """

    def __init__(self, threshold: float, metric: str = EVALUATED) -> None:
        super().__init__(metric)
        self.threshold = threshold

    def look(self, value: float, progress: Progress) -> bool:
        return value < self.threshold


class StopOnNoImprovement(OnMetric):
    """Stop once `evaluations` evaluations in a row have not been better than the best before them.

    The first `min_evaluations` are not counted. `metric` and several seeds as for `StopOnReturn`.
    """

    def __init__(self, evaluations: int, min_evaluations: int = 0, metric: str = EVALUATED) -> None:
        at_least_one(evaluations=evaluations)
        super().__init__(metric)
        self.evaluations, self.min_evaluations = evaluations, min_evaluations

    def on_start(self, agent: Any, total: int) -> None:
        super().on_start(agent, total)
        self.best, self.count, self.without = -np.inf, 0, 0

    def look(self, value: float, progress: Progress) -> bool:
        self.count += 1
        if value > self.best:
            self.best, self.without = value, 0
        elif self.count > self.min_evaluations:
            self.without += 1
        return self.without < self.evaluations


class StopOnMaxEpisodes(Callback):
    """Stop once `episodes` episodes have ended, in all copies of the environment together (of each seed, on average).

    Through Gymnasium training stops at the very step, natively after its chunk (see `Callback.on_step`).
    """

    def __init__(self, episodes: int) -> None:
        at_least_one(episodes=episodes)
        self.episodes = episodes

    def on_start(self, agent: Any, total: int) -> None:
        self.ended = 0

    def on_step(self, event: StepEvent) -> bool:
        self.ended += int(np.sum(event.done))
        return self.ended < self.episodes * len(event.agent.seeds or (None,))
