"""`operant plot`: the learning curves of runs in one picture."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from operant.cli import runs as found
from operant.cli.errors import from_input


def plot(runs: Sequence[str], output: str, metric: str) -> None:
    """Draw the learning curves of runs, with their seeds, next to the random policy."""
    with from_input():
        if not runs:
            raise ValueError("plot needs at least one run directory.")
        for run in runs:
            found.require(run)
    import numpy as np

    from operant.engine.log import read_rows
    from operant.engine.run_directory import RunDirectory
    from operant.formats import read_evaluation
    from operant.studio.curves import RETURN, label, learning_curve, series

    curves, random = {}, []
    environments: set[str] = set()
    with from_input():
        for run in runs:
            directory = RunDirectory.open(run)
            rows = read_rows(directory.metrics_file) if directory.metrics_file.exists() else []
            known = [row for row in rows if np.isfinite(row.get(metric, np.nan)).any()]  # not each has eval/…
            if not known:
                there = sorted({name for row in rows for name in row}) or ["nothing yet"]
                raise ValueError(f"{run} has no metric {metric!r}; it has: {', '.join(there)}.")
            curves[directory.path.name if len(runs) == len({Path(r).name for r in runs}) else run] = series(
                known, metric
            )
            environments.add(directory.read_config()["environment"])
            if metric == RETURN and directory.evaluation_file.exists():
                score = read_evaluation(directory.evaluation_file).get("random")
                random += [] if score is None else [score["mean"]]
    with from_input():
        require_one_version(environments)
    title = f"{label(metric)} on {', '.join(sorted(environments))}"
    reference = {"random policy": float(np.mean(random))} if random and len(environments) == 1 else None
    learning_curve(curves, title=title[0].upper() + title[1:], y=metric, reference=reference, path=output)
    print(output)


def require_one_version(environments: Collection[str]) -> None:
    """Raise ValueError where two of these ids are versions of one environment, whose returns do not compare."""
    versions: dict[str, str] = {}
    for name in sorted(environments):
        other = versions.setdefault(re.sub(r"-v\d+$", "", name), name)
        if other != name:
            raise ValueError(
                f"{other} and {name} are different tasks, and returns on one say nothing of those on the other: "
                "make a picture of each."
            )
