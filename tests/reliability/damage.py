"""Ways to make a file lie: values of other kinds in any field, and bytes changed at random."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Path_ = tuple[Any, ...]
DELETE = object()
DEEP = object()  # replaced by brackets in brackets when it is written
DEPTH = 200_000  # of a whole file, which nobody can read; a field's own 500 can be
VALUES: dict[str, Any] = {
    "missing": DELETE,
    "null": None,
    "minus one": -1,
    "2**40": 2**40,
    "1e300": 1e300,
    "text": "x",
    "list": ["x"],
    "table": {"x": 1},
    "deep": DEEP,
}


def with_value(values: Any, where: Path_, value: Any) -> Any:
    """A copy of nested values with one of them another, or gone."""
    copied = json.loads(json.dumps(values))
    inner = copied
    for key in where[:-1]:
        inner = inner[key]
    if value is DELETE:
        del inner[where[-1]]
    else:
        inner[where[-1]] = "DEEP" if value is DEEP else value
    return copied


def text_of(values: Any) -> str:
    """As JSON, with what is to be deep."""
    return json.dumps(values).replace('"DEEP"', "[" * 500 + "]" * 500)


def places(values: Any, before: Path_ = ()) -> Iterator[Path_]:
    """Where something stands in nested values."""
    items = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    for key, part in items:
        yield (*before, key)
        yield from places(part, (*before, key))


def header_of(file: Path) -> tuple[dict[str, Any], bytes]:
    """`(the header, the numbers)` of a safetensors file."""
    content = file.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def metadata_of(file: Path) -> dict[str, Any]:
    """What a model file says besides its numbers."""
    return json.loads(header_of(file)[0]["__metadata__"]["metadata"])


def set_text(file: Path, text: str) -> None:
    """Let a model file say this besides its numbers."""
    header, numbers = header_of(file)
    header["__metadata__"]["metadata"] = text
    write_header(file, header, numbers)


def write_header(file: Path, header: dict[str, Any], numbers: bytes) -> None:
    written = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(written)) + written + numbers)


def set_values(file: Path, change: Callable[[Any], Any]) -> None:
    """Change what a JSON file, or a model file besides its numbers, says."""
    if file.suffix == ".json":
        file.write_text(text_of(change(json.loads(file.read_text()))))
    else:
        set_text(file, text_of(change(metadata_of(file))))


def at_random(file: Path, random: np.random.Generator) -> str:
    """Damage a file in one way drawn by chance, and say which."""
    structured = file.suffix in (".json", ".safetensors")
    way = random.choice(
        ["bytes", "cut", "insert", "value", "value", "value"] if structured else ["bytes", "cut", "insert"]
    )
    if way == "value":
        known = json.loads(file.read_text()) if file.suffix == ".json" else metadata_of(file)
        every = list(places(known))
        where, name = every[random.integers(len(every))], random.choice(list(VALUES))
        set_values(file, lambda values: with_value(values, where, VALUES[name]))
        return f"{file.name}: {'.'.join(map(str, where))} → {name}"
    content = bytearray(file.read_bytes())
    at, count = int(random.integers(len(content))), int(random.integers(1, 20))
    if way == "bytes":
        content[at : at + count] = random.bytes(min(count, len(content) - at))
    elif way == "cut":
        del content[at:]
    else:
        content[at:at] = random.bytes(count)
    file.write_bytes(content)
    return f"{file.name}: {way} {count} at {at}"
