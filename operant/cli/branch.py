"""`operant branch`: a new run from a checkpoint of another."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from operant.cli import runs
from operant.cli.errors import from_input


def branch(run: str, path: str, step: int | None, changes: Sequence[str], imported: Sequence[str]) -> None:
    """Make it, and say how to go on."""
    with from_input():
        values = dict(map(_change, changes))
        runs.require_module(runs.require(run), imported)
        import operant

        new = operant.branch(run, path, step, values)
    print(f"{new}: go on with `operant resume {shlex.quote(str(new))}`")


def _change(text: str) -> tuple[str, float | str]:
    """The name and the value of `name=value`. Raises ValueError for anything else."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"--change {text!r}: must be NAME=VALUE, such as learning_rate=1e-4.")
    name = name.replace("-", "_")
    try:
        return name, float(value)
    except ValueError:
        return name, value
