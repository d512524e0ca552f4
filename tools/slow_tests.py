"""Which tests are slow is measured, not guessed: those that take long get the marker `slow`.

    python -m tools.slow_tests                   # runs all tests but the marked ones, then writes tests/slow.txt
    python -m tools.slow_tests --seconds 3       # another limit (default 2)

Times are of the processor, with child processes, so that what else the machine does hardly counts. A test listed stays
so unless it takes less than half the limit, which keeps the list from changing with every run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "slow.txt"
TIMES = "OPERANT_TEST_TIMES"  # the environment variable that says where times are kept


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="of the processor, above which one is slow"
    )
    parser.add_argument("--times", type=Path, help="of an earlier run: a file of lines; runs nothing")
    options = parser.parse_args()
    file = options.times
    if file is None:
        file = Path(tempfile.mkdtemp(prefix="operant-tests-")) / "times.jsonl"
        listed = os.environ | {TIMES: str(file)}
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "tools.slow_tests"], cwd=ROOT, env=listed)
        print(f"Times are in {file}.")
    times = read(file)
    kept = [test for test in listed_tests() if times.get(test, options.seconds) > options.seconds / 2]
    slow = sorted({*kept, *(test for test, seconds in times.items() if seconds > options.seconds)})
    LIST.write_text("".join(f"{test}\n" for test in slow))
    left = sum(seconds for test, seconds in times.items() if test not in slow)
    print(f"{len(slow)} tests are slow; the other {len(times.keys() - set(slow)):,} take {left:,.0f} s.")


def read(file: Path) -> dict[str, float]:
    """Seconds of the processor by test."""
    return dict(json.loads(line) for line in file.read_text().splitlines())


def listed_tests() -> list[str]:
    """The tests that are slow as measured before."""
    return LIST.read_text().splitlines() if LIST.exists() else []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Called by pytest, as a plugin: keeps how long each test takes, with its fixtures."""
    before = _seconds()
    result = yield
    with open(os.environ[TIMES], "a") as file:
        file.write(json.dumps([item.nodeid, round(_seconds() - before, 3)]) + "\n")
    return result


def _seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
