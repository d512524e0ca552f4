"""R4: the disk is full, at one write after another: the file is named, nothing is lost, and the run goes on when there
is room.

The run lies on a file system of its own in memory, of so many bytes, which a process mounts in a namespace of its own.
Where that is not permitted, its files may not be longer than that (RLIMIT_FSIZE).
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import resource
import shutil
import warnings
from pathlib import Path

from tests.reliability import small_runs
from tests.reliability.row_kills import finished
from tests.reliability.rows import Row

ROW = Row(
    "R4",
    "the disk is full at one write after another, from the first file to the last",
    passes="file, bytes needed and free are named; the last whole checkpoint stays, and the run goes on from it",
    full=30,
    fast=(1, 4, 6),
)
PAGE = 4096  # that memory is given by
# A table's files take a page each; DQN's replay takes several, which half a checkpoint fills.
SIZES = (*(("table", pages) for pages in range(1, 9)), *(("ppo", pages) for pages in range(1, 13)))
SHARES = tuple(share / 11 for share in range(1, 11))  # of what a whole run of DQN takes
NEW_USER, NEW_MOUNTS, RECURSIVE_PRIVATE = 0x10000000, 0x00020000, 0x4000 | 0x40000


def case(index: int, directory: Path) -> None:
    kind, count = SIZES[index] if index < len(SIZES) else ("dqn", 0)
    count = count or max(1, int(pages(kind) * SHARES[index - len(SIZES)]))
    disk, kept = directory / "disk", directory / "kept"
    disk.mkdir()
    process = small_runs.in_a_process(_train_on, kind, disk, count * PAGE, kept)
    process.join()
    assert process.exitcode == 0, f"the process ended with {process.exitcode}"
    outcome, run = json.loads((kept / "outcome.json").read_text()), kept / "run"
    if outcome["said"] is None:
        assert outcome["limit"] != "room", f"training ended as if there had been room, with {count} pages"
        shutil.rmtree(kept)  # no file of it is as long as that
        return
    assert outcome["kind"] == "DiskError", outcome
    for expected in (str(disk / "run"), "could not be written", "bytes are needed", "are free"):
        assert expected in outcome["said"], outcome
    left = [path.name for path in run.rglob("*.tmp")]
    assert not left, f"what was half written takes room: {left}"
    goes_on(kind, run)


def goes_on(kind: str, run: Path) -> None:
    """Raise AssertionError unless a run goes on from its last checkpoint, or says by name that there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a damaged checkpoint: none may be
        resumed = finished(kind, run)
    small_runs.require_as_if_nothing_had_happened(kind, resumed, run)


@functools.cache
def pages(kind: str) -> int:
    """Of memory that a whole run takes."""
    files = [path for path in small_runs.whole(kind)[1].rglob("*") if path.is_file()]
    return sum(-(-path.stat().st_size // PAGE) for path in files)


def _train_on(kind: str, disk: Path, size: int, kept: Path) -> None:
    limit = "room" if _mounted(disk, size) else "length"
    if limit == "length":
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    said = failed = None
    try:
        small_runs.learn(small_runs.KINDS[kind](), disk / "run")
    except Exception as error:
        said, failed = str(error), type(error).__name__
    if limit == "length":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    kept.mkdir()
    if (disk / "run").exists():
        shutil.copytree(disk / "run", kept / "run")
    (kept / "outcome.json").write_text(json.dumps({"said": said, "kind": failed, "limit": limit}))


def _mounted(disk: Path, size: int) -> bool:
    """Put a file system of this size there, for this process only; False where that is not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    try:
        if libc.unshare(NEW_USER | NEW_MOUNTS):
            return False
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except (OSError, AttributeError):  # no Linux
        return False
    if libc.mount(None, b"/", None, RECURSIVE_PRIVATE, None):
        return False
    return libc.mount(b"tmpfs", str(disk).encode(), b"tmpfs", 0, f"size={size}".encode()) == 0
