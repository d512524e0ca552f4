"""Small sweeps of Q-learning in a gridworld, with scores made up of each learner's numbers and what it has learnt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from operant.engine.watch import Stopped, Watch
from operant.envs.gridworld import GridWorld
from operant.envs.source import Source
from operant.sweeps.asking import request_of
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Progress
from operant.sweeps.population import Stock
from operant.sweeps.reading import parted
from operant.sweeps.request import Request
from operant.sweeps.run import train_all
from operant.sweeps.trial import Trial

TOTAL = 900
SOURCE = Source("GridWorld")
__all__ = ["GridWorld", "Path", "Source", "parted"]
STOCK = Stock()  # compiled once for all tests of a file


def request(given: dict[str, Any] | None = None, **values: Any) -> Request:
    """Nine trials of two seeds, of Q-learning with rates between 0.1 and 1."""
    space, shared = parted("q-learning", given or {"learning_rate": "0.1:1"})
    usual = {
        "trials": 9,
        "seeds": 2,
        "seed": 0,
        "sampler": "random",
        "together": None,
        "test_seeds": 0,
        "scheduler": "halving",
        "num_envs": None,
        "total_timesteps": TOTAL,
        "evaluation_episodes": 2,
    }
    return request_of("q-learning", "GridWorld", space, shared, **usual | values)


def made_up(self: Any, watch: Any = None) -> list[Any]:
    """In the place of `Selection.scores`: a learner's rate, and a little of what it has learnt, so that no two that
    learnt other things have the same score.
    """
    if watch is not None and watch.stop:
        raise Stopped
    state = self.core.learner.state
    rates = np.asarray(state.numbers[0], np.float64)
    learnt = [
        np.asarray(leaf, np.float64).reshape(len(rates), -1).sum(1) for leaf in jax.tree.leaves(state.learner)
    ]
    return [SimpleNamespace(mean=float(x)) for x in rates + 1e-9 * sum(learnt)]


class Killed(BaseException):
    """Stands for the end of a process."""


def run(
    asked: Request,
    path: Path,
    *,
    tell: Callable[[int, Watch], None] = lambda count, watch: None,
    say: Callable[[str], None] = lambda line: None,
    crew: Any = None,
) -> list[Trial]:
    """The trials of a sweep, which goes on where it was; `tell(count, watch)` is called after every row."""
    directory, watch, rows = SweepDirectory(path), Watch(), iter(range(1, 10**9))
    if not directory.sweep_file.exists():
        SweepDirectory.create(path, asked)
    progress = Progress(tell=lambda progress: tell(next(rows), watch), say=say)
    return train_all(asked, SOURCE, directory, asked.sampled(), watch, progress, STOCK, crew)


def files(path: Path) -> dict[str, str]:
    """What a sweep says of its batches."""
    return {file.name: file.read_text() for file in sorted((path / "batches").iterdir())}
