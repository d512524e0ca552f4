"""Pendulum without its reward: `python -m benchmarks.preferences` writes results/preferences.*

PPO and SAC learn from a reward that is fitted to comparisons of clips (Christiano et al. 2017), next to the same with
the environment's reward, with their presets for Pendulum. The judge prefers the clip that the environment pays more.
Five seeds learn side by side in one program. No value was chosen by looking at these seeds. What is measured already is
kept.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import operant
from benchmarks import common

FIRST_SEED, SEEDS = 1000, 5
EPISODES = 100  # of a score
ANSWERS = 500
ROWS = 20  # of a curve

Raw = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """An algorithm, how long it learns, and how often the judge is asked."""

    name: str
    algorithm: str
    steps: int
    query_every: int | None  # None: it learns from the environment's reward

    def agent(self, seeds: Sequence[int]) -> operant.Agent:
        """With its preset."""
        own = None
        if self.query_every is not None:
            own = operant.Preferences(comparisons=ANSWERS, query_every=self.query_every)
        return operant.make(self.algorithm, "Pendulum-v1", seeds=list(seeds), curiosity=own)


CASES = (
    Case("PPO, from preferences", "ppo", 100_000, 2000),
    Case("PPO, from the reward", "ppo", 100_000, None),
    Case("SAC, from preferences", "sac", 20_000, 500),
    Case("SAC, from the reward", "sac", 20_000, None),
)


def measure(case: Case, seeds: Sequence[int]) -> Raw:
    began = time.perf_counter()
    agent = case.agent(seeds).learn(case.steps, progress_bar=False, log_interval=case.steps // ROWS)
    scores: Any = agent.evaluate(EPISODES)
    random: Any = agent.random().evaluate(EPISODES, deterministic=False)
    rows = agent.history
    return {
        "name": case.name,
        "seeds": list(seeds),
        "steps": agent.step,
        "returns": [float(score.mean) for score in scores],
        "random": random.mean,
        "answers": np.asarray(rows[-1].get("train/comparisons", 0)).reshape(-1).tolist(),
        "accuracy": np.asarray(rows[-1].get("train/preference_accuracy", 0)).reshape(-1).tolist(),
        "curve": {
            "steps": [int(row["time/total_timesteps"]) for row in rows],
            "return": [np.asarray(row["rollout/ep_rew_mean"]).tolist() for row in rows],
        },
        "seconds": round(time.perf_counter() - began, 1),
    }


def report(cases: Sequence[Raw], about: Raw) -> str:
    """The Markdown of preferences.md."""
    rows = []
    for raw in cases:
        answers = f"{max(raw['answers']):.0f}" if max(raw["answers"]) else "none"
        each = ", ".join(f"{value:.0f}" for value in raw["returns"])
        rows.append((raw["name"], f"{raw['steps']:,}", answers, f"{np.mean(raw['returns']):.1f}", each))
    lines = [
        "# Pendulum without its reward",
        common.describe(about["date"], about["machine"], about["versions"]),
        f"Mean returns of {EPISODES} episodes, by the environment's reward. Those from preferences never see "
        f"it: a scripted judge says of {ANSWERS} pairs of clips of 25 steps which one is better. The random policy has "
        f"{cases[0]['random']:.0f}. Written by `python -m benchmarks.preferences`.",
        common.table(("", "steps", "answers", "mean of the seeds", "each seed"), rows),
        "![returns while learning](preferences.png)",
    ]
    return "\n\n".join(lines) + "\n"


def draw(cases: Sequence[Raw], path: Path) -> None:
    """Returns of episodes while learning, a line a seed."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    for ax, algorithm in zip(axes, ("PPO", "SAC"), strict=True):
        for raw in cases:
            name, _, source = raw["name"].partition(", ")
            if name != algorithm:
                continue
            colour = "#0072b2" if source == "from preferences" else "0.6"
            returns = np.asarray(raw["curve"]["return"], float)
            ax.plot(raw["curve"]["steps"], returns, color=colour, lw=1, alpha=0.6)
            ax.plot([], [], color=colour, label=source)
        ax.set(title=algorithm, xlabel="steps")
        if ax.lines:
            ax.legend(fontsize=8)
    axes[0].set_ylabel("return of an episode")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Measure what the command line asks for and nobody has measured yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preferences", description=__doc__)
    parser.add_argument("only", nargs="*", default=[case.name for case in CASES], help="cases")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(FIRST_SEED, FIRST_SEED + SEEDS)))
    parser.add_argument("--again", action="store_true", help="measure what is measured already, too")
    parser.add_argument("--tuning", action="store_true", help="nothing is written")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    file = common.RESULTS / "preferences.json"
    kept = json.loads(file.read_text())["cases"] if file.exists() else []
    for case in CASES:
        others = [raw for raw in kept if raw["name"] != case.name]
        known = len(others) < len(kept) and not options.again and not options.tuning
        if case.name not in options.only or known:
            continue
        raw = measure(case, options.seeds)
        print(json.dumps({**raw, "curve": None}), flush=True)
        if options.tuning:
            continue
        order = [each.name for each in CASES]
        kept = sorted([*others, raw], key=lambda each: order.index(each["name"]))
        about = {"date": options.date, "machine": common.machine(), "versions": common.versions()}
        common.write_json(file, about | {"cases": kept})
        file.with_suffix(".md").write_text(report(kept, about))
        draw(kept, file.with_suffix(".png"))


if __name__ == "__main__":
    main()
