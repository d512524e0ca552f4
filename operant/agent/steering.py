"""What somebody asks of a training from another thread, and what training does about it between two chunks.

The loop that trains never waits for whoever asks, unless it was asked to pause.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.agent import hyperparameters
from operant.agent.core import Core
from operant.agent.experienced import Experienced, experienced
from operant.algorithms.base import Algorithm
from operant.engine.files import is_key
from operant.engine.interventions import CHANGE, KINDS
from operant.engine.watch import Watch
from operant.types import PyTree

MOST = 100  # that wait to be done; more of them are refused
PAUSE = 0.1  # seconds between two looks, while training waits
SECONDS_BETWEEN_SNAPSHOTS = 1.0


@dataclass(frozen=True)
class Snapshot:
    """What has been learnt, as it was between two chunks: a copy that training leaves alone."""

    step: int
    algorithm: Algorithm
    state: PyTree  # of one learner; NumPy arrays
    statistics: Any = None  # of the environment's normalisation, if that is where it is done
    experienced: Experienced | None = None  # what learners went through lately


class Steering:
    """Asks something of a training: `agent.learn(…, steering=steering)`, and elsewhere `steering.ask("pause")`.

    All of this may be called from any thread.
    """

    def __init__(self) -> None:
        self._asked: queue.Queue[tuple[str, str | None, Any]] = queue.Queue(MOST)
        self._core: Core | None = None
        self._watch: Watch | None = None
        self._wanted = threading.Event()  # whether somebody looks at what is learnt
        self._snapshot: Snapshot | None = None
        self._taken = 0.0
        self.paused = False
        self.problems: list[str] = []  # what was asked for and could not be done, the newest last

    def ask(self, kind: str, name: str | None = None, value: float | str | None = None) -> None:
        """Ask for one of `KINDS` at the end of this chunk: "change" (of a traced hyperparameter, to a number or the
        text of a schedule), "pause", "go on", "one chunk", "checkpoint" or "stop", which comes as soon as Ctrl-C does.

        Raises ValueError for anything else, a value that is not allowed, and where too much waits already.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind!r}: must be one of {', '.join(KINDS)}.")
        if kind == CHANGE:
            if name is None or not isinstance(value, int | float | str) or isinstance(value, bool):
                raise ValueError(
                    f"A change takes a name and a number or a schedule; got {name!r}, {value!r}."
                )
            if self._core is not None:
                hyperparameters.changed_traced(self._core, name, value)
        try:
            self._asked.put_nowait((kind, name, value))
        except queue.Full:
            raise ValueError(f"{MOST} requests wait for the end of this chunk already.") from None
        if kind == "stop" and self._watch is not None:
            self._watch.stop = True

    @property
    def core(self) -> Core | None:
        """What is steered; None where nothing trains."""
        return self._core

    @property
    def watch(self) -> Watch | None:
        """How far it is; None where nothing trains."""
        return self._watch

    def snapshot(self) -> Snapshot | None:
        """What had been learnt by the end of the last chunk, or of one before; asking for it makes training keep it."""
        self._wanted.set()
        if self._snapshot is None and self._watch is None and self._core is not None:  # training is over
            self._keep(at_once=True)
        return self._snapshot

    def look_away(self) -> None:
        """Nobody looks any more."""
        self._wanted.clear()

    # told by what trains

    def begin(self, core: Core, watch: Watch) -> None:
        """Training begins."""
        self._watch, self._core = watch, core
        self._keep()

    def end(self) -> list[tuple[str, str | None, Any]]:
        """Training is over: what was asked for and not done."""
        left = []
        while not self._asked.empty():
            left.append(self._asked.get_nowait())
        if self._core is not None and not self._core.learner.lost:
            self._keep(at_once=True)
        self._watch, self.paused = None, False
        return left

    def between(self, do: Callable[[str, str | None, Any], None]) -> float:
        """Between two chunks: have done what was asked for, and wait while it is a pause; for how many seconds."""
        self._keep()
        began = time.monotonic()
        while True:
            while not self._asked.empty():
                kind, name, value = self._asked.get_nowait()
                if kind in ("pause", "go on"):
                    self.paused = kind == "pause"
                do(kind, name, value)
                if kind == "one chunk":
                    self.paused = True  # after it
                    return time.monotonic() - began
            assert self._watch is not None
            if not self.paused or self._watch.stop:
                return time.monotonic() - began
            if self._core is not None and (self._snapshot is None or self._snapshot.step != self._core.step):
                self._keep(at_once=True)  # who looks at a pause sees what there is now
            time.sleep(PAUSE)

    def _keep(self, at_once: bool = False) -> None:
        """Keep a snapshot, where somebody looks and the last one is old. Host arrays: nothing is compiled for it."""
        now = time.monotonic()
        if not self._wanted.is_set() or not (at_once or now - self._taken > SECONDS_BETWEEN_SNAPSHOTS):
            return
        core = self._core
        assert core is not None
        statistics = core.learner.statistics() if core.source.normalizes else None
        several, run, before = core.seeds is not None, core.learner.run, self._snapshot
        lately = None if before is None else before.experienced
        if run is not None:
            lately = experienced(run, core.spec, several, core.step, lately)
        self._snapshot = Snapshot(
            core.step, core.algorithm, first_of(core.state, several), statistics, lately
        )
        self._taken = now


def first_of(state: PyTree, several: bool) -> PyTree:
    """A copy of a state; of several learners that of the first."""

    def leaf(x: Any) -> Any:
        if is_key(x):
            return jnp.copy(x[0] if several else x)
        return np.array(np.asarray(x)[0] if several else x)

    return jax.tree.map(leaf, state)
