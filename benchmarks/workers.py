"""IMPALA and APPO next to RLlib's: `python -m benchmarks.workers` writes results/workers.{json,md}.

Steps a second that the learner has learnt from, on the same cores: workers that play CartPole-v1 with 8 environments
each, rollouts of 64 steps, and the same network. All sides of an algorithm begin, and then have rounds in turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.peers import environment

AIM = 2.0  # times the steps of RLlib's better side
ALGORITHMS = ("impala", "appo")
GYMNASIUM = "through Gymnasium"
OURS = {
    f"threads, {GYMNASIUM}": {"workers": 2, "worker_type": "thread", "backend": "gymnasium"},
    f"Ray, {GYMNASIUM}": {"workers": 2, "worker_type": "ray", "backend": "gymnasium"},
    "threads, natively": {"workers": 2, "worker_type": "thread", "backend": "native"},
}
THEIRS = {f"RLlib, {count} worker{'s' * (count > 1)}": {"workers": count} for count in (1, 2)}
STEPS = {"operant": 100_000, "RLlib": 20_000}  # of a round


def main() -> None:
    options = _options()
    python = options.peers_python or environment.python(environment.RLLIB)
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    file = results / "workers.json"
    raw: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"algorithms": {}}
    raw |= {"date": options.date, "machine": common.machine()}
    for algorithm in options.only:
        raw["algorithms"][algorithm] = measured(algorithm, options, python)
        common.write_json(file, raw)
    text = report(raw)
    (results / "workers.md").write_text(text)
    print(text)


def measured(algorithm: str, options: argparse.Namespace, python: str) -> dict[str, Any]:
    """Steps a second of each side, round by round."""
    rounds, share = (1, 20) if options.quick else (options.rounds, 1)
    sides = {
        name: ("benchmarks.measure_workers", sys.executable, how, STEPS["operant"])
        for name, how in OURS.items()
    }
    for name, how in THEIRS.items():
        sides[name] = ("benchmarks.peers.measure_rllib", python, how, STEPS["RLlib"])
    with ExitStack() as running:
        begun = {}
        for name, (module, interpreter, how, steps) in sides.items():
            argument = {"algorithm": algorithm, "steps": steps // share, **how}
            begun[name] = running.enter_context(common.sitting(module, argument, interpreter, {}))
        answers = [{name: ask() for name, (_, ask) in begun.items()} for _ in range(rounds)]
    rates = {name: [answer[name]["steps"] / answer[name]["seconds"] for answer in answers] for name in begun}
    for name, found in rates.items():
        print(f"{algorithm}, {name}: {statistics.median(found):,.0f} steps/s", flush=True)
    return {"rates": rates, "versions": {name: value["versions"] for name, (value, _) in begun.items()}}


def ratios(rates: Mapping[str, list[float]], side: str) -> list[float]:
    """A side's steps a second over those of RLlib's better one, round by round."""
    best = max(THEIRS, key=lambda name: statistics.median(rates[name]))
    return [one / other for one, other in zip(rates[side], rates[best], strict=True)]


def report(raw: Mapping[str, Any]) -> str:
    """The Markdown of workers.md."""
    header = ["", *THEIRS, *(part for side in OURS for part in (side, "ratio"))]
    rows, versions, short = [], [], []
    for algorithm, found in raw["algorithms"].items():
        rates, versions = found["rates"], [found["versions"][side] for side in (*OURS, *THEIRS)]
        rows.append([algorithm.upper(), *(common.show(common.spread(rates[side])) for side in THEIRS)])
        for side in OURS:
            ratio = common.spread(ratios(rates, side))
            rows[-1] += [common.show(common.spread(rates[side])), common.show(ratio, 2)]
        best = max(statistics.median(ratios(rates, side)) for side in OURS if GYMNASIUM in side)
        if best < AIM:
            short.append(algorithm.upper())
    distinct = list({json.dumps(one): one for one in versions}.values())
    verdict = "pass" if not short else f"**fail**: {', '.join(short)}"
    sections = [
        "# IMPALA and APPO, next to RLlib's",
        common.describe(raw["date"], raw["machine"], *distinct),
        "Steps a second that were learnt from, median and range over rounds in turns; each worker plays CartPole-v1 "
        "with 8 environments, in rollouts of 64 steps, and both sides have two hidden layers of 64 units. The ratio is "
        f"that of every round, with RLlib's better number of workers; through Gymnasium it should be {AIM:g} "
        f"({verdict}). Written by `python -m benchmarks.workers`.",
        common.table(header, rows),
    ]
    return "\n\n".join(sections) + "\n"


def _options() -> argparse.Namespace:
    parser = common.rounds_parser("workers", __doc__, 6, "requirements_rllib.txt")
    parser.add_argument("--only", nargs="+", choices=ALGORITHMS, default=ALGORITHMS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
