"""Tests in a process of their own, in a copy of the project, until the first of them fails."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

# What the tests import anyway, imported once, before the processes of all plants part from this one: 3 s less for each.
# Nothing of it starts JAX's backend, whose threads would not survive that, and nothing of it is operant.
IMPORTED = (
    "pytest",
    "hypothesis",
    "jax",
    "equinox",
    "optax",
    "rlax",
    "scipy.stats",
    "gymnasium",
)


@dataclass(frozen=True)
class Outcome:
    """How the tests of a plant ended."""

    result: str  # caught, survived, broken (nothing was tested) or late
    test: str = ""  # the first that failed
    message: str = ""  # of its failure, one line
    seconds: float = 0.0


class _Notes:
    """A plugin of pytest that writes down what failed first."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_collectreport(self, report) -> None:
        if report.failed:
            self._write("broken", report)

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self._write("caught", report)

    def _write(self, result: str, report) -> None:
        if not self.file.exists():
            crash = getattr(report.longrepr, "reprcrash", None)
            lines = (crash.message if crash else str(report.longrepr)).strip().splitlines() or [""]
            message = lines[0] if crash else lines[-1]
            self.file.write_text(json.dumps(asdict(Outcome(result, report.nodeid, message[:200]))))


def preload() -> None:
    """Import what tests need, so that they need not, each time."""
    for module in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def run_tests(tests: list[str], copy: Path, limit: float, *, output: Path) -> Outcome:
    """The outcome of these tests in the copy, at low priority, within `limit` seconds; they print to a file."""
    notes, start = output.with_suffix(".json"), time.monotonic()
    notes.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _child(tests, copy, notes, output)
    code = _wait(child, start + limit)
    seconds = round(time.monotonic() - start, 1)
    if code is None:
        return Outcome("late", seconds=seconds, message=f"Not done within {limit:g} s.")
    if code == 0:
        return Outcome("survived", seconds=seconds)
    found = Outcome(**json.loads(notes.read_text())) if notes.exists() else Outcome("broken")
    # Anything but 1 is an error of pytest's own: nothing was collected, or a module could not be imported.
    return replace(found, result=found.result if code == 1 else "broken", seconds=seconds)


def _child(tests: list[str], copy: Path, notes: Path, output: Path) -> None:
    """Never returns."""
    code = 70
    try:
        os.setsid()
        os.nice(10)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.chdir(copy)
        os.environ["PYTHONPATH"] = str(copy)  # for the processes that tests start
        own = {"", ".", str(Path(__file__).resolve().parents[2])}
        sys.path[:] = [str(copy), *(path for path in sys.path if path not in own)]
        for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "operant")]:
            del sys.modules[name]
        import pytest
        from hypothesis import Phase, settings

        # The first counterexample will do, and the same every time.
        settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], derandomize=True)
        settings.load_profile("mutants")
        every = ["-m", ""]  # slow ones too: a plant names those that are to notice it
        options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *every]
        code = pytest.main([*options, *tests], plugins=[_Notes(notes)])
    finally:
        sys.stdout.flush()
        os._exit(int(code))


def _wait(child: int, deadline: float) -> int | None:
    """Its exit status, or None when it had to be killed at the deadline, with all that it started."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.05)
