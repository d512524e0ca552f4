"""R1 R2: a run whose process is killed with SIGKILL is resumed as if it had not been.

Half of the cases die at a step of a checkpoint on its way to the disk, the others some milliseconds after a row. Every
third one is killed again when it is resumed. Where nothing had been kept, it says so and is begun again.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from operant.agent import Agent
from operant.engine.checkpoint import latest_checkpoint
from tests.reliability import small_runs
from tests.reliability.rows import Row

ROW = Row(
    "R1 R2",
    "SIGKILL at random, half of them inside a checkpoint; resume: PPO, DQN with replay, a table, a search, memory; "
    "through Gymnasium two resumes agree",
    passes="tensors, optimiser, replay, keys, statistics and rows bit-identical",
    full=60,
    more=240,
    fast=(2, 8),
)
KINDS = tuple(small_runs.KINDS)


def case(index: int, directory: Path) -> None:
    kind, inside = KINDS[index % len(KINDS)], index // len(KINDS) % 2 == 0
    run = directory / "run"
    small_runs.killed(kind, run, index, inside=inside)
    if index % 3 == 2:
        small_runs.killed(kind, run, index + 10_000, inside=not inside)
    if kind == "gymnasium":
        twin = shutil.copytree(run, directory / "twin")
        one, other = finished(kind, run), finished(kind, twin)
        small_runs.require_equal(one, other)
        assert small_runs.rows(run) == small_runs.rows(twin)
        assert one.step == small_runs.whole(kind)[0].step
    else:
        small_runs.require_as_if_nothing_had_happened(kind, finished(kind, run), run)


def finished(kind: str, run: Path) -> Agent:
    """A killed run, resumed to its end; begun again where it says that nothing had been kept."""
    if latest_checkpoint(run / "checkpoints") is not None:
        return Agent.resume(run, progress_bar=False)
    with pytest.raises(FileNotFoundError, match=re.escape(str(run))):
        Agent.resume(run, progress_bar=False)
    return small_runs.learn(small_runs.KINDS[kind](), run, overwrite=True)
