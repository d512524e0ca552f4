"""What does not fit into memory is refused before it is allocated, and before a run's directory is made."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

import operant
from operant.cli import main
from tests.reliability import damage, templates
from tests.reliability.measuring import within
from tests.reliability.rows import Row

HUGE = 10**11
LEARNERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("dqn", {"buffer_size": HUGE}, "buffer_size"),
    ("dqn", {"buffer_size": HUGE, "backend": "gymnasium"}, "buffer_size"),
    ("dqn", {"buffer_size": HUGE, "priority": True}, "buffer_size"),
    ("dqn", {"buffer_size": 10**9, "seeds": 64}, "buffer_size"),
    ("dqn", {"buffer_size": HUGE, "wrappers": ["frame-stack:4"]}, "buffer_size"),
    ("rainbow", {"buffer_size": HUGE}, "buffer_size"),
)
COMMANDS = (
    ("train", "dqn", "CartPole-v1", "--buffer-size", str(HUGE), "--run-dir", "run", "--no-progress"),
    ("train", "qrdqn", "CartPole-v1", "--buffer-size", str(HUGE), "--run-dir", "run", "--no-progress"),
)
ROW = Row(
    "R10",
    "replay that is larger than memory: on both loops, for many seeds, typed, and claimed by a run's file",
    passes="refused by the name of the argument, below 3 s and 1 GB, without a run directory",
    full=len(LEARNERS) + len(COMMANDS) + 2,
    fast=(0, 1, 3, 6, 8),
)


def case(index: int, directory: Path) -> None:
    if index < len(LEARNERS):
        name, values, said = LEARNERS[index]
        with within(f"{name} {values}", seconds=None), pytest.raises(ValueError, match=said):
            _train(name, values, directory / "run")
        assert not (directory / "run").exists()
        return
    index -= len(LEARNERS)
    if index < len(COMMANDS):
        words, errors = COMMANDS[index], io.StringIO()
        with (
            contextlib.chdir(directory),
            contextlib.redirect_stderr(errors),
            within(" ".join(words), seconds=None),
        ):
            assert main(list(words)) == 2
        assert "buffer" in errors.getvalue()
        assert not (directory / "run").exists()
        return
    run = templates.copy_of("dqn", directory)
    file = run / "config.json"
    if index == len(COMMANDS):
        damage.set_values(
            file, lambda config: damage.with_value(config, ("hyperparameters", "buffer_size"), 10**7)
        )
    else:
        values = json.loads(file.read_text())
        file.write_text(json.dumps(values | {"stats_window_size": 10**9}))
    with (
        within("a run's file"),
        pytest.raises(operant.FileError, match=r"config\.json.* bytes, and the checkpoint has"),
    ):
        operant.Agent.restore(run)


def _train(name: str, values: dict[str, Any], run: Path) -> None:
    agent = operant.make(name, "CartPole-v1", preset=None, **values)
    agent.learn(1_000_000, progress_bar=False, run_dir=run)
