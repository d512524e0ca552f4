"""Small runs of every kind of learner, to be trained in a process that is killed, and compared to the last bit."""

from __future__ import annotations

import csv
import functools
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import jax
import numpy as np

import operant
from operant.agent import Agent, keeping
from operant.engine import files
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.files import is_key, leaf_names

SMALL: dict[str, Any] = {"hidden_sizes": (8,), "initialization": "uniform"}
MEMORY: dict[str, Any] = {"hidden_sizes": (), "initialization": "uniform", "memory": "gru", "memory_size": 4}
PPO: dict[str, Any] = {"num_envs": 4, "n_steps": 16, "batch_size": 32, "n_epochs": 1}
DQN: dict[str, Any] = {
    "num_envs": 4,
    "buffer_size": 300,
    "learning_starts": 64,
    "train_freq": 16,
    "target_update_interval": 64,
}
WORKERS: dict[str, Any] = {"num_envs": 2, "n_steps": 8, "workers": 2, "fixed_lag": 2}
CEM: dict[str, Any] = {"population_size": 8, "elite_fraction": 0.25}
STATISTICS: dict[str, Any] = {"normalize_observations": True, "normalize_rewards": True}

# The running statistics of both normalisations, a ring that wraps with a tree of priorities, a table of counts, a
# method without a gradient, memory, and where workers stand: all must survive.
KINDS: dict[str, Callable[[], Agent]] = {
    "ppo": lambda: operant.PPO("CartPole-v1", preset=None, seed=3, network=SMALL, **PPO, **STATISTICS),
    "dqn": lambda: operant.DQN(
        "CartPole-v1", preset=None, seed=3, network=SMALL, priority=True, n_step=3, **DQN
    ),
    "table": lambda: operant.QLearning("FrozenLake-v1", preset=None, seed=3),
    "search": lambda: operant.CEM(
        "CartPole-v1", preset=None, seed=3, network=SMALL, population_size=8, elite_fraction=0.25
    ),
    "memory": lambda: operant.PPO("CartPole-v1", preset=None, seed=3, network=MEMORY, **PPO),
    "workers": lambda: operant.IMPALA(
        "CartPole-v1", preset=None, seed=3, network=MEMORY, **STATISTICS, **WORKERS
    ),
    "gymnasium": lambda: operant.DQN(
        "CartPole-v1", preset=None, seed=3, network=SMALL, backend="gymnasium", **DQN
    ),
}
TOTAL = 768
EVERY = 128  # steps between two rows, and between two checkpoints
WALL_CLOCK = ("time/fps", "time/time_elapsed")
POINTS = 18  # as many steps as a checkpoint takes on its way to the disk, and some after it


def learn(agent: Agent, run_dir: Path, **more: Any) -> Agent:
    """Train to the end, with six checkpoints."""
    return agent.learn(
        TOTAL, progress_bar=False, log_interval=EVERY, run_dir=run_dir, checkpoint_every=EVERY, **more
    )


@functools.cache
def whole(kind: str) -> tuple[Agent, Path]:
    """One that nothing happened to, with its directory."""
    directory = Path(tempfile.mkdtemp(prefix="operant-whole-"))
    _remove_at_exit(directory)
    return learn(KINDS[kind](), directory / "run"), directory / "run"


def _remove_at_exit(directory: Path) -> None:
    import atexit

    atexit.register(shutil.rmtree, directory, ignore_errors=True)


def rows(run_dir: Path) -> list[dict[str, str]]:
    """Those of metrics.csv, without what a clock says."""
    with (run_dir / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in WALL_CLOCK} for row in csv.DictReader(file)]


def require_equal(one: Agent, other: Agent) -> None:
    """Raise AssertionError naming the leaves of the whole run, keys, replay and optimiser too, whose bits differ."""

    def plain(x: Any) -> np.ndarray:
        return np.asarray(jax.random.key_data(x) if is_key(x) else x)

    names = leaf_names(one.learner.run)
    pairs = zip(names, jax.tree.leaves(one.learner.run), jax.tree.leaves(other.learner.run), strict=True)
    different = [name for name, a, b in pairs if plain(a).tobytes() != plain(b).tobytes()]
    assert not different, f"{len(different)} of {len(names)} leaves differ: {', '.join(different[:5])}"


def require_as_if_nothing_had_happened(kind: str, resumed: Agent, run_dir: Path) -> None:
    """Raise AssertionError unless a run ended as the one did that nothing happened to."""
    expected, directory = whole(kind)
    require_equal(expected, resumed)
    assert rows(run_dir) == rows(directory), "the rows of metrics differ"
    assert len(resumed.history) == len(expected.history)
    left = [path.name for path in run_dir.rglob("*") if path.name.endswith((".tmp", ".old", ".operant-lock"))]
    assert not left, f"left behind: {left}"


# in a process that is killed

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def in_a_process(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """The process that does it, started: a fork of one that has imported everything and trains nothing."""
    process = _PROCESSES.Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


def killed(kind: str, run_dir: Path, seed: int, *, inside: bool) -> None:
    """Train, or go on, in a process until SIGKILL: at a moment after some row, or `inside` a checkpoint."""
    process = in_a_process(_train_until_killed, kind, run_dir, seed, inside)
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"the process ended with {process.exitcode}"


def _train_until_killed(kind: str, run_dir: Path, seed: int, inside: bool) -> None:
    choose = random.Random(seed)
    if inside:
        _die_inside_checkpoint(choose.randint(1, 3), choose.randint(1, POINTS))
        callback = None
    else:
        callback = DiesAfter(choose.randint(0, 3), choose.random() * 0.01)
    if (run_dir / "config.json").exists() and latest_checkpoint(run_dir / "checkpoints") is not None:
        Agent.resume(run_dir, callback=callback, progress_bar=False)
    else:
        learn(KINDS[kind](), run_dir, callback=callback, overwrite=True)
    _die()  # it was at its end already


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesAfter:
    """A callback that ends its process some seconds after a number of rows, whatever it does then."""

    def __init__(self, rows: int, seconds: float) -> None:
        self.rows, self.seconds = rows, seconds

    def __call__(self, progress: Any) -> None:
        if self.rows == 0:
            threading.Timer(self.seconds, _die).start()
        self.rows -= 1


def _die_inside_checkpoint(which: int, point: int) -> None:
    """From now on the process ends at a step of the `which`-th checkpoint on its way to the disk: before it, or, at an
    even one, in its middle where it has one.
    """
    written, steps = 0, 0
    save = keeping.save_checkpoint

    def counting(*arguments: Any, **keywords: Any) -> Any:
        nonlocal written
        written += 1
        return save(*arguments, **keywords)

    keeping.save_checkpoint = counting

    def dying(function: Callable[..., Any], path_of: Callable[..., Any] | None = None) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal steps
            steps += written >= which
            if written >= which and steps >= point:
                if path_of is not None and point % 2 == 0:
                    function(*arguments, **keywords)
                    path = path_of(*arguments)
                    os.truncate(path, os.path.getsize(path) // 2)
                _die()
            return function(*arguments, **keywords)

        return call

    files.save_file = dying(files.save_file, lambda tensors, path, header: path)
    Path.write_text = dying(Path.write_text, lambda path, text: path)
    for name in ("fsync", "replace", "rename", "mkdir", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
    shutil.rmtree = dying(shutil.rmtree)
