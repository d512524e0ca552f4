"""Work during training for what follows it."""

from __future__ import annotations

import importlib
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operant.agent import Agent, Progress
    from operant.engine.evaluate import Evaluation
    from operant.engine.watch import Watch

SEED = 10_000  # as of `Agent.evaluate`: both play the same episodes


class Preparation:
    """While training runs on the device, a thread scores the random policy and loads the code that scores the result.

    It starts with the first row of metrics: before that Python is busy compiling. The code that draws pictures is
    loaded after the score: two cores are often threads of one, and work alongside training then slows it down.
    """

    def __init__(self, agent: Agent, episodes: int) -> None:
        self.agent, self.episodes = agent, episodes
        self._pool = ThreadPoolExecutor(1)
        self._random: Future[Evaluation] | None = None
        self._watch: Watch | None = None

    def __enter__(self) -> Preparation:
        # Training holds Python for well under a millisecond between two chunks, and would wait for 5 ms each time.
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(2e-4)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.setswitchinterval(self._switch_interval)
        if self._watch is not None:  # after Ctrl-C nobody waits for what it is doing
            self._watch.stop = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def begin(self, progress: Progress | None = None) -> None:
        """A callback of training: start the thread."""
        if self._random is None:
            from operant.engine.watch import Watch

            self._watch = Watch()
            self._random = self._pool.submit(self._score, self._watch)
            self._pool.submit(importlib.import_module, "operant.cli.finish")

    def random(self) -> Evaluation:
        """The random policy's score."""
        self.begin()
        assert self._random is not None
        return self._random.result()

    def _score(self, watch: Watch) -> Evaluation:
        """The result of `random().evaluate`, unless it is asked to stop."""
        from operant.agent.inputs import slots
        from operant.engine.evaluate import evaluate

        random = self.agent.random()
        shared = random.source.shared
        return evaluate(
            random.policy(deterministic=False, seed=SEED),
            random.learner.single,
            episodes=self.episodes,
            seed=SEED,
            slots=1 if shared else slots(random.spec),
            close=not shared,
            watch=watch,
        )
