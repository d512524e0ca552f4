"""What does the live page cost the learner? `python -m benchmarks.live` writes results/live.{json,md}.

The same training, in one process and by one compiled program, in turns: without the page, with it (`--live`), with
three pages open, and with one of those watching the newest policy play. Each round takes all of them in another order.
Pages are browsers where Playwright and Chromium are there; else `live_pages`, which asks for what a page asks for, as
often.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
WITHOUT, WITH, OPEN, WATCHED = "without", "--live", f"{PAGES} pages open", "and one watches it play"
SIDES = (WITHOUT, WITH, OPEN, WATCHED)
Raw = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A training whose steps a second are measured, by rounds of about `seconds`."""

    name: str
    algorithm: str
    environment: str
    first: int  # steps of the first round, by whose time the others are chosen
    arguments: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("ppo, natively", "ppo", "CartPole-v1", 500_000, {"num_envs": 8, "n_steps": 256}),
    Case(
        *("ppo, environments in Python", "ppo", "CartPole-v1", 40_000),
        {"num_envs": 8, "n_steps": 256, "backend": "gymnasium"},
    ),
    Case("dqn, natively", "dqn", "CartPole-v1", 60_000, {"num_envs": 8}),
    Case("dqn, an environment in Python", "dqn", "CartPole-v1", 10_000, {"backend": "gymnasium"}),
)


def main() -> None:
    options = _options()
    file = options.out / "live.json"
    kept: dict[str, Raw] = json_of(file)
    for case in CASES:
        if not any(part in case.name for part in options.only):
            continue
        kept[case.name] = {
            "date": options.date,
            "machine": common.machine(),
            "pages": "Chromium" if options.browser else "requests as a page's",
            "seconds": options.seconds,
        } | measure(case, options.rounds, options.seconds, options.browser)
        kept = {known.name: kept[known.name] for known in CASES if known.name in kept}
        common.write_json(file, kept)
        (options.out / "live.md").write_text(report(kept))
    print(report(kept))
    late = [name for name, raw in kept.items() if loss(raw, OPEN)[0] > LIMIT]
    if late:
        sys.exit(f"More than {LIMIT:.0%} of the throughput: {', '.join(late)}.")


def json_of(file: Path) -> dict[str, Raw]:
    """What was measured before, if anything was."""
    return json.loads(file.read_text()) if file.exists() else {}


def measure(case: Case, rounds: int, seconds: float, browser: bool) -> Raw:
    """Steps a second of each side, round by round."""
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        agent = make(case.algorithm, case.environment, seed=0, preset=None, **case.arguments)
        _learn(agent, Path(folder), case.first, None)  # compiles
        took = _learn(agent, Path(folder), case.first, None)
        steps = max(case.first // 10, int(case.first * seconds / took))
        orders = itertools.cycle(SIDES[k:] + SIDES[:k] for k in range(len(SIDES)))
        for _, order in zip(range(rounds), orders, strict=False):
            for side in order:
                rates[side].append(steps / _round(agent, Path(folder), steps, side, browser))
    return {"steps": steps, "rates": rates}


def _round(agent: Agent, folder: Path, steps: int, side: str, browser: bool) -> float:
    if side == WITHOUT:
        return _learn(agent, folder, steps, None)
    with Page([folder / "run"]) as page:
        if side == WITH:
            return _learn(agent, folder, steps, page)
        with _pages(page.address, browser, watching=side == WATCHED):
            return _learn(agent, folder, steps, page)


def _learn(agent: Agent, folder: Path, steps: int, page: Page | None) -> float:
    """Seconds that it takes. Its steps are counted from 0, so that all rounds are alike."""
    began = time.perf_counter()
    agent.learn(
        steps,
        progress_bar=False,
        run_dir=folder / "run",
        overwrite=True,
        reset_num_timesteps=True,
        steering=None if page is None else page.steering,
    )
    return time.perf_counter() - began


@contextmanager
def _pages(address: str, browser: bool, watching: bool) -> Iterator[None]:
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
            yield
        finally:
            process.stdin.close()  # which ends it


def loss(raw: Raw, side: str) -> tuple[float, float, float]:
    """The share of the throughput that a side costs: the median over rounds, and its 95 % interval."""
    ratios = np.array(raw["rates"][side]) / np.array(raw["rates"][WITHOUT])
    low, high = bootstrap_interval(ratios, np.median)
    middle = np.median(ratios)
    return 1 - float(middle), 1 - float(high), 1 - float(low)


def report(kept: dict[str, Raw]) -> str:
    """The Markdown of live.md."""
    newest = max(kept.values(), key=lambda raw: raw["date"])
    rows = []
    for name, raw in kept.items():
        rows.append([name, common.show(common.spread(raw["rates"][WITHOUT]))])
        for side in SIDES[1:]:
            cost, low, high = loss(raw, side)
            rows[-1].append(f"{100 * cost:+.1f} % [{100 * low:+.1f}, {100 * high:+.1f}]")
    over = [name for name, raw in kept.items() if loss(raw, OPEN)[0] > LIMIT]
    verdict = "pass" if not over else f"**fail**: {', '.join(over)}"
    rounds = statistics.median(len(raw["rates"][WITHOUT]) for raw in kept.values())
    pages = ", ".join(dict.fromkeys(raw["pages"] for raw in kept.values()))
    return "\n\n".join([
        "# What the live page costs the learner",
        common.describe(newest["date"], newest["machine"], common.versions()),
        f"The learner loses at most {LIMIT:.0%} of its steps a second to {PAGES} open pages: {verdict}.",
        f"Median over {rounds:.0f} rounds of about {newest['seconds']:g} s of what is lost, with the 95 % bootstrap "
        f"interval of that median; all sides take their turn in each round. Pages: {pages}. Written by `python -m "
        "benchmarks.live`.",
        common.table(["training", f"steps/s {WITHOUT}", *SIDES[1:]], rows),
    ]) + "\n"  # fmt: skip


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=12, help="of all sides")
    parser.add_argument("--seconds", type=float, default=6.0, help="that one side of a round takes")
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
        options.rounds, options.seconds = 2, 1.0
        options.out = Path(tempfile.mkdtemp())
    if options.rounds < 2:
        parser.error("--rounds: must be at least 2.")
    return options


if __name__ == "__main__":
    main()
