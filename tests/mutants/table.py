"""The table of planted bugs: benchmarks/results/mutants.json, and the same in Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.mutants.plant import ROOT, Plant, plants
from tests.mutants.running import Outcome

RESULTS = ROOT / "benchmarks" / "results"


def write(outcomes: dict[str, Outcome], directory: Path = RESULTS) -> None:
    """With new outcomes by name; those of plants that have not changed since stay, others go."""
    rows = merged(known(directory), outcomes, plants())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "mutants.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    (directory / "mutants.md").write_text(text(rows))


def known(directory: Path = RESULTS) -> list[dict[str, Any]]:
    """The rows written last."""
    file = directory / "mutants.json"
    return json.loads(file.read_text()) if file.exists() else []


def merged(
    rows: list[dict[str, Any]], outcomes: dict[str, Outcome], every: list[Plant]
) -> list[dict[str, Any]]:
    """A row for each of these plants that has an outcome, new or old."""
    old = {row["name"]: row for row in rows}
    found = []
    for plant in every:
        fields = json.loads(json.dumps(asdict(plant)))
        if plant.name in outcomes:
            found.append({**fields, **asdict(outcomes[plant.name])})
        elif fields.items() <= old.get(plant.name, {}).items():
            found.append(old[plant.name])
    return found


def counts(rows: list[dict[str, Any]]) -> tuple[int, int, int]:
    """How many were caught, how many could have been, and how many are equivalent."""
    real = [row for row in rows if not row["equivalent"]]
    return sum(row["result"] == "caught" for row in real), len(real), len(rows) - len(real)


def text(rows: list[dict[str, Any]]) -> str:
    """The table in Markdown."""
    caught, real, equivalent = counts(rows)
    rooms = list(dict.fromkeys("/".join(row["file"].split("/")[:2]) for row in rows))
    parts = [
        "# Planted bugs, and the tests that notice them\n",
        f"{caught} of {real} are noticed ({100 * caught / max(real, 1):.0f} %); {equivalent} more change nothing that "
        "can be noticed, and say why. Written by `python -m tests.mutants`, which plants them one at a time in a copy "
        "and runs a few tests of each until the first fails.\n",
    ]
    for room in rooms:
        parts.append(f"## {room}\n\n| plant | what it breaks | noticed by | s |\n|---|---|---|---|")
        parts += [_line(row) for row in rows if row["file"].startswith(room)]
        parts.append("")
    return "\n".join(parts)


def _line(row: dict[str, Any]) -> str:
    if row["equivalent"]:
        notice = f"equivalent: {row['equivalent']}"
    elif row["result"] == "caught":
        file, _, test = row["test"].partition("::")
        notice = f"`{file.removeprefix('tests/')}` `{test}`"
    else:
        notice = f"**{row['result']}** {row['message']}".strip()
    file = row["file"].removeprefix("operant/")
    return f"| {row['name']} | {row['breaks']} (`{file}`) | {notice} | {row['seconds']:.0f} |".replace(
        "\n", " "
    )
