"""How long a person waits: one prediction, and commands that need no JAX. `python -m benchmarks.latency`.

Writes results/latency.{json,md}. Of calls the median and the range over rounds of a thousand, in turns; of commands
those of whole processes from the shell, in turns, after one of each that fills the caches.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import common

CALLS = 1_000  # in a round
LIMITS = {"microseconds": 100.0, "seconds": 1.0}
COMMANDS = {
    "import operant": ["-c", "import operant"],
    "operant --version": ["-m", "operant", "--version"],
    "operant --help": ["-m", "operant", "--help"],
    "operant algorithms": ["-m", "operant", "algorithms"],
    "operant train ppo --help": ["-m", "operant", "train", "ppo", "--help"],
    "a command that is not there": ["-m", "operant", "trian"],
    "an algorithm that is not there": ["-m", "operant", "train", "ppoo", "CartPole-v1"],
    "a flag that is not there": ["-m", "operant", "train", "ppo", "CartPole-v1", "--learning-rat", "1"],
    "a value that is no number": ["-m", "operant", "train", "ppo", "CartPole-v1", "--n-steps", "many"],
    "an environment that is not there": ["-m", "operant", "train", "ppo", "CartPol-v1"],
    "a run that is not there": ["-m", "operant", "evaluate", "runs/not-there"],
}


def main() -> None:
    options = _options()
    calls = in_turns({name: _timed(call) for name, call in _calls().items()}, options.rounds)
    commands = in_turns({name: _command(arguments) for name, arguments in COMMANDS.items()}, options.rounds)
    raw = {
        "date": options.date,
        "machine": common.machine(),
        "versions": common.versions(),
        "microseconds": {name: common.spread(1e6 * t for t in times) for name, times in calls.items()},
        "seconds": {name: common.spread(times) for name, times in commands.items()},
    }
    if options.out is not None:
        common.write_json(options.out / "latency.json", raw)
        (options.out / "latency.md").write_text(report(raw))
    print(report(raw))
    late = [
        name for unit, limit in LIMITS.items() for name, took in raw[unit].items() if took["median"] >= limit
    ]
    if late:
        sys.exit(f"Slower than the aim: {', '.join(late)}.")


def in_turns(timers: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each timer says, round by round; the first call of each is not counted."""
    for timer in timers.values():
        timer()
    turns = [{name: timer() for name, timer in timers.items()} for _ in range(rounds)]
    return {name: [turn[name] for turn in turns] for name in timers}


def report(raw: dict[str, Any]) -> str:
    """Two tables in Markdown."""
    parts = [
        f"# How long a person waits\n\n{common.describe(raw['date'], raw['machine'], raw['versions'])}",
        "A call, in µs (aim: below 100), CartPole's policy of 64 × 64:\n\n"
        + common.table(
            ["", "median (range)"], [[k, common.show(v, 1)] for k, v in raw["microseconds"].items()]
        ),
        "A command from the shell to its end, in s (aim: below 1):\n\n"
        + common.table(["", "median (range)"], [[k, common.show(v, 2)] for k, v in raw["seconds"].items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _calls() -> dict[str, Callable[[], Any]]:
    import numpy as np

    import operant

    agent = operant.PPO("CartPole-v1", preset=None)
    rng = np.random.default_rng(0)
    one = rng.normal(size=4).astype(np.float32)
    many = rng.normal(size=(32, 4)).astype(np.float32)
    act = agent.actor()
    return {
        "predict": lambda: agent.predict(one),
        "predict, sampled": lambda: agent.predict(one, deterministic=False),
        "predict, 32 observations": lambda: agent.predict(many),
        "actor": lambda: act(one),
        "action_probabilities": lambda: agent.action_probabilities(one),
    }


def _timed(call: Callable[[], Any]) -> Callable[[], float]:
    def timer() -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            call()
        return (time.perf_counter() - started) / CALLS

    return timer


def _command(arguments: list[str]) -> Callable[[], float]:
    def timer() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=common.ROOT, capture_output=True, check=False)
        return time.perf_counter() - started

    return timer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="of calls and of commands")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="folder to write to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
