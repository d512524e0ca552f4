"""How much memory replay takes, how much there is, and the refusal of what does not fit, before it is allocated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from operant.types import PyTree, Replay


def nbytes(tree: PyTree) -> int:
    """The bytes of all arrays of a tree, or of their shapes."""
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def available(devices: Sequence[Any]) -> int | None:
    """The bytes that these devices could still hold together; None where that cannot be known."""
    if devices[0].platform == "cpu":  # all of one memory
        return _host()
    free = [_free(device) for device in devices]
    known = [x for x in free if x is not None]
    return sum(known) if len(known) == len(free) else None


def require_room(needed: int, plan: Replay, devices: Sequence[Any]) -> None:
    """Raise ValueError, with the bytes needed and available and what to change, if replay does not fit."""
    there = available(devices)
    if there is None or needed <= there:
        return
    raise ValueError(
        f"Replay of buffer_size={plan.capacity:,} needs {needed:,} bytes ({text(needed)}); {there:,} are available "
        f"({text(there)}). Set buffer_size to less than {int(plan.capacity * there / needed):,}."
    )


def text(size: int) -> str:
    """As people say it, such as `7.5 GB` (10⁹ bytes)."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def _free(device: Any) -> int | None:
    stats = device.memory_stats()
    if not stats or "bytes_limit" not in stats:
        return None
    return stats["bytes_limit"] - stats["bytes_in_use"]


def _host() -> int | None:
    """What Linux could give to a program without swapping, or to a container at most."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    values = {name: int(value.split()[0]) * 1024 for name, value in (line.split(":") for line in lines)}
    there = values.get("MemAvailable")
    limit, used = (_number(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    if there is None or limit is None or used is None:
        return there
    return min(there, limit - used)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or `max`
        return None
