"""Continuous control that takes hours: `python -m benchmarks.continuous` writes results/continuous.{json,md,png}.

MuJoCo next to published returns, and Box2D's continuous tasks. Several seeds in one program; the last model of
each is scored, not its best, since that is what is published. A study that is interrupted goes on from its last
checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common, published, studies
from benchmarks.studies import Raw, Study
from operant.engine.log import EVALUATED, STEP
from operant.ops.intervals import iqm_interval
from operant.studio import style
from operant.studio.curves import draw_curves

PICTURE = "continuous.png"
MUJOCO = ("HalfCheetah-v4", "Hopper-v4", "Walker2d-v4")
OFF_POLICY, ON_POLICY = 100_000, 1_000_000  # steps, as published
LONGER = 300_000


def _mujoco(title: str, algorithm: str, environment: str, steps: int, name: str = "") -> Study:
    """Whose threshold is the lower end of what is published: a standard deviation below the mean."""
    known = published.after(algorithm, environment, steps)
    threshold = float("-inf") if known is None else known[0] - known[1]
    values = {} if algorithm in ("ppo", "trpo") else {"buffer_size": steps}
    return Study(
        f"{title} {environment.partition('-')[0]}{name}",
        algorithm,
        environment,
        threshold,
        steps=steps,
        values=values,
        of_iqm=True,
        seeds=5,
        evaluate_every=steps // 20,
    )


STUDIES = (
    *(_mujoco("SAC", "sac", environment, OFF_POLICY) for environment in MUJOCO),
    *(_mujoco("CrossQ", "crossq", environment, OFF_POLICY) for environment in MUJOCO),
    _mujoco("SAC", "sac", "HalfCheetah-v4", LONGER, ", longer"),
    *(_mujoco("PPO", "ppo", environment, ON_POLICY) for environment in MUJOCO),
    *(_mujoco("TRPO", "trpo", environment, ON_POLICY) for environment in MUJOCO),
    Study("SAC MountainCarContinuous", "sac", "MountainCarContinuous-v0", 93, seeds=20),
    Study("TQC LunarLanderContinuous", "tqc", "LunarLanderContinuous-v3", 260, of_iqm=True, seeds=10),
    Study("TQC BipedalWalker", "tqc", "BipedalWalker-v3", 300, of_iqm=True, seeds=10),
)


def report(measured: list[Raw]) -> str:
    """The Markdown of continuous.md."""
    header = ("", "steps a seed", "seeds", "IQM [95 %]", "mean ± sd", "published", "", "training, s")
    sections = [
        "# Continuous control\n",
        studies.describe(measured),
        f"\nSeeds from {studies.FIRST_SEED} on, trained together in one program. A seed's score is the mean return of "
        f"its deterministic policy at the end over {studies.EPISODES} episodes. Published are mean and standard "
        f"deviation of {published.SEEDS} seeds (`published.py`); **below** is said where our interquartile mean "
        "is more than one deviation below, or below the threshold of what has none. Written by "
        "`python -m benchmarks.continuous`.\n",
        common.table(header, [_row(raw) for raw in measured]),
        f"\n![Curves next to what is published]({PICTURE})\n",
        *(
            f"{raw['name']}, by seed: {studies.by_seed(raw['means_of_the_last_models'], 0)}.\n"
            for raw in measured
        ),
    ]
    return "\n".join(sections) + "\n"


def _row(raw: Raw) -> tuple[str, ...]:
    means = raw["means_of_the_last_models"]
    centre, low, high = iqm_interval(means)
    known = published.after(raw["algorithm"], raw["environment"], raw["steps"])
    return (
        raw["name"],
        f"{raw['steps']:,}",
        str(len(means)),
        f"{centre:,.0f} [{low:,.0f}, {high:,.0f}]",
        f"{np.mean(means):,.0f} ± {np.std(means):,.0f}",
        f"at least {raw['threshold']:g}" * (raw["threshold"] > float("-inf"))
        if known is None
        else f"{known[0]:,} ± {known[1]:,}",
        "**below**" if centre < raw["threshold"] else "",
        f"{raw['train_seconds']:.0f}",
    )


def draw(measured: Sequence[Raw], directory: Path) -> None:
    """Of each MuJoCo environment, our evaluations while training, and the published points with their deviation."""
    of_mujoco = [raw for raw in measured if raw["environment"] in MUJOCO and raw["evaluations"]["steps"]]
    shown = [name for name in MUJOCO if any(raw["environment"] == name for raw in of_mujoco)]
    if not shown:
        return
    with style.look():
        figure = style.figure(6.0 * len(shown), 5.0)
        for place, environment in enumerate(shown):
            axes = figure.add_subplot(1, len(shown), 1 + place)
            _panel(axes, environment, [raw for raw in of_mujoco if raw["environment"] == environment])
        style.finish(figure, directory / PICTURE)


def _panel(axes: Any, environment: str, measured: Sequence[Raw]) -> None:
    """One environment's; the longest study of each algorithm."""
    longest = {raw["algorithm"]: raw for raw in sorted(measured, key=lambda raw: raw["steps"])}
    curves = {
        raw["name"].split()[0]: (
            np.array(raw["evaluations"]["steps"]),
            np.array(raw["evaluations"]["returns"]),
        )
        for raw in longest.values()
    }
    draw_curves(axes, curves, STEP, EVALUATED)
    for index, raw in enumerate(longest.values()):
        for at in published.AT:
            known = published.after(raw["algorithm"], environment, at)
            if known is not None and at <= raw["steps"]:
                look = {"fmt": "o", "color": style.colour(index), "markerfacecolor": "white", "capsize": 3.0}
                axes.errorbar(at, *known, clip_on=False, zorder=5, **look)
    axes.legend(loc="upper left")
    style.heading(axes, environment, "circles: published, mean and standard deviation of ten seeds")


if __name__ == "__main__":
    studies.main("continuous", STUDIES, report, __doc__ or "", draw=draw, long=True)
