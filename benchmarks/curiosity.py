"""What is curiosity good for? `python -m benchmarks.curiosity` writes results/curiosity.json and curiosity.md.

Twenty seeds in a maze that pays nothing but for its goal, without curiosity and with it, all else alike. No value was
chosen by looking at these seeds.
"""

from __future__ import annotations

import argparse
import datetime
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import operant
from benchmarks import common
from operant import presets

ENVIRONMENT = "SparseMaze"
FIRST_SEED = 1000
ARMS = (
    ("ppo", "none"),
    ("ppo", "rnd"),
    ("ppo", "icm"),
    ("q-learning", "none"),
    ("q-learning", "counts"),
    ("dqn", "none"),
)
QUICK_SHARE, QUICK_SEEDS = 50, 2

Raw = dict[str, Any]


def main() -> None:
    options = _options()
    count = QUICK_SEEDS if options.quick else options.seeds
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    raw: Raw = {
        "date": options.date,
        "machine": common.machine(),
        "versions": common.versions(),
        "arms": [],
    }
    for algorithm, curiosity in ARMS:
        raw["arms"].append(run(algorithm, curiosity, count, QUICK_SHARE if options.quick else 1))
        common.write_json(results / "curiosity.json", raw)  # what is done is kept, whatever comes later
    text = report(raw)
    (results / "curiosity.md").write_text(text)
    print(f"{text}\nWritten to {results}.")


def run(algorithm: str, curiosity: str, count: int, share: int) -> Raw:
    """Train and score all seeds of one arm."""
    steps = presets.find(algorithm, ENVIRONMENT, "auto")["total_timesteps"] // share
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    agent = operant.make(algorithm, ENVIRONMENT, preset="auto", curiosity=curiosity, seeds=seeds)
    started = time.process_time()
    agent.learn(steps, progress_bar=False)
    seconds = time.process_time() - started
    means = [float(score.mean) for score in agent.evaluate(1)]
    print(f"{agent.name}: {np.round(means, 2)}", flush=True)
    return {
        "name": agent.name,
        "seeds": list(seeds),
        "steps": steps,
        "means": means,
        "train_seconds": seconds,
        "config": agent.config(),
    }


def reached(arm: Raw) -> int:
    """How many seeds reach the goal."""
    return sum(mean > 0 for mean in arm["means"])


def report(raw: Raw) -> str:
    """The Markdown of curiosity.md."""
    rows = []
    for arm in raw["arms"]:
        found, count = reached(arm), len(arm["seeds"])
        interval = stats.binomtest(found, count).proportion_ci(0.95, method="exact")
        rows.append(
            (
                arm["name"],
                f"{arm['steps']:,}",
                f"{found} of {count}",
                f"{interval.low:.0%} to {interval.high:.0%}",
                f"{arm['train_seconds']:.0f}",
            )
        )
    seeds = raw["arms"][0]["seeds"]
    header = ("", "steps a seed", "seeds that reach the goal", "95 %", "training, CPU s")
    sections = [
        "# Curiosity in a maze that pays nothing but for its goal\n",
        common.describe(raw["date"], raw["machine"], raw["versions"]),
        f"\n{ENVIRONMENT}: 13 × 13 cells, 64 steps from start to goal, 200 steps of time, 1 for the goal and 0 for all "
        f"else. Seeds {seeds[0]} to {seeds[-1]} trained together in one program with the preset, with and without "
        "curiosity; each scored by an episode of the best known actions, in which nothing is random. The interval is "
        "Clopper and Pearson's, of the share of seeds. Without curiosity PPO explores by its entropy bonus, "
        "Q-learning and DQN by ε-greedy. Written by `python -m benchmarks.curiosity`.\n",
        common.table(header, rows),
        *(f"\n{arm['name']}, by seed: {', '.join(f'{m:.2f}' for m in arm['means'])}." for arm in raw["arms"]),
    ]
    return "\n".join(sections) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curiosity", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help=f"how many, from {FIRST_SEED} on (default 20)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the report")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    parser.add_argument(
        "--quick", action="store_true", help="see that it works: two seeds, few steps, elsewhere"
    )
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: must be at least 1.")
    return options


if __name__ == "__main__":
    main()
