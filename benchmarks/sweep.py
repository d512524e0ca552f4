"""operant's sweep next to Optuna one trial at a time: `python -m benchmarks.sweep` writes results/sweep.{json,md}.

See README.md for what is measured and how.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import common

MODULE = "benchmarks.measure_sweep"
REQUIRED = 5.0
TRIALS, TRIALS_TO_THE_END, STEPS, ROUNDS = 256, 64, 100_000, 2
SIDES = {
    "sweep": "operant.sweep, successive halving",
    "sweep to the end": "operant.sweep, every trial to its end",
    "one by one": "Optuna, one trial at a time, to its end",
    "one by one, halving": "Optuna, one trial at a time, successive halving",
}
PAIRS = (("sweep", "one by one"), ("sweep", "one by one, halving"), ("sweep to the end", "one by one"))

Raw = dict[str, Any]


def main() -> None:
    options = _options()
    trials, to_the_end, steps, rounds = TRIALS, TRIALS_TO_THE_END, STEPS, options.rounds
    if options.quick:
        trials, to_the_end, steps, rounds = 12, 4, 10_000, 1
    about = {"date": options.date, "machine": common.machine(), "sampler": options.sampler, "steps": steps}
    runs: dict[str, list[Raw]] = {side: [] for side in SIDES}
    for seed in range(rounds):
        shared = {"steps": steps, "sampler": options.sampler, "seed": seed}

        def measured(side: str, shared: Mapping[str, Any] = shared, **more: Any) -> Raw:
            with tempfile.TemporaryDirectory() as cache:  # empty at first: every side compiles what it needs
                raw = common.measure(
                    MODULE,
                    {**shared, **more, "side": side, "begun": time.time()},
                    sys.executable,
                    {"XDG_CACHE_HOME": cache},
                )
            print(f"{raw['trials']} trials in {raw['seconds']:.0f} s", flush=True)
            return raw

        ours = measured("together", trials=trials, stops=True)
        runs["sweep"].append(ours)
        runs["one by one"].append(measured("one by one", seconds=ours["seconds"], stops=False))
        runs["one by one, halving"].append(measured("one by one", seconds=ours["seconds"], stops=True))
        runs["sweep to the end"].append(measured("together", trials=to_the_end, stops=False))
    raw = about | {"runs": runs, "quick": options.quick}
    text = report(raw)
    if options.quick and options.out is None:
        print(text)
        return
    out = options.out or common.RESULTS
    common.write_json(out / "sweep.json", raw)
    (out / "sweep.md").write_text(text)
    print(text)
    sys.exit(0 if ratio(raw, *PAIRS[0])["median"] >= REQUIRED else 1)


def rates(runs: Sequence[Raw]) -> list[float]:
    """Trials a minute, of each round."""
    return [60 * run["trials"] / run["seconds"] for run in runs]


def ratio(raw: Raw, ours: str, theirs: str) -> dict[str, float]:
    """How many times the trials, by round."""
    pairs = zip(rates(raw["runs"][ours]), rates(raw["runs"][theirs]), strict=True)
    return common.spread(a / b for a, b in pairs)


def report(raw: Raw) -> str:
    """The Markdown of sweep.md."""
    runs = raw["runs"]
    first = runs["sweep"][0]

    def row(side: str) -> list[str]:
        mine = runs[side]

        def median(value: Callable[[Raw], float]) -> str:
            return f"{statistics.median(map(value, mine)):,.0f}"

        return [
            SIDES[side],
            median(lambda run: run["trials"]),
            median(lambda run: run["finished"]),
            median(lambda run: run["seconds"]),
            common.show(common.spread(rates(mine)), 1),
            median(lambda run: run["best"]),
        ]

    header = ("", "trials", "trained to the end", "seconds", "trials a minute", "best score")
    pairs = [
        [f"{SIDES[ours]} ÷ {SIDES[theirs]}", common.show(ratio(raw, ours, theirs), 1) + " ×"]
        for ours, theirs in PAIRS
    ]
    reached = ratio(raw, *PAIRS[0])["median"]
    verdict = "pass" if reached >= REQUIRED else "**fail**"
    return "\n".join(
        (
            "# Sweeps next to one trial at a time\n",
            common.describe(raw["date"], raw["machine"], first["versions"]),
            f"\nPPO on CartPole with its preset, trials of {raw['steps']:,} steps, sampler {raw['sampler']}: medians "
            f"of {len(runs['sweep'])} rounds. Written by `python -m benchmarks.sweep`; README.md says how. "
            "A trial that successive halving stops counts as one.\n",
            common.table(header, map(row, SIDES)),
            "\nTimes as many trials in the same time:\n",
            common.table(("", "ratio (smallest–largest)"), pairs),
            f"\nRequired of the first line: {REQUIRED:g} ×. Reached: {reached:.1f} ×, {verdict}.\n",
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute; its numbers mean nothing")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of all sides (default {ROUNDS})")
    parser.add_argument(
        "--sampler", choices=("tpe", "random"), default="tpe", help="of both sides (default tpe)"
    )
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, help="directory of the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
