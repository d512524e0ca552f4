"""How much memory there is, how much arrays take, and the refusal of what does not fit, before it is allocated.

JAX is loaded only to count arrays: the command line asks the rest before that.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

EPISODE = 24  # bytes that are kept of each one scored: its return, its length, and whether it succeeded


class TooLarge(ValueError):
    """More memory would be needed than there is; the message begins with the argument, as in `num_envs=10: …`."""


def nbytes(tree: Any) -> int:
    """The bytes of all arrays of a tree, or of their shapes."""
    import jax

    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def available(devices: Sequence[Any]) -> int | None:
    """The bytes that these devices could still hold together; None where that cannot be known."""
    if devices[0].platform == "cpu":  # all of one memory
        return of_host()
    free = [_free(device) for device in devices]
    known = [x for x in free if x is not None]
    return sum(known) if len(known) == len(free) else None


def of_host() -> int | None:
    """What Linux could give to a program without swapping, or to a container at most; None where nobody says."""
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


def require(argument: str, value: int, each: int, what: str) -> None:
    """Raise TooLarge if `value` times `each` bytes, which are needed for `what`, are more than the machine has."""
    there = of_host()
    if there is not None and value * each > there:
        raise TooLarge(
            f"{argument}={value}: {what} would take {text(value * each)} of memory; {text(there)} are available. "
            f"Set {argument} to less than {there // each + 1:,}."
        )


def give_back() -> None:
    """Give memory that has been freed back to the system, where the C library is one that keeps it (glibc).

    What a compiler has used and freed would otherwise stand next to what the program then takes.
    """
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _c_library() -> Any:
    import ctypes

    return ctypes.CDLL(None) if sys.platform == "linux" else None


def text(size: int) -> str:
    """As people say it, such as `7.5 GB` (10⁹ bytes)."""
    for unit, scale in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size} bytes"


def _free(device: Any) -> int | None:
    stats = device.memory_stats()
    if not stats or "bytes_limit" not in stats:
        return None
    return stats["bytes_limit"] - stats["bytes_in_use"]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or `max`
        return None
