"""How long something took of the processor, whatever else it does, and the most memory that it had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def within(what: str, seconds: float | None = 3.0, size: float = 1e9) -> Iterator[None]:
    """Raise AssertionError where the block takes longer than this, or this much more memory than there was."""
    began, before = time.process_time(), _peak(fresh=True)
    yield
    took, more = time.process_time() - began, _peak() - before
    assert more < size, f"{what} took {more:,} bytes"
    assert seconds is None or took < seconds, f"{what} took {took:.1f} s"


def _peak(fresh: bool = False) -> int:
    """The most memory that this process had since it was asked afresh."""
    if fresh:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
