"""Evaluation between two chunks of training, by which the best model is chosen and kept.

Episodes are the same ones each time, and none that a final score is made of: on the device where training is there,
all learners together; else on Gymnasium's own environment.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from operant.agent.best import FIRST_SEED, Best
from operant.agent.core import Core
from operant.agent.inputs import slots
from operant.engine.evaluate import Evaluation, evaluate
from operant.engine.evaluate_native import NativeEvaluator
from operant.engine.log import EVALUATED
from operant.engine.policy import Policy
from operant.engine.watch import Watch
from operant.envs.stored import require_same_spaces
from operant.types import PyTree

REWARD, LENGTH, SUCCESS = EVALUATED, "eval/mean_ep_length", "eval/success_rate"  # Stable-Baselines3's names


class Selection:
    """Evaluates what is being trained and keeps the best of it. The run and its randomness are not touched."""

    def __init__(self, core: Core, episodes: int, env: Any = None) -> None:
        self.core, self.episodes = core, episodes
        source = core.source.other(env, None)
        if source is not core.source:
            require_same_spaces(core.spec, source.spec)
        self._ours = not source.shared  # the one environment given is training's too, or its maker's
        self._environments: list[gym.Env] = []
        self._native: NativeEvaluator | None = None
        native = source.scored_natively if source is core.source else None
        if native is not None:
            self._native = NativeEvaluator(native, episodes, core.learner.seeds, FIRST_SEED)
            return
        count = min(episodes, slots(core.spec)) if self._ours else 1
        self._environments = [core.make_env(source) for _ in range(count)]

    def evaluate(
        self, watch: Watch | None = None, diverged: np.ndarray | None = None
    ) -> tuple[dict[str, Any], bool]:
        """`(metrics, whether there is a new best)`; metrics are numbers, or arrays `[S]` with several seeds.

        Of several seeds those that have `diverged` `[S]` have no score. Raises Stopped where `watch` says stop before
        it is finished.
        """
        learner = self.core.learner
        scores = self.scores(watch)
        reward = np.array([score.mean for score in scores])
        length = np.array([score.lengths.mean() for score in scores])
        if diverged is not None:  # what plays on without sense may score by chance
            reward, length = np.where(diverged, np.nan, reward), np.where(diverged, np.nan, length)
        if learner.seeds is None:
            reward, length = reward[0], length[0]
        step = np.full_like(reward, learner.step, int)
        news = self.core.keep_if_best(
            Best(np.asarray(reward), np.asarray(length), step, self.episodes, learner.state)
        )
        metrics: dict[str, Any] = {REWARD: reward, LENGTH: length}
        rates = [score.success_rate for score in scores]
        if None not in rates:
            metrics[SUCCESS] = rates[0] if learner.seeds is None else np.array(rates)
        return metrics, news

    def scores(self, watch: Watch | None = None) -> list[Evaluation]:
        """That of each learner. Raises Stopped where `watch` says stop before all are finished."""
        learner = self.core.learner
        if self._native is not None:
            return self._native(self.core.algorithm, learner.state, watch)
        return [self._score(learner.state_of(index), watch) for index in range(learner.seeds or 1)]

    def close(self) -> None:
        """Closes the environments that were made for evaluation."""
        for env in self._environments if self._ours else ():
            env.close()

    def _score(self, state: PyTree, watch: Watch | None) -> Evaluation:
        core, environments = self.core, iter(self._environments)
        core.learner.played_outside()
        return evaluate(
            Policy(core.algorithm, state, core.spec),
            lambda: next(environments),
            episodes=self.episodes,
            seed=FIRST_SEED,
            slots=len(self._environments),
            close=False,
            watch=watch,
        )
