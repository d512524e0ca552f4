"""What is each part of Rainbow worth? `python -m benchmarks.ablation` writes results/ablation.json and ablation.md.

Rainbow, Rainbow without each of its six parts, and without all of them, on two environments; all other values are those
of Rainbow's preset. Steps are so few that not everything has learnt by the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import common, studies
from benchmarks.studies import Raw, Study
from operant.ops.intervals import iqm_interval

# What stands in place of each part. Without noise something else must explore: ε-greedy, as in DQN's preset.
WITHOUT: dict[str, dict[str, Any]] = {
    "double": {"double": False},
    "dueling": {"dueling": "none"},
    "n-step": {"n_step": 1},
    "priority": {"priority": False},
    "noisy": {
        "noisy": False,
        "exploration_initial_eps": 1.0,
        "exploration_fraction": 0.2,
        "exploration_final_eps": 0.04,
    },
    "distributional": {"distributional": "none"},
}
ARMS: dict[str, dict[str, Any]] = {
    "Rainbow": {},
    **{f"without {part}": values for part, values in WITHOUT.items()},
    "without all six (DQN)": {name: value for values in WITHOUT.values() for name, value in values.items()},
}
ENVIRONMENTS = {"CartPole-v1": (475, 40_000), "Acrobot-v1": (-100, 40_000)}
STUDIES = tuple(
    Study(f"{arm} {environment}", "rainbow", environment, threshold, values=values, steps=steps)
    for environment, (threshold, steps) in ENVIRONMENTS.items()
    for arm, values in ARMS.items()
)


def report(measured: list[Raw]) -> str:
    """The Markdown of ablation.md."""
    seeds = measured[0]["seeds"]
    sections = [
        "# What each part of Rainbow is worth\n",
        studies.describe(measured),
        f"\nSeeds {seeds[0]} to {seeds[-1]}, trained together in one program with the values of Rainbow's preset for "
        "the environment but for what is named. Interquartile means over seeds with 95 % bootstrap intervals: of the "
        "mean return of training (how fast it learns), and of the mean return over "
        f"{studies.EPISODES} episodes of the model at the end (how far it came). Written by "
        "`python -m benchmarks.ablation`.",
    ]
    for environment, (_, steps) in ENVIRONMENTS.items():
        of_arm = {
            raw["name"].removesuffix(f" {environment}"): raw
            for raw in measured
            if raw["environment"] == environment
        }
        rows = [
            (
                arm,
                _interval(of_arm[arm]["means_of_training"]),
                _interval(of_arm[arm]["means_of_the_last_models"]),
            )
            for arm in ARMS
            if arm in of_arm
        ]
        header = ("", "while training", "at the end")
        sections += [f"\n## {environment}, {steps:,} steps\n", common.table(header, rows)]
    return "\n".join(sections) + "\n"


def _interval(means: list[float]) -> str:
    centre, low, high = iqm_interval(np.array(means))
    return f"{centre:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    studies.main("ablation", STUDIES, report, __doc__ or "")
