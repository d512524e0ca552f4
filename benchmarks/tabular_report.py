"""The Markdown of results/tabular.md."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks import common

TARGETS = {1: 20, 64: 40}  # how many times as fast as the loop, by seeds
TWO_DECIMALS = 0.005  # the largest error of a value that is right to two decimals
NEAR = 1e-4  # of the optimum
SOLVED = -110  # MountainCar

Raw = dict[str, Any]


def show(values: list[float] | None, digits: int = 1) -> str:
    if values is None:
        return "–"
    mean, low, high = (f"{value:,.{digits}f}" for value in values)
    return f"{mean} [{low}, {high}]"


def report(raw: Raw) -> str:
    """The Markdown of tabular.md."""
    speeds, loop = raw["speed"], raw["speed"]["loop"]["median"]
    rows = [("plain NumPy loop", common.show(speeds["loop"]), "1", "")]
    for count, aim in TARGETS.items():
        of = speeds[str(count)]
        rows.append(
            (
                f"operant, {count} seed{'s' * (count > 1)}",
                common.show(of),
                f"{of['median'] / loop:.1f}",
                f"{aim}",
            )
        )
    names = [name for name in raw["cliff"] if name != "steps"]
    worst = raw["grid"]["largest error"]
    good = sum(error < TWO_DECIMALS for error in worst)
    errors, mdp, frozen, cars = raw["grid"], raw["example"], raw["lake"], raw["car"]
    return (
        "\n\n".join(
            [
                "# Tables",
                common.describe(raw["date"], raw["machine"], raw["versions"]),
                "Written by `python -m benchmarks.tabular`. Intervals are of the mean over 20 seeds, 95 %.",
                "## Speed: Q-learning on the 3×3 gridworld, as many steps as 10,000 episodes take",
                common.table(("", "steps a second, median (range)", "ratio", "aim"), rows),
                "## The 3×3 gridworld",
                f"After {errors['steps']:,} steps {good} of {len(worst)} seeds have the exact table to two decimals; "
                f"the largest error of any value is {max(worst):.2g} in the worst seed, "
                f"{statistics.median(worst):.2g} in the median one.",
                f"Of {errors['seeds']} seeds {errors['inexact']} are not exact then, and of as many of the plain NumPy "
                f"loop {errors['inexact, loop']}: where one of the two shortest paths was learnt before the other had "
                "been walked, only chance leads to the other, several exploring moves in a row, and its values are not "
                f"learnt within 10,000 episodes. After twice the steps {errors['inexact, twice the steps']} are not.",
                "## The three-state MDP, 10,000 random steps, α₀ 0.05, decay 0.005, γ 0.9",
                f"Mean over seeds {mdp['mean']}; exact {mdp['exact']}. "
                f"The best policy was found by {mdp['best policy']} seeds.",
                f"## CliffWalking-v1, ε 0.1, α 0.1, {raw['cliff']['steps']:,} steps",
                common.table(
                    ("", "return while learning", "greedy path afterwards"),
                    [(n, show(raw["cliff"][n]["online"]), show(raw["cliff"][n]["greedy"])) for n in names],
                ),
                f"## FrozenLake8x8-v1 (slippery), Q-learning, {frozen['steps']:,} steps",
                "Discounted (γ 0.99) and without a time limit; the greedy policy's.",
                common.table(
                    ("", "value at the start"),
                    [
                        ("the optimum, by value iteration", f"{frozen['optimum']:.5f}"),
                        ("what was learnt, exactly", show(frozen["learnt policy"], 5)),
                        ("the worst seed", f"{frozen['worst']:.5f}"),
                        (
                            f"what was learnt, by {frozen['episodes']:,} sampled episodes",
                            show(frozen["sampled"], 4),
                        ),
                        ("the learner's own estimate", show(frozen["estimate"], 4)),
                    ],
                ),
                f"{frozen['near']} of {len(worst)} seeds are within {NEAR:g} of the optimum. No policy is better than "
                "it, so the mean of exact values lies below unless all seeds are perfect.",
                "## Dyna maze: real steps until the greedy path is at most two steps longer than a shortest one",
                "ε 0.1, α 0.5, γ 0.95.",
                common.table(
                    ("", "real steps", "seeds that got there"),
                    [(name, show(of["steps"], 0), str(of["solved"])) for name, of in raw["maze"].items()],
                ),
                f"## MountainCar-v0, linear over tile coding, {cars['steps']:,} steps",
                common.table(
                    (
                        "",
                        f"greedy, mean of {cars['episodes']:,} episodes",
                        "last 100 episodes while learning",
                        f"seeds ≥ {SOLVED}",
                        "… in the first 100 episodes",
                    ),
                    [
                        (
                            name,
                            show(cars[name]["greedy"]),
                            show(cars[name]["last 100 while learning"]),
                            *(
                                f"{sum(mean >= SOLVED for mean in cars[name][which])} of {len(worst)}"
                                for which in ("by seed", "first 100")
                            ),
                        )
                        for name in ("SARSA", "Q-learning")
                    ],
                ),
            ]
        )
        + "\n"
    )
