"""What is curiosity good for? `python -m benchmarks.curiosity` writes results/curiosity.json and curiosity.md.

Twenty seeds in a maze that pays nothing but for its goal, without curiosity and with it, all else alike. No value was
chosen by looking at these seeds.
"""

from __future__ import annotations

from scipy import stats

from benchmarks import common, studies
from benchmarks.studies import Raw, Study

ENVIRONMENT = "SparseMaze"
GOAL = 1.0  # what it pays
STUDIES = tuple(
    Study(name, algorithm, ENVIRONMENT, GOAL, values={"curiosity": curiosity})
    for name, algorithm, curiosity in (
        ("PPO", "ppo", "none"),
        ("PPO with RND", "ppo", "rnd"),
        ("PPO with ICM", "ppo", "icm"),
        ("Q-learning", "q-learning", "none"),
        ("Q-learning with counts", "q-learning", "counts"),
    )
)


def report(measured: list[Raw]) -> str:
    """The Markdown of curiosity.md."""
    rows = []
    for study in measured:
        found, count = studies.reached(study), len(study["seeds"])
        interval = stats.binomtest(found, count).proportion_ci(0.95, method="exact")
        rows.append(
            (
                study["name"],
                f"{study['steps']:,}",
                f"{found} of {count}",
                f"{interval.low:.0%} to {interval.high:.0%}",
            )
        )
    seeds = measured[0]["seeds"]
    header = ("", "steps a seed", "seeds that reach the goal", "95 %")
    sections = [
        "# Curiosity in a maze that pays nothing but for its goal\n",
        studies.describe(measured),
        f"\n{ENVIRONMENT}: 13 × 13 cells, 64 steps from start to goal, 200 steps of time, 1 for the goal and 0 for all "
        f"else. Seeds {seeds[0]} to {seeds[-1]} trained together in one program with the preset, with and without "
        "curiosity; each scored by the best known actions, in which nothing is random. The interval is Clopper and "
        "Pearson's, of the share of seeds. Without curiosity PPO explores by its entropy bonus, Q-learning by "
        "ε-greedy. Written by `python -m benchmarks.curiosity`.\n",
        common.table(header, rows),
        *(f"\n{study['name']}, by seed: {studies.by_seed(study['means'])}." for study in measured),
    ]
    return "\n".join(sections) + "\n"


if __name__ == "__main__":
    studies.main("curiosity", STUDIES, report, __doc__ or "")
