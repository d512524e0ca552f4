"""What memory does a checkpoint take? `python -m benchmarks.checkpoint_memory --gigabytes 4` prints it.

DQN trains with a replay of that size and writes a checkpoint; another process resumes from it. Both tell the highest
memory that the process ever had, less what it had before there was a run, as a multiple of the run. Linux only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile

import jax

SMALL = {"preset": None, "learning_starts": 64, "num_envs": 8, "network": {"hidden_sizes": (16,)}}


def memory(what: str) -> int:
    """A line of this process's status, in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(what))


def measure(phase: str, directory: str, rows: int) -> str:
    """Train for a little, or resume, and say how it went."""
    import operant

    operant.DQN("CartPole-v1", buffer_size=1000, **SMALL).learn(
        256, progress_bar=False
    )  # compiles, and loads libraries
    before = memory("VmRSS")
    if phase == "write":
        agent = operant.DQN("CartPole-v1", buffer_size=rows, **SMALL)
        agent.learn(256, progress_bar=False, run_dir=directory, checkpoint_every=256, overwrite=True)
    else:
        agent = operant.Agent.restore(directory)
    run = sum(leaf.nbytes for leaf in jax.tree.leaves(agent.learner.run))
    return f"{phase}: a run of {run / 1e9:.2f} GB, at most {(memory('VmHWM') - before) / run:.3f} times that"


def main() -> None:
    """Run both phases, each in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--phase", choices=["write", "read"], help=argparse.SUPPRESS)
    parser.add_argument("--directory", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    rows = int(asked.gigabytes * 1e9 / 42)  # a transition of CartPole takes 42 bytes
    if asked.phase:
        print(measure(asked.phase, asked.directory, rows))
        return
    with tempfile.TemporaryDirectory() as directory:
        for phase in ("write", "read"):
            again = ["--gigabytes", str(asked.gigabytes), "--phase", phase, "--directory", directory]
            subprocess.run([sys.executable, "-m", "benchmarks.checkpoint_memory", *again], check=True)


if __name__ == "__main__":
    main()
