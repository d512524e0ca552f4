"""What is each part of Rainbow worth? `python -m benchmarks.ablation` writes results/ablation.json and ablation.md.

Rainbow, Rainbow without each of its six parts, and without all of them, on two environments; all other values are those
of Rainbow's preset. Steps are so few that not everything has learnt by the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common, studies
from benchmarks.studies import Raw, Study
from operant.ops.intervals import iqm_interval
from operant.studio import style

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
    for environment, steps, arms in _measured(measured):
        rows = [
            (arm, _interval(raw["means_of_training"]), _interval(raw["means_of_the_last_models"]))
            for arm, raw in arms.items()
        ]
        header = ("", "while training", "at the end")
        sections += [
            f"\n## {environment}, {steps:,} steps\n",
            common.table(header, rows),
            f"\n![The same as a picture]({_picture(environment)})",
        ]
    return "\n".join(sections) + "\n"


def draw(measured: list[Raw], results: Path) -> None:
    """One picture an environment: interquartile means with their intervals, one row an arm."""
    for environment, steps, arms in _measured(measured):
        with style.look():
            figure = style.figure(8, 1.6 + 0.4 * len(arms))
            axes = figure.subplots()
            for key, label, colour, offset in (
                ("means_of_training", "while training", style.SKY, -0.12),
                ("means_of_the_last_models", "at the end", style.BLUE, 0.12),
            ):
                values = np.array([iqm_interval(np.array(raw[key])) for raw in arms.values()]).T
                centre, low, high = values
                rows = np.arange(len(arms)) + offset
                axes.errorbar(
                    centre, rows, xerr=(centre - low, high - centre), fmt="o", color=colour, label=label
                )
            axes.set_yticks(range(len(arms)), list(arms))
            axes.invert_yaxis()
            axes.set_xlabel("mean return: interquartile mean over seeds, 95 % interval")
            figure.legend(loc="outside lower center", ncols=2)
            style.heading(axes, "What each part of Rainbow is worth", f"{environment}, {steps:,} steps")
            style.finish(figure, results / _picture(environment))


def _measured(measured: list[Raw]) -> Iterator[tuple[str, int, dict[str, Raw]]]:
    """Each environment on which there are results, its steps, and its arms, in order."""
    named = {raw["name"]: raw for raw in measured}
    for environment, (_, steps) in ENVIRONMENTS.items():
        arms = {arm: named[name] for arm in ARMS if (name := f"{arm} {environment}") in named}
        if arms:
            yield environment, steps, arms


def _picture(environment: str) -> str:
    return f"ablation-{environment.lower()}.png"


def _interval(means: list[float]) -> str:
    centre, low, high = iqm_interval(np.array(means))
    return f"{centre:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    studies.main("ablation", STUDIES, report, __doc__ or "", draw=draw)
