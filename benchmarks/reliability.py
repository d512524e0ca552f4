"""What holds whatever happens: every case of tests/reliability. `python -m benchmarks.reliability`.

Writes results/reliability.{json,md}. `--only R4 R5` tries these rows and keeps the others as they were; `--long` tries
the long counts too; `--fast` only those of the default tests, and keeps nothing. Exit status 1 where a case failed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import common
from tests.reliability.rows import modules

RAW = "reliability.json"


def main() -> None:
    options = _options()
    chosen = [m for m in modules() if not options.only or set(m.ROW.name.split()) & set(options.only)]
    if not chosen:
        sys.exit(f"No row is called {' or '.join(options.only)}; there are {', '.join(_names())}.")
    rows = dict(_stored(options.out))
    for module in chosen:
        rows[module.ROW.name] = tried(module, _cases(module, options))
        if not options.fast:
            common.write_json(options.out / RAW, rows)
    table = report([rows[name] for name in _names() if name in rows])
    if not options.fast:
        (options.out / "reliability.md").write_text(table)
    print(table)
    sys.exit(any(rows[module.ROW.name]["failed"] for module in chosen))


def tried(module: ModuleType, indices: Iterable[int]) -> dict[str, Any]:
    """The outcome of these cases of a row, with the machine and the versions."""
    row, began, failed = module.ROW, time.monotonic(), {}
    indices = list(indices)
    for index in indices:
        with tempfile.TemporaryDirectory() as directory:
            try:
                module.case(index, Path(directory))
            except (Exception, SystemExit) as error:
                traceback.print_exc()
                failed[index] = f"{type(error).__name__}: {error}"[:500]
        print(f"{row.name} {index}: {'FAILED' if index in failed else 'passed'}", flush=True)
    return {
        "row": row.name,
        "tried": row.tried,
        "passes": row.passes,
        "count": len(indices),
        "failed": failed,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "date": datetime.date.today().isoformat(),
        "machine": common.machine(),
        "versions": common.versions(),
    }


def report(rows: list[dict[str, Any]]) -> str:
    """The table in Markdown."""
    lines = [
        [
            row["row"],
            row["tried"],
            row["passes"],
            f"{row['count'] - len(row['failed'])} of {row['count']}",
            _when(row),
        ]
        for row in rows
    ]
    table = common.table(["row", "tried", "passes when", "passed", "measured"], lines)
    return f"# What holds whatever happens\n\n`python -m benchmarks.reliability`\n\n{table}\n"


def _when(row: dict[str, Any]) -> str:
    versions, machine = row["versions"], row["machine"]
    return (
        f"{row['date']}, {row['minutes']} min, {machine['cores']} cores of {machine['processor']}, "
        f"Python {versions['python']}, JAX {versions['jax']}"
    )


def _cases(module: ModuleType, options: argparse.Namespace) -> Iterable[int]:
    row = module.ROW
    return row.fast if options.fast else range(row.full + (row.more if options.long else 0))


def _names() -> list[str]:
    return [module.ROW.name for module in modules()]


def _stored(out: Path) -> dict[str, Any]:
    return json.loads((out / RAW).read_text()) if (out / RAW).exists() else {}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="R4", help="these rows")
    parser.add_argument(
        "--fast", action="store_true", help="only what the default tests try; nothing is kept"
    )
    parser.add_argument("--long", action="store_true", help="the long counts of rows that have them")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="folder to write to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
