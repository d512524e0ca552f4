"""R9: what is learnt stops being a number, in each loop, with and without a finite loss, for one seed and several."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

import operant
from operant import cli
from operant.agent import Agent
from operant.algorithms import registry
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.files import has_nan
from operant.engine.log import STEP, read_rows
from operant.engine.run_directory import RunDirectory
from tests.reliability.rows import Row

ROW = Row(
    "R9",
    "what is learnt, or a loss, is not a number: both loops, replay, tables, seeds, resumed, from the command line",
    passes="stops at the first row with it, names what, step and last good checkpoint; nothing good is overwritten",
    full=10,
    fast=(0, 1),
)
SMALL = {"network": {"hidden_sizes": (8,), "initialization": "uniform"}}
VALUES: dict[str, dict[str, Any]] = {
    "a2c": {"n_steps": 16, **SMALL},
    "dqn": {"train_freq": 16, "learning_starts": 32, "buffer_size": 300, "batch_size": 16, **SMALL},
    "q-learning": {},
}
AT, EVERY = 250, 64  # environment steps: where it breaks, and between two rows, checkpoints and evaluations
PLAN = {
    "log_interval": EVERY,
    "checkpoint_every": EVERY,
    "evaluate_every": EVERY,
    "evaluation_episodes": 2,
    "progress_bar": False,
}


def broken(name: str, which: Callable[[Any], jax.Array] = lambda state: jnp.array(True)) -> Any:
    """The algorithm, which at `AT` learns what is not a number and reports a loss that is; of learners `which` do."""
    kind = registry.algorithm(name)

    class Broken(kind):
        def update(self, state: Any, batch: Any, key: Any, clock: Any) -> Any:
            learnt, *others = super().update(state, batch, key, clock)
            now = (clock.step > AT) & which(state)

            def spoil(x: Any) -> Any:
                return jnp.where(now, jnp.nan, x) if jnp.issubdtype(x.dtype, jnp.floating) else x

            return jax.tree.map(spoil, learnt), *others

    return registry.build(Broken, {**registry.defaults(name), **VALUES[name]})


def stops(agent: Agent, directory: Path, what: str, steps: int = 1000) -> None:
    """Training stops at the first row after `AT`, and keeps what was there before it."""
    with pytest.raises(operant.DivergedError, match=what) as caught:
        agent.learn(steps, run_dir=directory, **PLAN)
    run = RunDirectory(directory)
    rows = [row[STEP] for row in read_rows(run.metrics_file)]
    assert rows[-2] <= AT + EVERY
    assert rows[-1] <= AT + 2 * EVERY  # an iteration more than `AT`, and the row that it belongs to
    assert f"at step {rows[-1]:,}" in str(caught.value)
    kept = latest_checkpoint(run.checkpoints)
    assert kept is not None
    assert int(kept.name) == rows[-2] == agent.step
    assert any(f"of step {rows[-2]:,} ({kept})" in note for note in caught.value.__notes__)
    assert len(list(run.checkpoints.iterdir())) == 2
    assert not has_nan(agent.state)
    assert not lost(run.model_file)
    assert not lost(run.best / "model.safetensors")


def lost(file: Path) -> bool:
    """Whether it holds what is not a number."""
    return has_nan(load_file(file))


def spoilt(name: str, environment: str, backend: Any) -> Callable[[Path], None]:
    return lambda directory: stops(
        Agent(broken(name), environment, backend=backend),
        directory / "run",
        "what has been learnt is not a number|loss is nan",
    )


def one_of_three(directory: Path) -> None:
    """The others go on; the last checkpoint in which all were well is spared, and the best of each is kept."""

    def mark(state: Any) -> jax.Array:  # tells learners apart: of 300 steps at this rate it hardly changes
        return max(jax.tree.leaves(state.network), key=jnp.size).sum()

    marks = np.asarray(jax.vmap(mark)(Agent(broken("a2c"), "CartPole-v1", seeds=3).state))
    middle = float(np.sort(marks)[-2:].mean())
    victim = int(marks.argmax())
    slow = {"learning_rate": 1e-6}
    algorithm = registry.build(type(broken("a2c", lambda s: mark(s) > middle)), {**VALUES["a2c"], **slow})
    agent = Agent(algorithm, "CartPole-v1", seeds=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        agent.learn(1000, run_dir=directory / "run", keep_checkpoints=1, **PLAN)
    told = [str(one.message) for one in caught if "With seed" in str(one.message)]
    assert len(told) == 1
    assert f"With seed {victim}, what has been learnt is not a number at step" in told[0]
    assert agent.step >= 1000
    run = RunDirectory(directory / "run")
    steps = sorted(int(path.name) for path in run.checkpoints.iterdir())
    assert len(steps) == 2
    assert steps[0] <= AT < 1000 <= steps[1]
    assert not lost(run.checkpoints / str(steps[0]) / "run.safetensors")
    assert lost(run.checkpoints / str(steps[1]) / "run.safetensors")
    assert agent.best_so_far is not None
    assert not has_nan(agent.best_so_far.state)
    assert agent.best_so_far.step[victim] <= AT
    assert not lost(run.best / "model.safetensors")
    assert not lost(run.model_file)


def all_seeds(directory: Path) -> None:
    agent = Agent(broken("a2c"), "CartPole-v1", seeds=2, backend="gymnasium")
    stops(agent, directory / "run", "With every seed, what has been learnt is not a number")


def loss(directory: Path) -> None:
    agent = operant.PPO("CartPole-v1", preset=None, n_steps=16, batch_size=16, learning_rate=1e30, **SMALL)
    with pytest.raises(operant.DivergedError, match=r"loss is (nan|inf|-inf) at step \d+"):
        agent.learn(1000, run_dir=directory / "run", **PLAN)
    assert not (directory / "run" / "model.safetensors").exists()
    assert not list(RunDirectory(directory / "run").checkpoints.glob("*"))


def resumed(directory: Path) -> None:
    """A run that was whole goes on, and breaks: its files are to the byte what they were."""
    agent = Agent(broken("a2c"), "CartPole-v1")
    agent.learn(192, run_dir=directory / "run", **PLAN)
    kept = {path: path.read_bytes() for path in (directory / "run").rglob("*.safetensors")}
    run = RunDirectory(directory / "run")
    run.write_config(run.read_config() | {"total_timesteps": 1000})
    with pytest.raises(operant.DivergedError) as caught:
        agent.finish(run.path, progress_bar=False)
    assert any("back at its last checkpoint, of step" in note for note in caught.value.__notes__)
    for path, content in kept.items():
        if path.name == "model.safetensors" and path.parent == run.path:
            assert not lost(path)
        elif path.exists():
            assert path.read_bytes() == content


def command_line(directory: Path) -> None:
    typed = ["train", "ppo", "CartPole-v1", "--preset", "none", "--learning-rate", "1e30", "--n-steps", "16"]
    typed += [
        "--batch-size",
        "16",
        "--total-timesteps",
        "2000",
        "--run-dir",
        str(directory / "run"),
        "--no-progress",
    ]
    said = _Said()
    with contextlib.redirect_stderr(said):
        assert cli.main(typed) == 1
    assert "Traceback" not in said.text
    assert "loss is" in said.text


class _Said:
    """Standard error as text."""

    text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


CASES = (
    spoilt("a2c", "CartPole-v1", "native"),
    spoilt("a2c", "CartPole-v1", "gymnasium"),
    spoilt("dqn", "CartPole-v1", "native"),
    spoilt("dqn", "CartPole-v1", "gymnasium"),
    loss,
    spoilt("q-learning", "FrozenLake-v1", "gymnasium"),
    one_of_three,
    all_seeds,
    resumed,
    command_line,
)


def case(index: int, directory: Path) -> None:
    CASES[index](directory)
