"""How fast are the planners, and in how much memory? `python -m benchmarks.planning` writes results/planning.json, .md.

Each measurement is a process of its own, which makes the model and solves it twice.
"""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from benchmarks import common
from operant import mdp

GAMMA, TOLERANCE = 0.99, 1e-6
SECONDS = 1.0  # for the small model, by every planner
QUICK_SHARE = 20  # --quick has a twentieth of the states

Raw = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A model and what solves it."""

    name: str
    model: str
    states: int
    planner: str
    required_seconds: float | None = None


SMALL, LARGE, LAKE = (
    "1,000 states × 10 actions",
    "100,000 states × 10 actions",
    "slippery lake of 317 × 317 squares",
)
CASES = (
    Case(SMALL, "random", 1_000, "value_iteration", SECONDS),
    Case(SMALL, "random", 1_000, "q_value_iteration", SECONDS),
    Case(SMALL, "random", 1_000, "policy_iteration", SECONDS),
    Case(LARGE, "random", 100_000, "value_iteration"),
    Case(LARGE, "random", 100_000, "policy_iteration"),
    Case(LAKE, "lake", 317**2, "value_iteration"),
)


def lake(side: int) -> mdp.MDP:
    """FrozenLake's rules on a square without holes: a third each for the direction asked for and those beside it."""
    state = np.arange(side * side - 1)  # the last one is the goal, and terminal
    row, column = np.divmod(state, side)
    moves = np.array([(0, -1), (1, 0), (0, 1), (-1, 0)])
    columns = []
    for action in range(4):
        for turn in (-1, 0, 1):
            down, right = moves[(action + turn) % 4]
            successor = np.clip(row + down, 0, side - 1) * side + np.clip(column + right, 0, side - 1)
            reward = np.where(successor == side * side - 1, 1.0, 0.0)
            columns.append(
                (state, np.full_like(state, action), successor, np.full(len(state), 1 / 3), reward)
            )
    return mdp.MDP.from_transitions(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def measure(case: Case) -> Raw:
    """Seconds of the first and second solution, their iterations, and the process's largest memory in MiB."""
    imported = _memory()
    if case.model == "lake":
        model = lake(round(case.states**0.5))
    else:
        model = mdp.MDP.random(case.states, 10, successors=3, seed=0)
    made = _memory()

    def solve() -> tuple[float, mdp.Solution]:
        started = time.perf_counter()
        solution = getattr(mdp, case.planner)(model, GAMMA, tolerance=TOLERANCE)
        return time.perf_counter() - started, solution

    first, _ = solve()
    second, solution = solve()
    return {
        "first_seconds": first,
        "seconds": second,
        "iterations": solution.iterations,
        "outcomes": len(model.outcomes.successor),
        "imported_mib": imported,
        "made_mib": made,
        "peak_mib": _memory(),
        "versions": common.versions() | {"scipy": scipy.__version__},
    }


def _memory() -> float:
    """The largest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    options = _options()
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    share = QUICK_SHARE if options.quick else 1
    raw: Raw = {
        "date": options.date,
        "machine": common.machine(),
        "repeats": options.repeats,
        "quick": options.quick,
    }
    runs: list[list[Raw]] = [[] for _ in CASES]
    for _ in range(options.repeats):
        for case, measured in zip(CASES, runs, strict=True):
            smaller = asdict(replace(case, states=case.states // share))
            measured.append(common.measure("benchmarks.planning", smaller, sys.executable, {}))
            print(f"{case.name}, {case.planner}: {measured[-1]['seconds']:.3f} s", flush=True)
    raw["cases"] = [asdict(case) | {"runs": measured} for case, measured in zip(CASES, runs, strict=True)]
    common.write_json(results / "planning.json", raw)
    text = report(raw)
    (results / "planning.md").write_text(text)
    print(f"{text}\nWritten to {results}.")
    sys.exit(not all(passes(case) for case in raw["cases"]))


def passes(case: Raw) -> bool:
    """Whether the median is within what is required of it, if anything is."""
    required = case["required_seconds"]
    return required is None or common.spread(run["seconds"] for run in case["runs"])["median"] < required


def report(raw: Raw) -> str:
    """The Markdown of planning.md."""
    rows = []
    for case in raw["cases"]:
        runs = case["runs"]
        required = case["required_seconds"]
        verdict = "pass" if passes(case) else "**fail**"
        rows.append(
            (
                f"{case['name']}: {case['planner'].replace('_', ' ')}",
                common.show(common.spread(run["first_seconds"] for run in runs), 2),
                common.show(common.spread(run["seconds"] for run in runs), 2),
                f"{runs[0]['iterations']:,}",
                f"{max(run['made_mib'] for run in runs):,.0f}",
                f"{max(run['peak_mib'] for run in runs):,.0f}",
                "–" if required is None else f"{verdict} (< {required:g} s)",
            )
        )
    first = raw["cases"][0]["runs"][0]
    header = ("", "first, s", "second, s", "iterations", "model made, MiB", "peak, MiB", "")
    sections = [
        "# Planning\n",
        "**A quick run of small models: it shows that the benchmark works, and no speeds.**\n" * raw["quick"],
        common.describe(raw["date"], raw["machine"], first["versions"]),
        f"\nγ = {GAMMA}, every value within {TOLERANCE:g}; three next states of each state and action. Median "
        f"(smallest–largest) of {raw['repeats']} processes, each of which solves its model twice. Memory is the whole "
        f"process's, and {first['imported_mib']:.0f} MiB of it are Python, NumPy and SciPy. Written by "
        "`python -m benchmarks.planning`.\n",
        common.table(header, rows),
    ]
    return "\n".join(filter(None, sections)) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="processes for each measurement (default 3)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the report")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    parser.add_argument("--quick", action="store_true", help="see that it works, not how fast; elsewhere")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error(f"--repeats {options.repeats}: must be at least 1.")
    return options


if __name__ == "__main__":
    # `common.measure` starts this module again, with a case as its argument.
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        print(json.dumps(measure(Case(**json.loads(sys.argv[1])))))
    else:
        main()
