"""A run that was stopped, asked to or not, goes on as if it had not been."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.value.dqn import DQN
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.files import leaf_names, read_metadata
from operant.envs.wrappers import FrameStack
from operant.networks import Network

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")
ALGORITHMS = {
    # The running statistics of both normalisations, a schedule, and memory: all must survive.
    "ppo": PPO(
        n_steps=16,
        batch_size=32,
        n_epochs=2,
        normalize_observations=True,
        normalize_rewards=True,
        network=Network(hidden_sizes=(), initialization="uniform", memory="gru", memory_size=8),
    ),
    # A ring of frames that wraps, the tree of priorities.
    "dqn": DQN(
        buffer_size=300,
        learning_starts=100,
        target_update_interval=100,
        priority=True,
        n_step=3,
        network=NETWORK,
    ),
}
TOTAL = 1024
WALL_CLOCK = ("time/fps", "time/time_elapsed")


def agent(name: str, seeds: int | None, **arguments) -> Agent:
    if name == "dqn":
        arguments["wrappers"] = [FrameStack(2)]
    return Agent(ALGORITHMS[name], "CartPole-v1", seed=7, seeds=seeds, num_envs=4, **arguments)


def learn(agent: Agent, run_dir: Path, callback=None, loggers=()) -> Agent:
    return agent.learn(
        TOTAL,
        callback,
        progress_bar=False,
        log_interval=256,
        run_dir=run_dir,
        checkpoint_every=512,
        loggers=loggers,
    )


def rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in WALL_CLOCK} for row in csv.DictReader(file)]


def differences(one: Agent, other: Agent) -> list[str]:
    """The leaves of the whole run, environments and keys included, that are not equal to the last bit."""

    def plain(x):
        return np.asarray(
            jax.random.key_data(x) if jnp.issubdtype(jnp.asarray(x).dtype, jax.dtypes.prng_key) else x
        )

    pairs = zip(
        leaf_names(one.learner.run),
        jax.tree.leaves(one.learner.run),
        jax.tree.leaves(other.learner.run),
        strict=True,
    )
    return [name for name, a, b in pairs if not np.array_equal(plain(a), plain(b), equal_nan=True)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Agents that were never stopped, with their directories, made when first asked for."""
    made: dict = {}

    def get(name: str, seeds: int | None) -> tuple[Agent, Path]:
        if (name, seeds) not in made:
            path = tmp_path_factory.mktemp("whole") / "run"
            made[name, seeds] = learn(agent(name, seeds), path), path
        return made[name, seeds]

    return get


@pytest.mark.parametrize("seeds", [None, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_resume_of_a_run_stopped_by_its_callback_is_to_the_last_bit(whole, tmp_path, name, seeds):
    expected, directory = whole(name, seeds)
    stopped = learn(agent(name, seeds), tmp_path / "run", lambda progress: progress.step < 500)
    assert 0 < stopped.step < TOTAL
    assert differences(expected, stopped)

    resumed = Agent.resume(tmp_path / "run", progress_bar=False)
    assert resumed.step == expected.step
    assert differences(expected, resumed) == []
    assert rows(tmp_path / "run") == rows(directory)
    assert len(rows(directory)) == 4 * (seeds or 1)
    assert len(resumed.history) == len(expected.history)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_resume_of_an_interrupted_process_is_to_the_last_bit(whole, tmp_path, number):
    expected, directory = whole("ppo", None)
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path / "run"), str(int(number))],
        capture_output=True,
        text=True,
        check=False,
    )
    if number == signal.SIGINT:  # the chunk that was running is finished and kept
        assert done.stdout.split() == ["768", "interrupted"], done.stderr
        kept = "768"
    else:  # its last row of metrics is behind the last checkpoint
        assert done.returncode == -signal.SIGKILL, done.stderr
        kept = "512"
        assert rows(tmp_path / "run")[-1]["time/total_timesteps"] == "768"
    checkpoint = latest_checkpoint(tmp_path / "run" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.name == kept

    resumed = Agent.resume(tmp_path / "run", progress_bar=False)
    assert differences(expected, resumed) == []
    assert rows(tmp_path / "run") == rows(directory)


def test_resume_of_a_run_on_the_host_goes_on_with_fresh_episodes(tmp_path):
    stopped = learn(
        agent("dqn", None, backend="gymnasium"), tmp_path / "run", lambda progress: progress.step < 500
    )
    before = stopped.learner.run
    assert before is not None
    resumed = Agent.restore(tmp_path / "run")
    assert resumed.step == stopped.step
    for kept, was in zip(jax.tree.leaves(resumed.state), jax.tree.leaves(before.state), strict=True):
        np.testing.assert_array_equal(kept, was)
    resumed.finish(tmp_path / "run", progress_bar=False)
    assert resumed.step == TOTAL
    steps = [row["time/total_timesteps"] for row in rows(tmp_path / "run")]
    # Seven iterations of 16 steps fill the replay before the first row.
    assert steps == ["368", "624", "880", "1024"]
    assert resumed.learner.run is not None
    assert resumed.learner.run.statistics.episodes > before.statistics.episodes
    # No episode is counted longer than it was: those under way at the stop do not go on.
    assert int(resumed.learner.run.statistics.lengths.max()) <= 500


@pytest.mark.slow
def test_resume_keeps_the_best_model(tmp_path):
    def learn(run_dir, callback=None):
        return agent("ppo", 2).learn(
            TOTAL,
            callback,
            progress_bar=False,
            log_interval=256,
            run_dir=run_dir,
            evaluate_every=300,
            evaluation_episodes=20,
        )

    expected = learn(tmp_path / "whole")
    stopped = learn(tmp_path / "run", lambda progress: progress.step < 500)
    restored = Agent.restore(tmp_path / "run")
    for one in (stopped, restored):
        assert one.best_so_far is not None
        assert one.best_so_far.to_json() == stopped.best_so_far.to_json()
        assert set(one.best_so_far.step.tolist()) == {512}
    resumed = restored.finish(tmp_path / "run", progress_bar=False)
    assert differences(expected, resumed) == []
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert len({row["eval/mean_reward"] for row in rows(tmp_path / "run")} - {""}) > 1
    metadata = [
        read_metadata(tmp_path / name / "best" / "model.safetensors")["evaluation"]
        for name in ("run", "whole")
    ]
    assert metadata[0] == metadata[1]
    for one, other in zip(
        jax.tree.leaves(resumed.best_model.state), jax.tree.leaves(expected.best_model.state), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_resume_of_a_finished_run_leaves_it_as_it_is(whole):
    expected, directory = whole("dqn", None)
    before = rows(directory)
    resumed = Agent.resume(directory, progress_bar=False)
    assert differences(expected, resumed) == []
    assert rows(directory) == before


class Kills:
    """A logger that sends its process a signal once the row of step 768 has been written."""

    def __init__(self, number: int) -> None:
        self.number = number

    def write(self, row) -> None:
        if row["time/total_timesteps"] == 768:
            os.kill(os.getpid(), self.number)

    def close(self) -> None:
        pass


if __name__ == "__main__":
    learner = agent("ppo", None)
    try:
        learn(learner, Path(sys.argv[1]), loggers=[Kills(int(sys.argv[2]))])
    except KeyboardInterrupt:
        print(learner.step, "interrupted")
