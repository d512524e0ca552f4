"""What the benchmarks share: running a measurement, describing the machine, writing tables.

Only the standard library, and nothing of operant: the peers' environment imports it too.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = (
    "operant-rl",
    "jax",
    "equinox",
    "optax",
    "torch",
    "transformers",
    "trl",
    "stable-baselines3",
    "sb3-contrib",
    "sbx-rl",
    "ray",
    "gymnasium",
    "numpy",
)


def machine() -> dict[str, Any]:
    """The processor, the cores this process may use, the system, and how busy it is at this moment."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    system = f"{platform.system()} {platform.machine()}"
    return {"processor": _processor(), "cores": cores, "system": system, "load": load}


def versions() -> dict[str, str]:
    """Python's and those of the installed packages that matter here."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def measure(module: str, argument: Any, python: str, env: Mapping[str, str]) -> dict[str, Any]:
    """What `python -m module argument` printed as its last line, as JSON. Raises RuntimeError where it failed."""
    command = [python, "-m", module, json.dumps(argument)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} {json.dumps(argument)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def sitting(
    module: str, argument: Any, python: str, env: Mapping[str, str]
) -> Iterator[tuple[dict[str, Any], Callable[[], dict[str, float]]]]:
    """A measurement in a process of its own, round by round, so that others may have theirs in between.

    Yields `(what it is, round)`; `round()` → steps and seconds. Raises RuntimeError where it failed.
    """
    command, pipe = [python, "-m", module, json.dumps(argument)], subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **env}, stdin=pipe, stdout=pipe, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def answer() -> dict[str, Any]:
            line = answers.readline()
            if not line:
                process.wait()
                errors.seek(0)
                raise RuntimeError(f"{module} {json.dumps(argument)} failed:\n{errors.read()[-3000:]}")
            return json.loads(line)

        def ask() -> dict[str, float]:
            print("go", file=requests, flush=True)
            return answer()

        yield answer(), ask


def sit(learn: Callable[[], int], threads: str, more: Callable[[], dict[str, Any]] = dict) -> None:
    """The other side of `sitting`: `learn()` → steps taken, once to warm up and once for each round asked for. `more()`
    is told with each round.
    """
    before, started = machine(), time.perf_counter()
    learn()
    seconds = time.perf_counter() - started
    print(
        json.dumps({"first_seconds": seconds, "threads": threads, "machine": before, "versions": versions()}),
        flush=True,
    )
    for _ in sys.stdin:
        started = time.perf_counter()
        steps = learn()
        took = time.perf_counter() - started
        print(json.dumps({"steps": steps, "seconds": took, **more()}), flush=True)


def rounds_parser(name: str, about: str | None, rounds: int, requirements: str) -> argparse.ArgumentParser:
    """The arguments of a benchmark in rounds, next to a peer with these requirements."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about)
    today = datetime.date.today().isoformat()
    parser.add_argument("--rounds", type=int, default=rounds, help=f"rounds of every case (default {rounds})")
    parser.add_argument(
        "--peers-python", help=f"interpreter that has peers/{requirements} (default: made once)"
    )
    parser.add_argument("--date", default=today, help="date of the report")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    parser.add_argument(
        "--quick", action="store_true", help="see that it works, not how fast: prints, keeps nothing"
    )
    return parser


def peak_bytes() -> int:
    """The most memory that this process has had."""
    import resource

    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else kilobytes * 1024


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median, minimum and maximum of repeated measurements."""
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def show(of: Mapping[str, float], digits: int = 0) -> str:
    """A `spread` as `7,500 (7,400–7,600)`."""
    median, low, high = (f"{of[name]:,.{digits}f}" for name in ("median", "min", "max"))
    return f"{median} ({low}–{high})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def describe(date: str, of_machine: Mapping[str, Any], *of_versions: Mapping[str, str]) -> str:
    """Where and when it was measured, and with what, in a paragraph for each environment."""
    busy = f"; load average before: {of_machine['load']}" if "load" in of_machine else ""
    cores = "1 core" if of_machine["cores"] == 1 else f"{of_machine['cores']} cores"
    lines = [f"{date}. {of_machine['processor']}, {cores}, {of_machine['system']}{busy}."]
    lines += [", ".join(f"{name} {number}" for name, number in found.items()) + "." for found in of_versions]
    return "\n\n".join(lines)


def seconds_trained(elapsed: Iterable[float]) -> list[float]:
    """The seconds of training at each row of metrics, given those that the rows name.

    Rows count from the start of each `learn`: where they fall, training was resumed, and they count on.
    """
    seconds, before, last = [], 0.0, 0.0
    for now in elapsed:
        before += last if now < last else 0.0
        last = now
        seconds.append(before + now)
    return seconds


def write_json(path: Path, value: Any) -> None:
    """Write `value`, with the folder it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
