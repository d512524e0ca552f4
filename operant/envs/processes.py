"""Processes for environments: how they are started, and what a script must look like for it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from multiprocessing import get_all_start_methods
from pathlib import Path
from types import FrameType
from typing import Literal, TypeVar, get_args

T = TypeVar("T")

StartMethod = Literal["forkserver", "spawn", "fork"]


def start_method(chosen: StartMethod | None = None) -> str:
    """How processes are started: the first of these that the system has, but for `fork`, which must be asked for.

    Forking a process that runs JAX's threads can lock up.

    Raises ValueError for a method that there is not.
    """
    there = get_all_start_methods()
    if chosen is None:
        return "forkserver" if "forkserver" in there else "spawn"
    if chosen not in get_args(StartMethod) or chosen not in there:
        usable = ", ".join(name for name in get_args(StartMethod) if name in there)
        raise ValueError(f"start_method={chosen!r}: must be one of {usable}, or None for the best of them.")
    return chosen


def start(make: Callable[[], T], method: str) -> T:
    """What `make` makes, with processes that are started in this way.

    Raises RuntimeError, in place of a failure in each of the processes, where the script has no `__main__` guard.
    """
    if method != "fork" and _unguarded():
        raise RuntimeError(_advice("each of them reads this script anew, and would start processes itself"))
    try:
        return make()
    except (EOFError, ConnectionError) as error:
        raise RuntimeError(_advice("they ended before they had started")) from error


def _advice(why: str) -> str:
    return (
        f"vectorization='async' starts processes: {why}. Put what trains into a function main(), and at the end of the "
        "script write: if __name__ == '__main__': main()"
    )


def _unguarded() -> bool:
    """Whether this is called from the top of the script that was started, outside `if __name__ == …`."""
    script = getattr(
        sys.modules.get("__main__"), "__file__", None
    )  # None in a notebook, which processes do not read
    frame: FrameType | None = sys._getframe()
    while frame is not None and script is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            return frame.f_code.co_filename == script and not _guards(script, frame.f_lineno)
        frame = frame.f_back
    return False


def _guards(script: str, line: int) -> bool:
    """Whether this line of the script belongs to a condition on `__name__`."""
    try:
        tree = ast.parse(Path(script).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True  # not to be told
    for statement in tree.body:
        if statement.lineno <= line <= (statement.end_lineno or line):
            names = (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
            return isinstance(statement, ast.If) and "__name__" in names
    return True
