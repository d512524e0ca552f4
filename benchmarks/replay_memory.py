"""What memory does DQN on Atari take? `python -m benchmarks.replay_memory` writes results/replay_memory.json.

`dqn-2015` as it is published, with a replay of a million frames, learns for a while and writes a checkpoint; the
highest memory that the process ever had is told. The replay is all there from the first step on (its pages are touched
when it is made, which `filled_bytes` shows), so that it need not be filled. About 9 GB of memory are needed, and as
much disk for the checkpoint. Linux only.
"""

from __future__ import annotations

import argparse
import datetime
import tempfile
from pathlib import Path

import jax

from benchmarks import common
from benchmarks.checkpoint_memory import memory

AIM = 7.6e9


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay_memory", description=__doc__)
    parser.add_argument("--preset", default="dqn-2015")
    parser.add_argument("--environment", default="PongNoFrameskip-v4")
    parser.add_argument("--steps", type=int, default=60_000, help="of which the first 50,000 are random")
    parser.add_argument("--buffer-size", type=int, help="another one than the preset's, to see that it works")
    parser.add_argument("--learning-starts", type=int, help="another number than the preset's")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the result")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="directory of the result")
    options = parser.parse_args()
    import operant

    other = {name: getattr(options, name) for name in ("buffer_size", "learning_starts")}
    given = {name: value for name, value in other.items() if value is not None}
    before, machine = memory("VmRSS"), common.machine()
    agent = operant.DQN(options.environment, preset=options.preset, **given)
    agent.learn(256, progress_bar=False)
    filled, run = memory("VmRSS"), sum(leaf.nbytes for leaf in jax.tree.leaves(agent.learner.run))
    agent.learn(options.steps, progress_bar=False)
    learning = memory("VmHWM")
    with tempfile.TemporaryDirectory() as directory:
        agent.learn(1024, progress_bar=False, run_dir=directory, checkpoint_every=1024, overwrite=True)
    peak = memory("VmHWM")
    found = {
        "date": options.date,
        "machine": machine,
        "versions": common.versions(),
        "preset": options.preset,
        "environment": options.environment,
        "buffer_size": agent.algorithm.buffer_size,
        "steps": agent.step,
        "run_bytes": run,
        "bytes_before": before,
        "filled_bytes": filled,
        "peak_bytes_of_learning": learning,
        "peak_bytes_with_a_checkpoint": peak,
    }
    common.write_json(options.out / "replay_memory.json", found)
    print(
        f"{options.preset}: a run of {run / 1e9:.2f} GB; the process took {filled / 1e9:.2f} GB at first, at most "
        f"{learning / 1e9:.2f} GB while learning (asked: {AIM / 1e9:.1f}) and {peak / 1e9:.2f} with a checkpoint."
    )


if __name__ == "__main__":
    main()
