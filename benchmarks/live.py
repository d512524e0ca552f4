"""What do open pages cost the learner? `python -m benchmarks.live` writes results/live.{json,md}.

One training with `--live` for each case, by one compiled program: for some seconds three pages are open, then they
stand still (SIGSTOP) for as many, and so on. What they cost is a turn's steps a second next to those of the turns
before and after it, in which nobody asked for anything. Then the same with one of the pages watching the newest policy
play. Pages are browsers where Playwright and Chromium are there, on the learner's own processor; else `live_pages`,
which asks for what a page asks for, as often.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.live_pages import READY, chromium
from operant.agent import Agent
from operant.construct import make
from operant.live.page import Page
from operant.ops.intervals import bootstrap_interval

LIMIT = 0.02  # of the throughput, with three pages open
PAGES = 3
OPEN, WATCHED = f"{PAGES} pages open", "and one watches it play"
SIDES = (OPEN, WATCHED)
ROW = 0.1  # seconds between two rows of metrics
Raw = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A training whose steps a second are measured; the first `steps` of it say how fast it is."""

    name: str
    algorithm: str
    environment: str
    steps: int
    arguments: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("ppo, natively", "ppo", "CartPole-v1", 300_000, {"num_envs": 8, "n_steps": 256}),
    Case(
        *("ppo, environments in Python", "ppo", "CartPole-v1", 100_000),
        {"num_envs": 8, "n_steps": 256, "backend": "gymnasium"},
    ),
    Case("dqn, natively", "dqn", "CartPole-v1", 1_000_000, {"num_envs": 8}),
    Case("dqn, an environment in Python", "dqn", "CartPole-v1", 20_000, {"backend": "gymnasium"}),
)


def main() -> None:
    options = _options()
    file = options.out / "live.json"
    kept: dict[str, Raw] = json.loads(file.read_text()) if file.exists() else {}
    for case in CASES:
        if not any(part in case.name for part in options.only):
            continue
        kept[case.name] = {
            "date": options.date,
            "machine": common.machine(),
            "pages": "Chromium" if options.browser else "requests as a page's",
            "seconds": options.seconds,
        } | {side: measured(case, options, watching=side == WATCHED) for side in SIDES}
        kept = {known.name: kept[known.name] for known in CASES if known.name in kept}
        common.write_json(file, kept)
        (options.out / "live.md").write_text(report(kept))
    print(report(kept))
    late = [name for name, raw in kept.items() if loss(raw[OPEN])[0] > LIMIT]
    if late:
        sys.exit(f"More than {LIMIT:.0%} of the throughput: {', '.join(late)}.")


def measured(case: Case, options: argparse.Namespace, watching: bool) -> list[float]:
    """Steps a second of each turn: nobody looks, somebody does, and so on; nobody in the first and in the last one."""
    with tempfile.TemporaryDirectory() as folder, Page([Path(folder) / "run"]) as page:
        agent = make(case.algorithm, case.environment, seed=0, preset=None, **case.arguments)
        _learn(agent, Path(folder), case.steps, 1_000, page)  # compiles
        began = time.perf_counter()
        _learn(agent, Path(folder), case.steps, 1_000, page)
        interval = int(ROW * case.steps / (time.perf_counter() - began))
        with _pages(page.address, options.browser, watching) as pages:
            turns = Turns(pages, 2 * options.turns + 1, options.seconds)
            _learn(agent, Path(folder), 2**31 - 1, interval, page, turns)
            return turns.rates


class Turns:
    """Called after each row of metrics: pages look, or stand still, in turns."""

    def __init__(self, pages: subprocess.Popen, count: int, seconds: float) -> None:
        self._pages, self._count, self._seconds = pages, count, seconds
        self.rates: list[float] = []
        self._turn, self._first = -1, (0.0, 0)

    def __call__(self, progress: Any) -> bool:
        took = time.perf_counter() - self._first[0]
        if self._turn < 0 or took >= self._seconds:
            if self._turn >= 0:
                self.rates.append((progress.step - self._first[1]) / took)
            self._next()
            self._first = time.perf_counter(), progress.step
        return self._turn < self._count

    def _next(self) -> None:
        self._turn += 1
        looks = self._turn % 2 == 1 or self._turn == self._count  # in the end they are to be ended
        send(self._pages.pid, signal.SIGCONT if looks else signal.SIGSTOP)


