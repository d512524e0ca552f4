"""Memory and open files of a process that goes on for long; each case is a process of its own."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.reliability.rows import Row

ROW = Row(
    "R14",
    "memory and open files over 2,000,000 steps; 30 agents made, trained and dropped; 30 evaluations and films",
    passes="from the first third to the end, memory grows by less than 2 % and no file stays open",
    full=3,
    fast=(2,),
)
MANY = 30
ROOM = 0.02  # by which memory may differ


def case(index: int, directory: Path) -> None:
    """The samples of a process: flat after its first third, in which everything is loaded and compiled."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.row_memory", str(index), str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    samples = json.loads(done.stdout.splitlines()[-1])
    memory, files = ([sample[i] for sample in samples[len(samples) // 3 :]] for i in (0, 1))
    early, late = max(memory[:5]), min(memory[-5:])  # what is leaked is in all of the last ones
    assert late <= early * (1 + ROOM), f"{early} kB became {late} kB: {memory}"
    assert files[-1] <= files[0], f"{files[0]} open files became {files[-1]}: {files}"


def steps(directory: Path) -> None:
    """2,000,000 steps of training, with all that is kept of them."""
    import operant

    agent = operant.PPO("CartPole-v1", num_envs=32, n_steps=64, batch_size=512, n_epochs=2, network=SMALL)
    run = {"run_dir": directory / "run", "checkpoint_every": 200_000, "progress_bar": False}
    agent.learn(2_000_000, lambda progress: sample(), log_interval=50_000, **run)


def agents(directory: Path) -> None:
    """One agent after another, natively and through Gymnasium."""
    import operant

    for number in range(MANY):
        backend = ("native", "gymnasium")[number % 2]
        agent = operant.PPO(
            "CartPole-v1", n_steps=32, batch_size=32, n_epochs=1, network=SMALL, backend=backend
        )
        agent.learn(64, progress_bar=False)
        del agent
        sample()


def plays(directory: Path) -> None:
    """One agent that is scored and filmed again and again."""
    import operant

    agent = operant.PPO("CartPole-v1", network=SMALL)
    for _ in range(MANY):
        agent.evaluate(5)
        agent.record(directory / "film.mp4")
        sample()


SMALL = {"hidden_sizes": [16]}
CASES = (steps, agents, plays)
SAMPLES: list[tuple[int, int]] = []


def sample() -> None:
    """Note this process's memory in kB, once what is free has been given back, and its open files."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    SAMPLES.append((int(status["VmRSS"].split()[0]), len(os.listdir("/proc/self/fd"))))


if __name__ == "__main__":
    CASES[int(sys.argv[1])](Path(sys.argv[2]))
    print(json.dumps(SAMPLES))
