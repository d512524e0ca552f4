"""What a file says, field by field: read as data, and refused by file and field where it is not as operant writes."""

from __future__ import annotations

import json
import reprlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

MOST_BYTES = 16 * 2**20  # of JSON; a hundred learners' model file has 5 MB


class FileError(ValueError):
    """A file is not as operant writes it: cut short, changed, of a later version, or something else altogether.

    Attributes:
        why: What is wrong.
        path: The file.
        field: What in it, such as `config.num_envs`; "" for all of it.
    """

    def __init__(self, why: str, path: str | Path | None = None, field: str = "") -> None:
        super().__init__(why, path, field)
        self.why, self.path, self.field = why, path, field

    def __str__(self) -> str:
        return ": ".join(str(part) for part in (self.path, self.field, self.why) if part)


@contextmanager
def blamed(path: str | Path | None = None, field: str = "") -> Iterator[None]:
    """What fails in this block fails through what a file says: it becomes a FileError of this file and field.

    That the file cannot be opened stays an OSError.
    """
    try:
        yield
    except FileError as error:
        where = _joined(field, error.field)
        raise FileError(error.why, error.path or path, where) from error.__cause__
    except OSError:
        raise
    except RecursionError as error:
        raise FileError("it is nested too deeply.", path, field) from error
    except UnicodeDecodeError as error:
        raise FileError(f"it is not UTF-8 (byte {error.start}).", path, field) from error
    except Exception as error:
        plain = isinstance(error, ValueError)
        why = str(error) if plain else f"{type(error).__name__}: {error}"
        raise FileError(why[:2000], path, field) from error


def parse(text: str | bytes, path: str | Path | None = None, field: str = "") -> Any:
    """JSON as values. Raises FileError for what is none, or is larger or nested deeper than operant writes."""
    if len(text) > MOST_BYTES:
        raise FileError(f"it has {len(text):,} bytes; operant writes at most {MOST_BYTES:,}.", path, field)
    with blamed(path, field):
        text = text.decode() if isinstance(text, bytes) else text
        try:
            return json.loads(text)
        except ValueError as error:
            raise FileError(f"it is not JSON ({error}).") from error


def read_json(path: str | Path) -> dict[str, Any]:
    """The table of values in a JSON file. Raises FileError as `parse`, and OSError where there is no such file."""
    with Path(path).open("rb") as file:
        return table(parse(file.read(MOST_BYTES + 1), path), path)


def read_toml(path: str | Path) -> dict[str, Any]:
    """The values in a TOML file. Raises FileError, and OSError where there is no such file."""
    with Path(path).open("rb") as file, blamed(path):
        text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise FileError(f"it has more than {MOST_BYTES:,} bytes.")
        try:
            return tomllib.loads(text.decode())
        except tomllib.TOMLDecodeError as error:
            raise FileError(f"it is not TOML: {error}.") from error


def table(values: Any, path: str | Path | None = None, field: str = "") -> dict[str, Any]:
    """The value itself. Raises FileError where it is no table of values."""
    if not isinstance(values, dict):
        raise FileError(f"it holds {brief(values)}; must be a table of values.", path, field)
    return values


@dataclass(frozen=True)
class Kind:
    """What a field may hold: `words` say it, `fits` tells whether a value is so."""

    words: str
    fits: Callable[[Any], bool]
    needed: bool = True

    @property
    def later(self) -> Kind:
        """The same, which earlier versions did not write."""
        return replace(self, needed=False)


def whole(low: int = 0, high: int = 2**63 - 1) -> Kind:
    """A whole number between these, both included."""
    limits = f"from {low:,}" if high == 2**63 - 1 else f"from {low:,} to {high:,}"
    return Kind(f"a whole number {limits}", lambda x: _is_whole(x) and low <= x <= high)


def optional(kind: Kind) -> Kind:
    """This or nothing."""
    return replace(kind, words=f"{kind.words}, or null", fits=lambda x: x is None or kind.fits(x))


def several(kind: Kind, at_least: int = 0) -> Kind:
    """A list of these."""
    return replace(
        kind,
        words=f"a list, each {kind.words}",
        fits=lambda x: isinstance(x, list) and len(x) >= at_least and all(map(kind.fits, x)),
    )


def either(*kinds: Kind) -> Kind:
    """One of these."""
    words = ", or ".join(kind.words for kind in kinds)
    return Kind(words, lambda x: any(kind.fits(x) for kind in kinds))


TEXT = Kind("text", lambda x: isinstance(x, str) and len(x) <= 10_000)
FLAG = Kind("true or false", lambda x: isinstance(x, bool))
NUMBER = Kind("a number", lambda x: isinstance(x, int | float) and not isinstance(x, bool))
COUNT = whole(1)
TABLE = Kind("a table of values", lambda x: isinstance(x, dict))


def check(values: Any, kinds: Mapping[str, Kind], field: str = "") -> dict[str, Any]:
    """The values themselves. Raises FileError naming the first field that is missing or of another kind.

    Fields that are not listed are left alone: later versions may write more.
    """
    for name, kind in kinds.items():
        where = _joined(field, name)
        if name not in table(values, field=field):
            if kind.needed:
                raise FileError("it is missing.", field=where)
        elif not kind.fits(values[name]):
            raise FileError(f"it is {brief(values[name])}; must be {kind.words}.", field=where)
    return values


def brief(value: Any) -> str:
    """A value of a file in a few characters, however large or deep it is."""
    if _is_whole(value) and value.bit_length() > 200:
        return f"a number of {value.bit_length():,} bits"
    return reprlib.repr(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _joined(outer: str, inner: str) -> str:
    return f"{outer}.{inner}" if outer and inner else outer or inner
