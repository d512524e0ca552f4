"""Does a diagnosis name what is wrong, and is it silent where nothing is? `python -m benchmarks.diagnosis` writes
results/diagnosis.json and diagnosis.md.

Runs in which one thing is wrong (`diagnosis_cases`) are trained and diagnosed from their directories, with three
seeds; so are presets, with one, of which those count that reach their threshold. No value was chosen by looking at
these seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jax

import operant
from benchmarks import common
from benchmarks.diagnosis_cases import HEALTHY, TROUBLES, Healthy, Trouble
from operant import presets
from operant.agent.configuration import Supplied
from operant.diagnosis.checks import look
from operant.diagnosis.evidence import Evidence
from operant.diagnosis.reading import of_run

FIRST_SEED = 1000  # checks were calibrated on seeds below
SEEDS, EPISODES = 3, 100
NEEDED = 18  # troubles to be named
Raw = dict[str, Any]


def main() -> None:
    options = _options()
    results = options.out or common.RESULTS
    file = results / "diagnosis.json"
    kept: dict[str, Raw] = json.loads(file.read_text()) if file.exists() else {}
    for case in _chosen(options.only):
        measure = of_trouble if isinstance(case, Trouble) else of_preset
        kept[case.name] = {"date": options.date, "machine": common.machine()} | measure(case)
        kept = {known.name: kept[known.name] for known in (*TROUBLES, *HEALTHY) if known.name in kept}
        common.write_json(file, kept)  # what is done is kept, whatever comes later
        print(case.name, json.dumps(kept[case.name]["found"]), flush=True)
    (results / "diagnosis.md").write_text(report(kept))


def of_trouble(trouble: Trouble) -> Raw:
    """What is found in runs with this trouble, by seed: names and weights, the weightiest first."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        given = None if isinstance(trouble.environment, str) else trouble.given
        with _run() as run:
            with contextlib.suppress(operant.DivergedError):  # which is what some troubles come to
                trouble.agent(seed).learn(trouble.steps, progress_bar=False, run_dir=run, **trouble.learn)
            found.append(_names(of_run(run, Supplied(env=given))))
    return {"found": found, "named_by": list(trouble.checks)}


def of_preset(healthy: Healthy) -> Raw:
    """What is found in a run of a preset, with and without knowing that it reached its threshold."""
    values = presets.find(healthy.algorithm, healthy.environment, "auto")
    every = values.get("evaluate_every")
    with _run() as run:
        agent = operant.make(healthy.algorithm, healthy.environment, seed=FIRST_SEED)
        agent.learn(values["total_timesteps"], progress_bar=False, run_dir=run, evaluate_every=every)
        best = agent if every is None else agent.best_model
        score = best.evaluate(EPISODES)
        reached = score.success_rate if healthy.success else score.mean
        evidence = of_run(run, Supplied())
    return {
        "found": _names(evidence),
        "without_threshold": _names(replace(evidence, threshold=None)),
        "score": reached,
        "threshold": healthy.threshold,
        "steps": values["total_timesteps"],
    }


@contextlib.contextmanager
def _run() -> Any:
    """A directory for a run; programs that were compiled for it are forgotten after it."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield Path(directory) / "run"
    jax.clear_caches()


def _names(evidence: Evidence) -> list[Any]:
    return [[found.check, round(found.weight, 2)] for found in look(evidence)]


def named(raw: Raw) -> int:
    """In how many of the seeds a trouble is named among the first two findings."""
    return sum(bool({name for name, _ in found[:2]} & set(raw["named_by"])) for found in raw["found"])


def report(kept: dict[str, Raw]) -> str:
    """The Markdown of diagnosis.md."""
    troubles = {case.name: kept[case.name] for case in TROUBLES if case.name in kept}
    healthy = {case.name: kept[case.name] for case in HEALTHY if case.name in kept}
    sound = {name: raw for name, raw in healthy.items() if raw["score"] >= raw["threshold"]}
    always = sum(named(raw) == len(raw["found"]) for raw in troubles.values())
    alarms = sum(bool(raw["found"]) for raw in sound.values())
    without = sum(bool(raw["without_threshold"]) for raw in sound.values())
    verdict = "pass" if always >= NEEDED and alarms == 0 else "**fail**"
    rows = [
        (name, f"{named(raw)} of {len(raw['found'])}", *(_told(raw["found"], place) for place in range(2)))
        for name, raw in troubles.items()
    ]
    presets_rows = [
        (
            name,
            f"{raw['steps']:,}",
            f"{raw['score']:.4g}",
            f"{raw['threshold']:g}",
            ", ".join(found for found, _ in raw["found"]) or "–",
            ", ".join(found for found, _ in raw["without_threshold"]) or "–",
        )
        for name, raw in healthy.items()
    ]
    newest = max(kept.values(), key=lambda raw: raw["date"])
    sections = [
        "# Diagnosis: troubles that were planted, and presets in which there is none\n",
        common.describe(newest["date"], newest["machine"], common.versions()),
        f"\n{always} of {len(troubles)} troubles are named among the first two findings with each of {SEEDS} seeds "
        f"(at least {NEEDED} are needed). Of {len(sound)} presets that reach their threshold, {alarms} have a finding, "
        f"and {without} would have one if the environment's threshold were not known: {verdict}.\n",
        f"Seeds {FIRST_SEED} and up; checks were calibrated on lower ones. Each run is trained, and diagnosed from its "
        "directory. Written by `python -m benchmarks.diagnosis`.\n",
        "## Troubles\n",
        "The first and the second finding, with the weight; with several seeds all that came first, or second.\n",
        common.table(("trouble", "named", "first finding", "second"), rows),
        "\n## Presets\n",
        "Those that do not reach their threshold with this seed do not count; what is found in them is listed all the "
        "same.\n",
        common.table(
            ("preset", "steps", "score", "threshold", "findings", "findings without the threshold"),
            presets_rows,
        ),
    ]
    return "\n".join(sections) + "\n"


def _told(found: Sequence[Sequence[Any]], place: int) -> str:
    """What stands at a place over the seeds."""
    there = [f"{each[place][0]} {each[place][1]:.2f}" if place < len(each) else "–" for each in found]
    return ", ".join(dict.fromkeys(there))


def _chosen(patterns: Iterable[str]) -> list[Trouble | Healthy]:
    cases: list[Trouble | Healthy] = [*TROUBLES, *HEALTHY]
    return [
        case for case in cases if any(fnmatch(case.name.lower(), pattern.lower()) for pattern in patterns)
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.diagnosis",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", default=["*"], metavar="NAME", help="cases, such as 'no*'")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    options = parser.parse_args()
    if not _chosen(options.only):
        parser.error(f"--only {' '.join(options.only)}: no case has such a name.")
    return options


if __name__ == "__main__":
    main()
