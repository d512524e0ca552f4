"""Rows of data from files: JSON lines, CSV, Parquet. Each knows where it stands, so that a bad one can be named."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FORMS = "a .jsonl, .csv or .parquet file, or a list of dicts"


class Row(NamedTuple):
    """What one line says, and which one it is."""

    place: str  # as in "pairs.jsonl, line 3"
    values: Mapping[str, Any]


class DataError(ValueError):
    """Data that cannot be learnt from; the message names the line and says what is wrong with it."""


def read(given: Any) -> list[Row]:
    """The rows of a file, or of a list of dicts; a text in a list is `{"text": …}`.

    Raises DataError naming the file and the line that is wrong, FileNotFoundError, and ImportError for Parquet without
    its extra.
    """
    if isinstance(given, str | Path):
        path = Path(given)
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        rows = list(_READERS.get(path.suffix.lower(), _unknown)(path))
        name = str(path)
    elif isinstance(given, Iterable) and not isinstance(given, Mapping):
        rows = [
            Row(f"row {i}", {"text": each} if isinstance(each, str) else each) for i, each in enumerate(given)
        ]
        name = "the data"
    else:
        raise DataError(f"{given!r:.60} must be {FORMS}.")
    for row in rows:
        if not isinstance(row.values, Mapping):
            raise DataError(f"{row.place}: {row.values!r:.60} is no table of values.")
    if not rows:
        raise DataError(f"{name}: there is not one row in it.")
    return rows


def _json_lines(path: Path) -> Iterator[Row]:
    # Line by line in bytes: a text may hold what Python's splitlines takes for the end of a line.
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            place = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                values = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError as error:
                raise DataError(f"{place}: it is not UTF-8 (byte {error.start + 1}).") from None
            except json.JSONDecodeError as error:
                raise DataError(f"{place}: it is no JSON ({error.msg} at column {error.colno}).") from None
            except RecursionError:
                raise DataError(f"{place}: it is nested too deeply.") from None
            yield Row(place, values)


def _csv(path: Path) -> Iterator[Row]:
    """Cells are texts; empty ones are not there."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: it is not UTF-8.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    while True:
        first = reader.line_num + 1  # a cell may go over several lines
        place = f"{path}, line {max(first, 2)}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{place}: it is no CSV ({error}).") from None
        if cells is None:
            return
        if None in cells or None in cells.values():
            raise DataError(
                f"{place}: it has another number of cells than the {len(reader.fieldnames or ())} columns."
            )
        yield Row(place, {name: cell for name, cell in cells.items() if cell != ""})


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ImportError(f"{path}: Parquet needs an extra: pip install 'operant-rl[parquet]'.") from error
    try:
        rows = parquet.read_table(path).to_pylist()
    except ArrowException as error:
        raise DataError(f"{path}: it cannot be read as Parquet ({error}).") from error
    for number, values in enumerate(rows):
        yield Row(
            f"{path}, row {number}", {name: value for name, value in values.items() if value is not None}
        )


def _unknown(path: Path) -> Iterator[Row]:
    raise DataError(f"{path}: it must be {FORMS}.")


_READERS = {".jsonl": _json_lines, ".ndjson": _json_lines, ".csv": _csv, ".parquet": _parquet}
