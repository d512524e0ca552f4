"""The zoo of measured results: of each its curve, every seed, the command that repeats it, and its model."""

from __future__ import annotations

import json

from operant import decimals, zoo
from tools.site.links import ROOT, relative

PAGE = "results/zoo.md"


def page() -> str:
    """The Markdown of the page."""
    parts = [
        "# The zoo of measured results",
        f"What each preset reaches on seeds that it was not chosen by: {len(zoo.entries())} pairs of an algorithm and "
        "an environment, each with its curve, every seed, and the command that repeats it. Where a trained model comes "
        f"with operant, `operant watch` plays it at once: [the zoo]({relative('zoo.md', PAGE)}).",
        _overview(),
    ]
    for algorithm in dict.fromkeys(entry.algorithm for entry in zoo.entries().values()):
        parts.append(f"## {algorithm}")
        for entry in zoo.entries().values():
            parts += _described(entry) if entry.algorithm == algorithm else []
    return "\n\n".join(parts) + "\n"


def pictures() -> dict[str, str]:
    """The file of each entry's learning curves in benchmarks/results, by the entry's title."""
    studies = json.loads((ROOT / "benchmarks" / "results" / "learning.json").read_text())["studies"]
    return {study["name"]: study["picture"] for study in studies}


def _overview() -> str:
    lines = [
        "| | score of seeds [95 %] | seeds | steps of each | model that comes with operant |",
        "|---|--:|--:|--:|--:|",
    ]
    for entry in zoo.entries().values():
        model = "–" if entry.model is None else f"{decimals.score(entry.model.mean)}, seed {entry.model.seed}"
        score = decimals.score(entry.iqm, entry.interval)
        lines.append(f"| `{entry.name}` | {score} | {len(entry.seeds)} | {entry.steps:,} | {model} |")
    return "\n".join(lines)


def _described(entry: zoo.Entry) -> list[str]:
    seeds = "| seed | " + " | ".join(map(str, entry.seeds)) + " |"
    rule = "|---" + "|--:" * len(entry.seeds) + "|"
    means = "| return | " + " | ".join(decimals.scores(*entry.means)) + " |"
    best = f", the best by an evaluation every {entry.evaluate_every:,} steps" if entry.evaluate_every else ""
    parts = [
        f"### {entry.name}",
        f"{entry.title}: interquartile mean {decimals.score(entry.iqm, entry.interval)} of {len(entry.seeds)} seeds "
        f"after {entry.steps:,} steps{best}; measured on {entry.date}. The algorithm: [{entry.algorithm}]"
        f"({relative(f'algorithms/{entry.algorithm}.md', PAGE)}).",
        f"![Learning curves of {entry.title}]({relative('results/' + pictures()[entry.title], PAGE)})",
        f"{seeds}\n{rule}\n{means}",
        f"```\n{entry.command}\noperant zoo reproduce {entry.name} --seeds {len(entry.seeds)}\n```",
    ]
    if entry.model is None:
        return parts
    return [
        *parts,
        f"A trained model comes with operant, of seed {entry.model.seed}: "
        f"{decimals.score(entry.model.mean, entry.model.interval)} over {entry.model.episodes} episodes.",
        f"```\noperant watch zoo:{entry.name}\noperant zoo reproduce {entry.name}\n```",
    ]