def send(pid: int, what: signal.Signals) -> None:
    """A signal to a process and all that it has begun."""
    for each in (pid, *descendants(pid)):
        with suppress(ProcessLookupError):  # it has ended
            os.kill(each, what)


def descendants(pid: int) -> list[int]:
    """The processes that a process has begun, theirs, and so on."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:  # it has ended
            continue
    found, known = [], {pid}
    while new := {child for child, parent in parents.items() if parent in known} - known:
        known |= new
        found += sorted(new)
    return found


def _learn(
    agent: Agent,
    folder: Path,
    steps: int,
    interval: int,
    page: Page,
    callback: Callable[[Any], bool] | None = None,
) -> None:
    agent.learn(
        steps,
        progress_bar=False,
        log_interval=interval,
        run_dir=folder / "run",
        overwrite=True,
        reset_num_timesteps=True,
        callback=callback,
        steering=page.steering,
    )


@contextmanager
def _pages(address: str, browser: bool, watching: bool) -> Iterator[subprocess.Popen]:
    """In this block this many pages are open, in processes of their own."""
    flags = [*(["--browser"] if browser else []), *(["--watch"] if watching else [])]
    command = [sys.executable, "-m", "benchmarks.live_pages", address, str(PAGES), *flags]
    with subprocess.Popen(
        command, cwd=common.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline().strip() != READY:
            raise RuntimeError("the pages did not open")
        try:
            yield process
        finally:
            send(process.pid, signal.SIGCONT)  # it may stand still, as where training failed
            process.stdin.close()  # which ends it


def loss(rates: Sequence[float]) -> tuple[float, float, float]:
    """The share of the throughput that is lost while somebody looks: the median over turns, and its 95 % interval."""
    alone = np.array(rates[::2])
    ratios = np.array(rates[1::2]) / ((alone[:-1] + alone[1:]) / 2)
    low, high = bootstrap_interval(ratios, np.median)
    return 1 - float(np.median(ratios)), 1 - float(high), 1 - float(low)


def report(kept: dict[str, Raw]) -> str:
    """The Markdown of live.md."""
    newest = max(kept.values(), key=lambda raw: raw["date"])
    rows = []
    for name, raw in kept.items():
        rows.append([name, common.show(common.spread([rate for side in SIDES for rate in raw[side][::2]]))])
        for side in SIDES:
            cost, low, high = loss(raw[side])
            rows[-1].append(f"{100 * cost:+.1f} % [{100 * low:+.1f}, {100 * high:+.1f}]")
    over = [name for name, raw in kept.items() if loss(raw[OPEN])[0] > LIMIT]
    verdict = "pass" if not over else f"**fail**: {', '.join(over)}"
    turns = min(len(raw[side]) // 2 for raw in kept.values() for side in SIDES)
    pages = ", ".join(dict.fromkeys(raw["pages"] for raw in kept.values()))
    return "\n\n".join([
        "# What open pages cost the learner",
        common.describe(newest["date"], newest["machine"], common.versions()),
        f"The learner loses at most {LIMIT:.0%} of its steps a second to {PAGES} open pages: {verdict}.",
        f"Median over {turns} turns of {newest['seconds']:g} s of what is lost, next to the turns before and after, in "
        "which the pages stand still, with the 95 % bootstrap interval of that median. Pages: "
        f"{pages}, on the learner's processor. Written by `python -m benchmarks.live`.",
        common.table(["training", "steps/s while nobody looks", *SIDES], rows),
    ]) + "\n"  # fmt: skip


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--turns", type=int, default=12, help="in which pages are open, of each side of a case"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="of a turn")
    parser.add_argument("--only", nargs="+", default=[""], metavar="PART", help="of names, such as dqn")
    parser.add_argument("--pages", choices=("browser", "requests"), help="default: a browser if there is one")
    parser.add_argument("--quick", action="store_true", help="see that it works; its numbers mean nothing")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    there = find_spec("playwright") is not None and chromium() is not None
    options.browser = there if options.pages is None else options.pages == "browser"
    if options.browser and not there:
        parser.error("--pages browser: needs Playwright and Chromium.")
    if options.quick:
        options.turns, options.seconds = 2, 1.0
        options.out = Path(tempfile.mkdtemp())
    if options.turns < 2:
        parser.error("--turns: must be at least 2.")
    return options


if __name__ == "__main__":
    main()
