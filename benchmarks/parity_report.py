"""parity.md and its picture, from what `benchmarks.parity` has measured so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from operant.ops.comparison import probability_of_improvement
from operant.ops.intervals import iqm_interval
from operant.studio import style

ENOUGH = 30  # seeds of each side
PICTURE = "parity.png"

# What was found where the two seemed to differ.
FINDINGS = {
    "A2C CartPole": "an earlier measurement, 278 ± 28 (40 seeds) against the peer's 342 ± 32 (32 seeds), is a "
    "difference of 1.5 standard errors. From the same weights and rollouts, with episodes that end and others that are "
    "cut, ten updates of both sides leave the same parameters but for rounding: the learners are the same.",
    "PPO Pendulum": "an earlier measurement, −179 against −170, was of 6 seeds. With gSDE, in the environment's units, "
    "ten updates of both sides leave the same parameters but for rounding. operant's default is to act in units of the "
    "Box (`scale_actions`), which the peer does not have.",
    "ARS CartPole": "an earlier measurement, P = 0.34 [0.25, 0.45], found a fault: seeds that train together ended "
    "once the first had taken its steps, and the others, whose episodes are shorter, had taken fewer. Now each takes "
    "its own.",
    "MaskablePPO CartPole": "an earlier measurement said better: operant did not ask a wrapper's `action_masks()` "
    "through Gymnasium, so that its final scores were of another task than the peer's. Now it does: they are alike.",
    "QR-DQN CartPole": "updates differed until both were told one ε of Adam: the peer's default is 0.01 divided by the "
    "size of a minibatch, operant's 0.01/32, the paper's.",
}

Raw = dict[str, Any]


def scores(side: Sequence[Raw], what: str) -> np.ndarray:
    """Those of every seed; none where a side does not report it."""
    return np.array([result[what] for result in side if result[what] is not None], float)


def better(raw: Raw, what: str) -> tuple[float, float, float] | None:
    """The probability that operant's score is the better one, and its interval; None where one side has too few."""
    ours, theirs = scores(raw["operant"], what), scores(raw["peer"], what)
    return None if min(len(ours), len(theirs)) < 2 else probability_of_improvement(ours, theirs)


def verdict(raw: Raw) -> str:
    """What the interval of the final scores says."""
    found = better(raw, "final")
    counted = min(len(raw["operant"]), len(raw["peer"]))
    if found is None or counted < ENOUGH:
        return f"{counted} of {ENOUGH} seeds"
    _, low, high = found
    return "**worse**" if high < 0.5 else "better" if low > 0.5 else "alike"


