"""Does operant learn as well as its peers? `python -m benchmarks.parity` writes results/parity.{json,md} and a picture.

The same hyperparameters, environment, steps and scoring as Stable-Baselines3 and sb3-contrib. What is done is kept seed
by seed, and the command goes on where it was; a pair whose settings have changed is measured anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path
from threading import Lock
from typing import Any

from benchmarks import common
from benchmarks.parity_cases import PAIRS, Pair
from benchmarks.parity_report import draw, report
from benchmarks.peers.environment import python as make_environment

EPISODES, EVALUATION_SEED = 50, 10_000
GYMNASIUM_SEEDS = 5  # a handful: the same through Gymnasium, since the others play on native twins
SIDES = ("operant", "peer", "gymnasium")

Raw = dict[str, Any]


def main() -> None:
    options = _options()
    results = Results(options.out / "parity.json", options.date)
    if not options.report:
        pairs = [pair for pair in PAIRS if any(fnmatch(pair.name.lower(), p.lower()) for p in options.only)]
        python = None
        for pair in pairs:
            for side in options.sides:
                wanted = GYMNASIUM_SEEDS if side == "gymnasium" else options.seeds
                seeds = results.missing(pair, side, wanted)
                if not seeds:
                    continue
                if side == "peer":
                    python = python or options.peers_python or make_environment()
                    _of_peer(pair, seeds, python, options.jobs, results)
                else:
                    _of_operant(pair, side, seeds, results)
    measured = results.pairs()
    draw(measured, options.out)
    updates = options.out / "parity_update.json"
    text = report(measured, json.loads(updates.read_text()) if updates.exists() else None)
    (options.out / "parity.md").write_text(text)
    print(text)


class Results:
    """What is measured, in a file that is written anew with every seed."""

    def __init__(self, file: Path, date: str) -> None:
        self._file, self._date, self._lock = file, date, Lock()

    def pairs(self) -> list[Raw]:
        """All pairs that are measured at least in part, with the settings of now, in the order of `PAIRS`."""
        kept = self._read()
        return [kept[pair.name] for pair in PAIRS if kept.get(pair.name) == self._of(pair, kept)]

    def missing(self, pair: Pair, side: str, count: int) -> list[int]:
        """The seeds from 0 to `count` − 1 of which this side has no score yet."""
        known = {result["seed"] for result in self._of(pair, self._read())[side]}
        return [seed for seed in range(count) if seed not in known]

    def add(self, pair: Pair, side: str, result: Raw) -> None:
        """Keep a seed's scores; `result` holds the versions that they were made with, too."""
        with (
            self._lock
        ):  # of this process; another may write other pairs meanwhile, so the file is read again
            kept = self._read()
            raw = self._of(pair, kept)
            raw["date"] = self._date
            raw["machine"] = {name: value for name, value in common.machine().items() if name != "load"}
            raw["versions"][side] = result.pop("versions")
            raw[side] = sorted([*raw[side], result], key=lambda one: one["seed"])
            kept[pair.name] = raw
            common.write_json(self._file.with_suffix(".part"), {"pairs": list(kept.values())})
            self._file.with_suffix(".part").replace(self._file)
        print(f"{pair.name}, {side}, seed {result['seed']}: {result['final']:.1f}", flush=True)

    def _read(self) -> dict[str, Raw]:
        if not self._file.exists():
            return {}
        return {raw["name"]: raw for raw in json.loads(self._file.read_text())["pairs"]}

    def _of(self, pair: Pair, kept: dict[str, Raw]) -> Raw:
        settings = json.loads(json.dumps(pair.settings))
        raw = kept.get(pair.name)
        if raw is None or raw["settings"] != settings:
            return {"name": pair.name, "settings": settings, "versions": {}} | {side: [] for side in SIDES}
        return raw


def _of_operant(pair: Pair, side: str, seeds: Sequence[int], results: Results) -> None:
    """All seeds together in one program on the native twin, or one after another through Gymnasium."""
    from benchmarks.parity_operant import train  # not for `--report`, which needs no JAX

    groups = [seeds] if side == "operant" else [[seed] for seed in seeds]
    for group in groups:
        for result in train(pair, group, side, EPISODES, EVALUATION_SEED):
            results.add(pair, side, result | {"versions": common.versions()})


def _of_peer(pair: Pair, seeds: Sequence[int], python: str, jobs: int, results: Results) -> None:
    """Seeds one after another in each of `jobs` processes of one thread, which leave the machine to all others."""
    with ThreadPoolExecutor(jobs) as pool:
        parts = [seeds[index::jobs] for index in range(min(jobs, len(seeds)))]
        running = [pool.submit(_keep, pair, part, python, results) for part in parts]
        for done in as_completed(running):
            done.result()  # raises what went wrong there


def _keep(pair: Pair, seeds: Iterable[int], python: str, results: Results) -> None:
    with closing(answers(pair, seeds, python)) as each:
        for result in each:
            results.add(pair, "peer", result)


def answers(pair: Pair, seeds: Iterable[int], python: str) -> Generator[Raw, None, None]:
    """The peer's scores of one seed after another."""
    argument = {
        "pair": pair.settings,
        "seeds": list(seeds),
        "episodes": EPISODES,
        "evaluation_seed": EVALUATION_SEED,
    }
    command = [python, "-m", "benchmarks.peers.train_sb3", json.dumps(argument)]
    if os.name == "posix":
        command = ["nice", "-n", "19", *command]
    with subprocess.Popen(
        command, cwd=common.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                yield json.loads(line)
            errors = process.stderr.read()
        except BaseException:  # also where nobody asks for the next: what trains ends with who wanted it
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"{pair.peer} on {pair.environment} failed:\n{errors[-3000:]}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30, help="of each side, from 0 on (default 30)")
    parser.add_argument(
        "--only",
        nargs="+",
        default=["*"],
        metavar="NAME",
        help=f"pairs to measure, such as 'ppo*': {', '.join(pair.name for pair in PAIRS)}",
    )
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="sides to measure")
    parser.add_argument("--jobs", type=int, default=2, help="processes of the peer at once (default 2)")
    parser.add_argument("--report", action="store_true", help="measure nothing: write the report anew")
    parser.add_argument(
        "--peers-python", help="interpreter that has peers/requirements.txt (default: made once)"
    )
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="directory of the results")
    options = parser.parse_args()
    for name in ("seeds", "jobs"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)}: must be at least 1.")
    for pattern in options.only:
        if not any(fnmatch(pair.name.lower(), pattern.lower()) for pair in PAIRS):
            parser.error(f"--only {pattern}: no pair has such a name.")
    return options


if __name__ == "__main__":
    main()
