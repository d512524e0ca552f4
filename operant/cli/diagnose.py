"""`operant diagnose`: what looks wrong with a run, as a table, a page or JSON."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from operant.diagnosis.diagnosing import Diagnosis, written
from operant.engine.run_directory import RunDirectory
from operant.studio.report import report

if TYPE_CHECKING:
    from operant.diagnosis.finding import Finding

HEAVY, LIGHT = 0.8, 0.5  # weights, from which on a finding is red, and yellow


def show(diagnosis: Diagnosis, page: str | None, as_json: bool, console: Console | None = None) -> None:
    """Print a diagnosis, and write it as a page, if that is asked for."""
    if as_json:
        print(json.dumps(diagnosis.to_json(), indent=2))
    else:
        _print(diagnosis, console or Console())
    if page is not None:
        diagnosis.save_html(page)
        print(page, file=sys.stderr if as_json else sys.stdout)


def keep(diagnosis: Diagnosis, run: str | Path) -> None:
    """Put it into the report of a run that has one; a run that cannot be written to keeps the one that it has."""
    directory = RunDirectory(Path(run))
    if directory.report_file.exists():
        with suppress(OSError):
            diagnosis.save_json(directory.diagnosis_file)
            report(directory.path)


def _print(diagnosis: Diagnosis, console: Console) -> None:
    console.print(Text(diagnosis.title, style="bold"))
    if diagnosis.findings:
        table = Table(box=None, padding=(1, 1, 0, 0), show_header=False, pad_edge=False)
        table.add_column(justify="right")
        table.add_column(ratio=1)
        for found in diagnosis:
            table.add_row(Text(f"{found.weight:.2f}", style=_colour(found.weight)), _words(found))
        console.print(table)
    for note in diagnosis.notes:
        console.print(Text(note, style="dim"))


def _words(found: Finding) -> Any:
    lines = [escape(found.wrong)]
    lines += [f"[dim]evidence: {escape(written(found.evidence))}[/dim]"] if found.evidence else []
    lines += [f"try: {escape(remedy)}" for remedy in found.remedies]
    source = f"[dim]{escape(found.check)}" + (f"; {escape(found.source)}" if found.source else "") + "[/dim]"
    return "\n".join([*lines, source])


def _colour(weight: float) -> str:
    return "bold red" if weight >= HEAVY else "bold yellow" if weight >= LIGHT else "bold"
