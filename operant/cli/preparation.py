"""What is done beside training, for what follows it."""

from __future__ import annotations

import importlib
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from operant.agent import Agent, Progress
    from operant.engine.evaluate import Evaluation


class Preparation:
    """While training runs on the device, a thread scores the random policy and loads what scores the trained one.

    It begins with the first row of metrics: before that Python is busy with what is compiled. What draws pictures is
    loaded behind the score: two cores are often threads of one, and whatever runs beside training then slows it.
    """

    def __init__(self, agent: Agent, episodes: int) -> None:
        self.agent, self.episodes = agent, episodes
        self._pool = ThreadPoolExecutor(1)
        self._random: Future[Evaluation] | None = None

    def __enter__(self) -> Preparation:
        # Training holds Python for well under a millisecond between two chunks, and would wait for 5 ms each time.
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(2e-4)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.setswitchinterval(self._switch_interval)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def begin(self, progress: Progress | None = None) -> None:
        """A callback of training's."""
        if self._random is None:
            self._random = self._pool.submit(self._score)
            self._pool.submit(importlib.import_module, "operant.cli.finish")

    def random(self) -> Evaluation:
        """The random policy's score."""
        self.begin()
        assert self._random is not None
        return self._random.result()

    def _score(self) -> Evaluation:
        return cast("Evaluation", self.agent.random().evaluate(self.episodes, deterministic=False))