def report(measured: Sequence[Raw], updates: Mapping[str, Sequence[float]] | None = None) -> str:
    """The Markdown of parity.md; `updates` are the differences that `benchmarks.parity_update` found."""
    if not measured:
        return "# Learning as well as the peers\n\nNothing is measured yet.\n"
    rows = []
    for raw in measured:
        settings = raw["settings"]
        rows.append(
            (
                raw["name"],
                f"{settings['steps']:,}",
                f"{len(raw['operant'])} / {len(raw['peer'])}",
                _iqm(raw["operant"], "final"),
                _iqm(raw["peer"], "final"),
                _estimate(better(raw, "final")),
                _estimate(better(raw, "training")),
                verdict(raw),
            )
        )
    header = (
        "",
        "steps",
        "seeds",
        "operant, IQM [95 %]",
        "peer, IQM [95 %]",
        "P(operant better) [95 %]",
        "P, while training",
        "",
    )
    machines = dict.fromkeys(common.describe(raw["date"], raw["machine"]) for raw in measured)
    versions = dict.fromkeys(
        f"{side}: {common.describe('', raw['machine'], found).split(chr(10) * 2)[1]}"
        for raw in measured
        for side, found in raw["versions"].items()
        if side != "gymnasium"
    )
    sections = [
        "# Learning as well as the peers\n",
        "\n\n".join([*machines, *versions]),
        "\nThe same hyperparameters, environment, steps and scoring as Stable-Baselines3 and sb3-contrib (PyTorch); "
        "`parity_cases.py` is the one table that both are told. operant's seeds are trained together on its native "
        "twins of the environments, the peer's one by one through Gymnasium. A seed's score is the mean return of its "
        "deterministic policy at the end over 50 episodes of Gymnasium's environment, with the same reset seeds on "
        "both sides; while training, that of the last 100 episodes. The probability that a seed of operant's is better "
        "than one of the peer's (ties count half; Agarwal et al. 2021, stratified bootstrap) is a half where both are "
        "alike; **worse** is said where all of its interval lies below. Of so many intervals one in twenty misses by "
        "chance. Seeds are operant's / the peer's. Written by `python -m benchmarks.parity`.\n",
        common.table(header, rows),
        f"\n![The same as a picture]({PICTURE})",
        "\n## What differs\n\n"
        "- DQN, QR-DQN and MaskablePPO take no Box: on Pendulum they choose from five torques. MaskablePPO is given "
        "masks that matter (`MASKS`).\n"
        "- Actions of a Box are in the environment's units (`scale_actions=False`), as the peers have them.\n"
        "- RecurrentPPO: operant's minibatches are two environments' 128 steps, sb3-contrib's 256 steps in a row.\n"
        "- ARS: operant plays the candidates of a generation side by side.\n",
    ]
    cross = [_through_gymnasium(raw) for raw in measured if raw["gymnasium"]]
    if cross:
        sections.append(
            "## The same through Gymnasium\n\nA handful of seeds, trained on Gymnasium's environment instead of the "
            "twin.\n\n"
            + common.table(("", "seeds", "through Gymnasium, mean", "on the twin, mean ± deviation"), cross)
            + "\n"
        )
    if updates:
        rows = [
            (name, f"{differences[0]:.0e}", f"{differences[-1]:.0e}") for name, differences in updates.items()
        ]
        count = len(next(iter(updates.values())))
        sections.append(
            "## One update\n\nThe largest difference of any parameter where both sides begin with the same weights and "
            "learn from the same rollouts, in which episodes end and are cut (`python -m benchmarks.parity_update`): "
            "rounding, unless a learner differs. The peers add 1e-6 where an action is squashed, sb3-contrib's CrossQ "
            "divides variances by N − 1 (its authors by N): here they do not.\n\n"
            + common.table(("", "after 1 update", f"after {count}"), rows)
            + "\n"
        )
    known = {raw["name"] for raw in measured} | set(updates or ())
    noted = [f"- **{name}**: {found}" for name, found in FINDINGS.items() if name in known]
    if noted:
        sections.append("## What was found\n\n" + "\n".join(noted) + "\n")
    return "\n".join(sections)


def draw(measured: Sequence[Raw], results: Path) -> None:
    """One row a pair: the probability that operant is better, with its interval, at the end and while training."""
    known = [raw for raw in measured if better(raw, "final") is not None]
    if not known:
        return
    with style.look():
        figure = style.figure(8, 1.8 + 0.34 * len(known))
        axes = figure.subplots()
        for what, label, colour, offset in (
            ("final", "at the end", style.BLUE, -0.12),
            ("training", "while training", style.SKY, 0.12),
        ):
            for row, raw in enumerate(known):
                found = better(raw, what)
                if found is None:
                    continue
                value, low, high = found
                axes.errorbar(
                    value,
                    row + offset,
                    xerr=[[value - low], [high - value]],
                    fmt="o",
                    color=colour,
                    label=label if row == 0 else None,
                )
        axes.axvline(0.5, color=style.INK, linewidth=1)
        axes.set_yticks(range(len(known)), [raw["name"] for raw in known])
        axes.set_ylim(len(known) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("probability that operant is better, 95 % interval")
        figure.legend(loc="outside lower center", ncols=2)
        style.heading(axes, "operant and Stable-Baselines3", "the same hyperparameters, steps and scoring")
        style.finish(figure, results / PICTURE)


def _iqm(side: Sequence[Raw], what: str) -> str:
    found = scores(side, what)
    if len(found) < 2:
        return "–"
    centre, low, high = (float(value) for value in iqm_interval(found))
    return f"{centre:.0f} [{low:.0f}, {high:.0f}]"


def _estimate(found: tuple[float, float, float] | None) -> str:
    return "–" if found is None else "{:.2f} [{:.2f}, {:.2f}]".format(*found)


def _through_gymnasium(raw: Raw) -> tuple[str, ...]:
    there, here = scores(raw["gymnasium"], "final"), scores(raw["operant"], "final")
    twin = f"{here.mean():.0f} ± {here.std():.0f}" if len(here) else "–"
    return raw["name"], str(len(there)), f"{there.mean():.0f}", twin
