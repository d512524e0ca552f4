"""The loop as training advances it: whatever fails between two chunks, the last finished one is the learner's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from operant.agent.learner import Learner
from operant.algorithms.base import Algorithm
from operant.engine.train import Stepped
from operant.engine.train_state import TrainState
from operant.engine.watch import Stopped, Watch
from operant.types import EnvSpec


class Held:
    """A learner's loop, of whose runs it takes hold as they come out."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner

    @property
    def algorithm(self) -> Algorithm:
        return self._learner.algorithm

    @property
    def spec(self) -> EnvSpec:
        return self._learner.spec

    @property
    def watch(self) -> Watch:
        return self._learner.loop.watch

    def step(self, run: TrainState, count: int, size: int, more: bool = False) -> Stepped:
        return self._taken(self._learner.loop.step, run, count, size, more)

    def warm_up(self, run: TrainState, count: int, size: int | None = None) -> Stepped:
        return self._taken(self._learner.loop.warm_up, run, count, size)

    def _taken(self, step: Callable[..., Stepped], *arguments: Any) -> Stepped:
        try:
            stepped = step(*arguments)
        except Stopped as stopped:
            self._learner.run = stopped.run
            raise
        except BaseException:
            self._learner.salvage()
            raise
        self._learner.run = stepped[0]
        return stepped
