"""What is hindsight good for? `python -m benchmarks.hindsight` writes results/hindsight.json and hindsight.md.

Twenty seeds of tasks that reward only the goal, with hindsight and without it, all else alike. No value was chosen by
looking at these seeds.
"""

from __future__ import annotations

from benchmarks import common, studies
from benchmarks.studies import Raw, Study

REQUIRED = 0.95  # of the episodes must reach their goal
TASKS = (("DQN", "BitFlipping"), ("DQN", "BitFlipping30"))
STUDIES = tuple(
    Study(f"{title}{of} {environment}", title.lower(), environment, REQUIRED, values=values, success=True)
    for title, environment in TASKS
    for of, values in ((" with hindsight", {}), ("", {"hindsight": "none"}))
)


def report(measured: list[Raw]) -> str:
    """The Markdown of hindsight.md."""
    rows = []
    for study in measured:
        low, high = study["interval"]
        rows.append(
            (
                study["name"],
                f"{study['steps']:,}",
                f"{study['iqm']:.2f} [{low:.2f}, {high:.2f}]",
                f"{studies.reached(study)} of {len(study['means'])}",
            )
        )
    seeds = measured[0]["seeds"]
    header = ("", "steps a seed", "IQM of success [95 %]", f"seeds with at least {REQUIRED}")
    sections = [
        "# Hindsight where only the goal is rewarded\n",
        studies.describe(measured),
        "\nBitFlipping has 15 bits and BitFlipping30 has 30; nothing but the last flip is rewarded. "
        f"Seeds {seeds[0]} to {seeds[-1]} trained together in one program with the preset, whose hindsight is "
        'left out by `hindsight="none"`. Success is the share of '
        f"{studies.EPISODES} episodes that end at their goal, of the best known actions at the end of training; its "
        "interquartile mean over seeds has a 95 % bootstrap interval. Written by `python -m benchmarks.hindsight`.\n",
        common.table(header, rows),
        *(f"\n{study['name']}, by seed: {studies.by_seed(study['means'], 2)}." for study in measured),
    ]
    return "\n".join(sections) + "\n"


if __name__ == "__main__":
    studies.main("hindsight", STUDIES, report, __doc__ or "")
