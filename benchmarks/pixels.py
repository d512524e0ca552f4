"""Networks for images next to PyTorch's: `python -m benchmarks.pixels` writes results/pixels.{json,md}.

Images a second of a forward pass, a backward pass and a step of SGD, in minibatches, and of a forward pass alone. All
sides of a case begin, and then have their rounds in turns, as in `benchmarks.speed`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.peers.environment import python as make_environment

AIM = 0.9  # of PyTorch's images a second
SHAPE = (4, 84, 84)  # a stack of frames, as ale-py gives them
THREADS = (1, 2)
WHAT = {
    "call": "learning, a call for each minibatch",
    "scan": "learning, all minibatches in one call",
    "act": "acting",
}


@dataclass(frozen=True)
class Case:
    """Minibatches of `batch` images for a network, so many that they are `images` in all in a round."""

    network: str
    what: str
    batch: int
    images: int
    shape: tuple[int, int, int] = SHAPE

    @property
    def name(self) -> str:
        return f"{self.network}, {WHAT[self.what]}, {self.batch} images"


CASES = (
    Case("nature", "call", 32, 1024),
    Case("nature", "scan", 32, 1024),
    Case("nature", "call", 256, 1024),
    Case("nature", "scan", 256, 1024),
    Case("nature", "act", 8, 2048),
    Case("nature", "act", 128, 4096),
    Case("dqn_2013", "scan", 32, 2048),
    Case("impala", "scan", 32, 128),
)


def main() -> None:
    options = _options()
    python = options.peers_python or make_environment()
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    kept = results / "pixels.json"
    raw: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"cases": {}}
    raw |= {"date": options.date, "machine": common.machine()}
    for case in CASES:
        if options.only and not any(text in case.name for text in options.only):
            continue
        raw["cases"][case.name] = measured(case, 1 if options.quick else options.rounds, python)
        common.write_json(kept, raw)
    text = report(raw)
    (results / "pixels.md").write_text(text)
    print(text)


def measured(case: Case, rounds: int, python: str) -> dict[str, Any]:
    """Images a second of each side, round by round: operant's, and PyTorch's with each number of threads."""
    sides = {"operant": ("benchmarks.measure_pixels", sys.executable, {})}
    for threads in THREADS:
        sides[f"PyTorch, threads={threads}"] = (
            "benchmarks.peers.measure_pixels",
            python,
            {"threads": threads},
        )
    with ExitStack() as running:
        begun = {
            name: running.enter_context(common.sitting(module, asdict(case) | more, interpreter, {}))
            for name, (module, interpreter, more) in sides.items()
        }
        answers = [{name: ask() for name, (_, ask) in begun.items()} for _ in range(rounds)]
    rates = {name: [answer[name]["steps"] / answer[name]["seconds"] for answer in answers] for name in begun}
    for name, found in rates.items():
        print(f"{case.name}, {name}: {statistics.median(found):,.0f} images/s", flush=True)
    about = {name: {key: value[key] for key in ("threads", "versions")} for name, (value, _) in begun.items()}
    return {"rates": rates, "sides": about}


def ratios(rates: Mapping[str, list[float]]) -> list[float]:
    """operant's images a second over those of PyTorch with the better number of threads, round by round."""
    ours = rates["operant"]
    best = max((name for name in rates if name != "operant"), key=lambda name: statistics.median(rates[name]))
    return [one / other for one, other in zip(ours, rates[best], strict=True)]


def report(raw: Mapping[str, Any]) -> str:
    """The Markdown of pixels.md."""
    rows, sides = [], {}
    for name, case in raw["cases"].items():
        rates, sides = case["rates"], case["sides"]
        ratio = common.spread(ratios(rates))
        rows.append([name, *(common.show(common.spread(values)) for values in rates.values())])
        rows[-1].append(common.show(ratio, 2))
    versions = [side["versions"] for name, side in sides.items() if name != f"PyTorch, threads={THREADS[0]}"]
    header = [
        "",
        "operant",
        *(f"PyTorch, {threads} thread{'s' * (threads > 1)}" for threads in THREADS),
        "ratio",
    ]
    sections = [
        "# Networks for images, next to PyTorch's",
        common.describe(raw["date"], raw["machine"], *versions),
        f"Images of {' × '.join(map(str, SHAPE))} bytes a second: median and range over rounds in turns. Learning is a "
        "forward pass, a backward pass and a step of SGD. The ratio is that of every round, with PyTorch's better "
        f"number of threads; the aim is {AIM}. How: [decision 16](../../docs/decisions/0016-convolutions.md).",
        common.table(header, rows),
    ]
    return "\n\n".join(sections) + "\n"


def _options() -> argparse.Namespace:
    parser = common.rounds_parser("pixels", __doc__, 8, "requirements.txt")
    parser.add_argument(
        "--only", nargs="+", help="cases to measure: those whose name holds one of these texts"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
