"""Ready callbacks that do something now and then: save, evaluate elsewhere, make the task harder, write episodes."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from operant.agent.callbacks.base import Callback, Callbacks, Progress, StepEvent
from operant.agent.callbacks.stopping import OnMetric
from operant.agent.inputs import at_least_one
from operant.engine.log import RETURN


class EveryNTimesteps(Callback):
    """Calls `callback` (its `on_row`, or the function) with the first row after every `every` environment steps."""

    def __init__(self, every: int, callback: Any) -> None:
        at_least_one(every=every)
        self.every, self.callbacks = every, Callbacks(callback)

    def on_start(self, agent: Any, total: int) -> bool:
        self.last = agent.step
        return self.callbacks.tell("on_start", agent, total)

    def on_row(self, progress: Progress) -> bool | None:
        if progress.step // self.every == self.last // self.every:
            return None
        self.last = progress.step
        return self.callbacks.tell("on_row", progress)

    def on_end(self, agent: Any) -> None:
        self.callbacks.tell("on_end", agent)


class SaveModels(EveryNTimesteps):
    """Saves the model as `<directory>/<name>_<step>_steps.safetensors` after every `every` environment steps.

    Checkpoints from which training can go on are those of `learn(run_dir=…, checkpoint_every=…)`.
    """

    def __init__(self, directory: str | Path, every: int, name: str = "model") -> None:
        def save(progress: Progress) -> None:
            progress.agent.save(Path(directory) / f"{name}_{progress.step}_steps.safetensors")

        super().__init__(every, save)


class EvaluateOn(EveryNTimesteps):
    """Evaluates on another environment of the same spaces after every `every` environment steps.

    Its mean return is logged as `<name>/mean_reward`. Where the best model is looked for is `learn(evaluate_env=…)`.
    """

    def __init__(self, env: Any, every: int, episodes: int = 20, name: str = "eval_other") -> None:
        at_least_one(episodes=episodes)

        def evaluate(progress: Progress) -> None:
            scores = progress.agent.evaluate(episodes, env=env)
            several = progress.agent.seeds is not None
            means = np.array([score.mean for score in scores]) if several else scores.mean
            progress.record(f"{name}/mean_reward", means)

        super().__init__(every, evaluate)


class Curriculum(OnMetric):
    """Makes the environments of training harder as the agent gets better.

    Training begins with `change(values[0])`, and with the next of `values` each time that the metric, by default the
    mean return of training's episodes, reaches the next of `thresholds` (one fewer than values). `change` is the name
    of a method of the environment, or a function of `(agent, value)`. The level is logged as `curriculum/level`.
    Environments are changed through Gymnasium only: pass `backend="gymnasium"` to the agent.
    """

    def __init__(
        self,
        change: str | Callable[[Any, Any], Any],
        values: Sequence[Any],
        thresholds: Sequence[float],
        metric: str = RETURN,
    ) -> None:
        super().__init__(metric)
        if len(values) != len(thresholds) + 1:
            raise ValueError(
                f"Curriculum: {len(values)} values and {len(thresholds)} thresholds; there must be one threshold fewer."
            )
        self.change, self.values, self.thresholds = change, list(values), list(thresholds)

    def on_start(self, agent: Any, total: int) -> None:
        super().on_start(agent, total)
        self.level = 0
        self._enter(agent)

    def look(self, value: float, progress: Progress) -> None:
        if self.level < len(self.thresholds) and value >= self.thresholds[self.level]:
            self.level += 1
            self._enter(progress.agent)
        progress.record("curriculum/level", self.level)

    def _enter(self, agent: Any) -> None:
        value = self.values[self.level]
        if isinstance(self.change, str):
            agent.env_method(self.change, value)
        else:
            self.change(agent, value)


class EpisodeLog(Callback):
    """Writes a file of all episodes of training as Stable-Baselines3's Monitor does: return, length, seconds.

    Its columns are r, l, t, then `info_keywords` from the info of the step that ended the episode, empty where they are
    missing. Returns are the environment's own. It looks at every step, which takes time (see `Callback.on_step`).
    """

    def __init__(self, path: str | Path, info_keywords: Sequence[str] = ()) -> None:
        self.path, self.info_keywords = Path(path), tuple(info_keywords)

    def on_start(self, agent: Any, total: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("w", newline="")
        self._started = time.time()
        self._file.write(f"#{json.dumps({'t_start': self._started, 'env_id': agent.source.id})}\n")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(("r", "l", "t", *self.info_keywords))
        self._returns, self._lengths = np.zeros(0), np.zeros(0, int)

    def on_step(self, event: StepEvent) -> None:
        if not self._returns.size:
            self._returns, self._lengths = np.zeros(len(event.reward)), np.zeros(len(event.reward), int)
        self._returns += np.where(event.mask, event.raw_reward, 0.0)
        self._lengths += event.mask
        for n in np.flatnonzero(event.done).tolist():
            told = [event.infos[n].get(name, "") for name in self.info_keywords]
            seconds = round(time.time() - self._started, 6)
            self._rows.writerow((round(float(self._returns[n]), 6), self._lengths[n], seconds, *told))
            self._returns[n], self._lengths[n] = 0.0, 0

    def on_row(self, progress: Progress) -> None:
        self._file.flush()

    def on_end(self, agent: Any) -> None:
        self._file.close()
