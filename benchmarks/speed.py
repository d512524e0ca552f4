"""operant next to Stable-Baselines3, sb3-contrib and SBX: `python -m benchmarks.speed` writes results/speed.{json,md}.

See README.md for what is measured and how. Parts that are not measured now are kept as they were.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.cases import CASES, COLD, FAMILIES, RIVALS, WARM, Case, Peer
from benchmarks.peers.environment import python as make_environment
from benchmarks.speed_report import report

PARTS = (*FAMILIES, "command", "peak")
ENVIRONMENT = "CartPole-v1"
PRESETS = common.ROOT / "operant" / "presets" / "ppo.toml"
ROUNDS = 4  # of a second or so: a machine that lends its speed to others lends it for longer
QUICK_SHARE = 20  # --quick measures a twentieth of the steps

Raw = dict[str, Any]


def main() -> None:
    options = _options()
    without_peers = {"peak", "priority"}.issuperset(options.only)
    python = options.peers_python or (sys.executable if without_peers else make_environment())
    directory = Path(tempfile.mkdtemp(prefix="operant-speed-"))
    results = (
        directory / "results" if options.quick and options.out is None else options.out or common.RESULTS
    )
    kept = results / "speed.json"
    raw: Raw = json.loads(kept.read_text()) if kept.exists() else {}
    about = {"date": options.date, "machine": common.machine()}
    about |= {"repeats": options.repeats, "quick": options.quick}
    try:
        for part in options.only:
            runs = _part(part, options.repeats, options.quick, python, directory)
            raw[part] = about | {"runs": runs}
            common.write_json(kept, raw)  # what is measured is kept, whatever comes later
        text = report(raw)
        (results / "speed.md").write_text(text)
        print(text)
    finally:
        shutil.rmtree(directory)


def _part(part: str, repeats: int, quick: bool, python: str, directory: Path) -> Any:
    if part == "peak":
        env = {"XDG_CACHE_HOME": str(directory)}
        return {
            what: common.measure("benchmarks.peak", what, sys.executable, env)
            for what in ("matmul", "update")
        }
    if part == "command":
        return measure_command(repeats, python, directory)
    share = QUICK_SHARE if quick else 1
    ours = [replace(case, steps=case.steps // share) for case in CASES if case.family == part]
    theirs = [replace(rival, steps=rival.steps // share) for rival in RIVALS if rival.family == part]
    return measure_training(ours, theirs, repeats, 1 if quick else ROUNDS, python, directory)


def measure_training(
    ours: Sequence[Case], theirs: Sequence[Case | Peer], repeats: int, rounds: int, python: str, cache: Path
) -> dict[str, list[Raw]]:
    """Measurements by name: all sides begin, and then have their rounds by turns: A B C A B C …"""
    measured: dict[str, list[Raw]] = {}
    for seed in range(repeats):
        with ExitStack() as running:
            sides = {}
            for what in (*ours, *theirs):
                module, interpreter = (
                    ("benchmarks.measure_operant", sys.executable)
                    if isinstance(what, Case)
                    else ("benchmarks.peers.measure_sb3", python)
                )
                argument = asdict(what) | {"seed": seed, "rounds": rounds}
                sitting = common.sitting(module, argument, interpreter, {"XDG_CACHE_HOME": str(cache)})
                sides[what.name] = running.enter_context(sitting)
            answers = [{name: ask() for name, (_, ask) in sides.items()} for _ in range(rounds)]
        for name, (about, _) in sides.items():
            own = [answer[name] for answer in answers]
            rates = [answer["steps"] / answer["seconds"] for answer in own]
            startup = about.pop("first_seconds") - statistics.median(answer["seconds"] for answer in own)
            measured.setdefault(name, []).append({"rates": rates, "startup_seconds": startup} | about)
            print(f"{name}: {statistics.median(rates):,.0f} steps/s", flush=True)
    return measured


def measure_command(repeats: int, python: str, directory: Path) -> dict[str, list[Raw]]:
    """Runs by name: with a compile cache that is empty, and with the one which that run filled."""
    operant = shutil.which("operant", path=str(Path(sys.executable).parent))
    if operant is None:
        raise FileNotFoundError(
            f"No `operant` beside {sys.executable}: install operant there (pip install -e .)."
        )
    measured: dict[str, list[Raw]] = {}

    def add(name: str, command: list[str], run: Path, env: Mapping[str, str]) -> None:
        result = time_command(command, run / "evaluation.json", env)
        measured.setdefault(name, []).append(result)
        print(f"{name}: {result['scored_seconds']:.2f} s, mean return {result['mean']:.1f}", flush=True)

    for seed in range(repeats):
        here = directory / f"command-{seed}"
        for threads, name in ((1, COLD), (2, WARM)):
            run = here / name.replace(" ", "-")
            flags = ["--no-progress", "--overwrite", "--seed", str(seed), "--run-dir", str(run)]
            add(
                name,
                [operant, "train", "ppo", ENVIRONMENT, *flags],
                run,
                {"XDG_CACHE_HOME": str(here / "cache")},
            )
            run = here / f"sb3-{threads}"
            module = [python, "-m", "benchmarks.peers.train_cartpole"]
            arguments = [str(PRESETS), str(run), str(seed), str(threads)]
            add(f"SB3 script, threads={threads}", [*module, *arguments], run, {})
    return measured


def time_command(command: list[str], evaluation: Path, env: Mapping[str, str]) -> Raw:
    """Seconds from the start until the score is written and until the end, and the score itself."""
    scored = None
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=common.ROOT, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=errors
        )
        while process.poll() is None:
            if scored is None and evaluation.exists():
                scored = time.perf_counter() - started
            time.sleep(0.01)
        ended = time.perf_counter() - started
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{errors.read()[-3000:]}")
    mean = json.loads(evaluation.read_text())["mean"]
    return {"scored_seconds": scored or ended, "exit_seconds": ended, "mean": mean}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument(
        "--repeats", type=int, help="repeats of every measurement (default 5; 1 with --quick)"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure")
    parser.add_argument(
        "--peers-python", help="interpreter that has peers/requirements.txt (default: made once)"
    )
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the report")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    parser.add_argument(
        "--quick", action="store_true", help="see that it works, not how fast: prints, keeps nothing"
    )
    options = parser.parse_args()
    options.repeats = options.repeats or (1 if options.quick else 5)
    if options.repeats < 1:
        parser.error(f"--repeats {options.repeats}: must be at least 1.")
    return options


if __name__ == "__main__":
    main()
