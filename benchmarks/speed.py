"""operant beside Stable-Baselines3: `python -m benchmarks.speed` writes results/speed.json and speed.md.

See README.md for what is measured and how.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.cases import CASES, COLD, ENVIRONMENT, PEERS, TARGETS, WARM, Case, Peer
from benchmarks.peak import SIDE, cartpole_flops

PARTS = ("ppo", "dqn", "command", "peak")
PRESETS = common.ROOT / "operant" / "presets" / "ppo.toml"
THRESHOLD = 475
QUICK_SHARE = 20  # --quick measures a twentieth of the steps

Raw = dict[str, Any]


def main() -> None:
    options = _options()
    python = options.peers_python
    if python is None and options.only != ["peak"]:
        from benchmarks.peers.environment import python as make_environment

        python = make_environment()
    directory = Path(tempfile.mkdtemp(prefix="operant-speed-"))
    results = (
        directory / "results" if options.quick and options.out is None else options.out or common.RESULTS
    )
    raw: Raw = {
        "date": options.date,
        "machine": common.machine(),
        "repeats": options.repeats,
        "quick": options.quick,
    }
    try:
        for part in options.only:
            raw[part] = _part(part, options.repeats, options.quick, python, directory)
            common.write_json(results / "speed.json", raw)  # what is measured is kept, whatever comes later
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
    ours = [replace(case, steps=case.steps // share) for case in CASES if case.algorithm == part]
    peers = [replace(peer, steps=peer.steps // share) for peer in PEERS if peer.algorithm == part]
    return measure_training(ours, peers, repeats, python, directory)


def measure_training(
    ours: list[Case], peers: list[Peer], repeats: int, python: str, cache: Path
) -> dict[str, list[Raw]]:
    """Measurements by name, operant's and the peer's by turns: A B A B …"""
    measured: dict[str, list[Raw]] = {}

    def add(module: str, what: Case | Peer, interpreter: str, seed: int) -> None:
        argument = asdict(what) | {"seed": seed}
        result = common.measure(module, argument, interpreter, {"XDG_CACHE_HOME": str(cache)})
        measured.setdefault(what.name, []).append(result)
        print(f"{what.name}: {result['steps_per_second']:,.0f} steps/s", flush=True)

    for seed in range(repeats):
        for case, peer in zip(ours, cycle(peers), strict=False):
            add("benchmarks.measure_operant", case, sys.executable, seed)
            add("benchmarks.peers.measure_sb3", peer, python, seed)
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


def compare(raw: Raw) -> dict[str, Raw]:
    """By name: operant's and the peer's speeds (or seconds) as spreads, and how many times as fast operant is.

    The peer is the one of its thread settings with the best median.
    """
    found = {}
    for part in ("ppo", "dqn"):
        speeds = {
            name: common.spread(run["steps_per_second"] for run in runs)
            for name, runs in raw.get(part, {}).items()
        }
        theirs = {name: speed for name, speed in speeds.items() if name.startswith("SB3")}
        for name in speeds.keys() - theirs.keys():
            best = max(theirs, key=lambda peer: theirs[peer]["median"])
            ratio = speeds[name]["median"] / theirs[best]["median"]
            found[name] = {"ours": speeds[name], "theirs": theirs[best], "peer": best, "ratio": ratio}
    times = {
        name: common.spread(run["scored_seconds"] for run in runs)
        for name, runs in raw.get("command", {}).items()
    }
    theirs = {name: seconds for name, seconds in times.items() if name.startswith("SB3")}
    for name in times.keys() - theirs.keys():
        best = min(theirs, key=lambda peer: theirs[peer]["median"])
        ratio = theirs[best]["median"] / times[name]["median"]
        found[name] = {"ours": times[name], "theirs": theirs[best], "peer": best, "ratio": ratio}
    return found


def report(raw: Raw) -> str:
    """The Markdown of speed.md."""
    found = compare(raw)
    runs = [runs for part in ("ppo", "dqn") for runs in raw.get(part, {}).values()]
    with_sb3 = [r[0]["versions"] for r in runs if "torch" in r[0]["versions"]][:1]
    ours = [r[0]["versions"] for r in runs if "operant" in r[0]["versions"]][:1] or [common.versions()]
    sections = [
        "# Speed, beside Stable-Baselines3\n",
        "**A quick run: it shows that the benchmark works, and no speeds.**\n" * raw["quick"],
        common.describe(raw["date"], raw["machine"], *ours, *with_sb3),
        f"\nMedian (smallest–largest) of {raw['repeats']} repeats, in turns. Written by `python -m benchmarks.speed`; "
        "README.md says how it is measured.\n",
    ]
    if found:
        sections += ["## Targets\n", common.table(("", "required", "reached", ""), _targets(found))]
    if runs:
        header = ("", "operant, steps/s", "SB3, steps/s", "ratio", "compile and warm-up, s: cold → cached")
        rows = [_training_row(raw, found, case) for case in CASES if case.name in found]
        sections += ["\n## Training\n", common.table(header, rows), "\nSB3 at each thread setting:\n"]
        sections.append(common.table(("", "steps/s"), _peer_rows(raw)))
    if "command" in raw:
        header = ("", "scored after, s", "ended after, s", "mean return, least", "ratio")
        sections += ["\n## From the shell to the score\n", common.table(header, _command_rows(raw, found))]
    if "peak" in raw:
        header = ("", "GFLOP/s", "of the peak")
        title = f"\n## Matrix products of PPO's update, against a {SIDE}² float32 product on all cores\n"
        sections += [title, common.table(header, _peak_rows(raw, found))]
    return "\n".join(sections) + "\n"


def _targets(found: Mapping[str, Raw]) -> list[tuple[str, ...]]:
    rows = []
    for what, required, names in TARGETS:
        ratios = [found[name]["ratio"] for name in names if name in found]
        if ratios:
            verdict = "pass" if max(ratios) >= required else "**fail**"
            rows.append((what, f"{required} ×", f"{max(ratios):.1f} ×", verdict))
    return rows


def _training_row(raw: Raw, found: Mapping[str, Raw], case: Case) -> tuple[str, ...]:
    row = found[case.name]
    startup = [run["startup_seconds"] for run in raw[case.algorithm][case.name]]
    cached = f"{common.spread(startup[1:])['median']:.1f}" if len(startup) > 1 else "–"
    return (
        case.name,
        common.show(row["ours"]),
        common.show(row["theirs"]),
        f"{row['ratio']:.1f} ×",
        f"{startup[0]:.1f} → {cached}",
    )


def _peer_rows(raw: Raw) -> list[tuple[str, ...]]:
    names = [peer.name for peer in PEERS if peer.name in raw.get(peer.algorithm, {})]
    every = {name: runs for part in ("ppo", "dqn") for name, runs in raw.get(part, {}).items()}
    return [
        (name, common.show(common.spread(run["steps_per_second"] for run in every[name]))) for name in names
    ]


def _command_rows(raw: Raw, found: Mapping[str, Raw]) -> list[tuple[str, ...]]:
    rows = []
    for name, runs in sorted(raw["command"].items()):
        seconds = [
            common.show(common.spread(run[key] for run in runs), 1)
            for key in ("scored_seconds", "exit_seconds")
        ]
        least = min(run["mean"] for run in runs)
        mark = "" if least >= THRESHOLD else f" (below {THRESHOLD})"
        ratio = f"{found[name]['ratio']:.1f} ×" if name in found else "–"
        rows.append((name, *seconds, f"{least:.1f}{mark}", ratio))
    return rows


def _peak_rows(raw: Raw, found: Mapping[str, Raw]) -> list[tuple[str, ...]]:
    peak = raw["peak"]["matmul"]
    rates = {"the product itself": peak, "the update alone, one learner on one core": raw["peak"]["update"]}
    per_step = cartpole_flops() / 2048
    for name in ("PPO, native", "PPO, native, eight seeds together"):
        if name in found:
            rates[f"{name}: all of training"] = per_step * found[name]["ours"]["median"]
    return [(name, f"{rate / 1e9:,.1f}", f"{100 * rate / peak:.1f} %") for name, rate in rates.items()]


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
