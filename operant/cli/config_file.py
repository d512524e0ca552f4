"""`operant train --config FILE`: an experiment in TOML, of one run or several, or the config.json of a run.

Each run becomes the equivalent arguments, so that a file is checked and refused as a command line is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from operant import formats
from operant.cli import habits
from operant.cli.asked import flag_names
from operant.cli.errors import WrongInput
from operant.fields import FileError, blamed, read_json, read_toml
from operant.lazy import nearest
from operant.studio import repeat

GROUPS = ("hyperparameters", "network", "curiosity", "env_kwargs")  # tables of one run's values
NOT_IN_A_FILE = {
    "modules": "a module is imported only if it is typed: --import MODULE.",
    "import": "a module is imported only if it is typed: --import MODULE.",
    "config": "a file names no other file.",
}


@dataclass(frozen=True)
class Written:
    """One run of a file: its place there, and the equivalent arguments of `operant train`."""

    place: str
    arguments: list[str]
    name: str | None = None
    """That of its table."""


def split(arguments: Sequence[str], *flags: str) -> tuple[str | None, list[str]]:
    """`(the file that one of these flags names, or None; the other arguments)`."""
    for i, argument in enumerate(arguments):
        flag, equals, file = argument.partition("=")
        if flag in flags:
            others = list(arguments[i + 1 :])
            if not equals:
                if not others:
                    raise WrongInput(f"{flag} needs a file.")
                file = others.pop(0)
            return file, [*arguments[:i], *others]
    return None, list(arguments)


def read(file: str) -> list[Written]:
    """The runs of a file, in order. Raises WrongInput naming the file and the wrong key."""
    path = Path(file)
    if path.is_dir():
        path = path / "config.json"
    try:
        values = read_json(path) if path.suffix == ".json" else read_toml(path)
    except OSError as error:
        raise WrongInput(f"--config {file}: {error.strerror or error}.") from error
    except FileError as error:
        raise WrongInput(f"--config {error}") from error
    if formats.RUN in values:
        return [Written(str(path), arguments_of(values, f"--config {path}"))]
    return [_of_values(place, name, each) for place, name, each in _runs(str(path), values)]


def arguments_of(config: Mapping[str, Any], place: str) -> list[str]:
    """The arguments of `operant train` for a run's or a model's config. Raises WrongInput naming its place."""
    try:
        with blamed():
            own, words = repeat.missing(config), repeat.arguments(config)
    except FileError as error:
        raise WrongInput(f"{place}: not a config of operant's ({error}).") from error
    if words is None:
        listed = ", ".join(own)
        raise WrongInput(
            f"{place}: it had objects of yours ({listed}), which no file holds: train it in Python."
        )
    if not all(isinstance(word, str) for word in words):
        raise WrongInput(f"{place}: not a config of operant's (a name in it is no text).")
    return words


def _runs(place: str, values: dict[str, Any]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """The place, the name and the values of each run; values outside all runs are for all of them."""
    tables = {name: x for name, x in values.items() if isinstance(x, dict) and name not in GROUPS}
    for name in tables:
        close = get_close_matches(name, GROUPS, n=1, cutoff=0.8)
        if close:
            raise WrongInput(f"--config {place}: unknown table [{name}]. Did you mean [{close[0]}]?")
    listed = values.get("runs", [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise WrongInput(f"--config {place}: runs must be tables, each written as [[runs]].")
    shared = {name: x for name, x in values.items() if name not in tables and name != "runs"}
    if not tables and not listed:
        yield place, None, shared
    for i, each in enumerate(listed, 1):
        name = each.get("name")
        yield f"{place}, runs {i}", name, _over(shared, {key: x for key, x in each.items() if key != "name"})
    for name, each in tables.items():
        yield f"{place}, [{name}]", name, _over(shared, each)


def _over(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a run merged over those for all, including nested tables."""
    merged = dict(shared)
    for name, value in own.items():
        before = merged.get(name)
        merged[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _of_values(place: str, name: str | None, given: Mapping[str, Any]) -> Written:
    values = dict(given)
    for needed in ("algorithm", *(() if "dataset" in values else ("environment",))):
        if not isinstance(values.get(needed), str):
            raise WrongInput(f'--config {place}: needs {needed} = "…".')
    algorithm = habits.algorithm(values.pop("algorithm"))
    words = [algorithm, *([values.pop("environment")] if "environment" in values else [])]
    for table in ("hyperparameters", "network", "env_kwargs"):
        if not isinstance(values.get(table, {}), dict):
            raise WrongInput(f"--config {place}: {table} must be a table of values.")
    values |= values.pop("hyperparameters", {})
    curious = values.pop("curiosity", None)
    if isinstance(curious, dict):
        curious = dict(curious)
        words += repeat.flag("curiosity", curious.pop("name", "none"))
        values |= {f"curiosity.{key}": value for key, value in curious.items()}
    elif curious is not None:
        words += repeat.flag("curiosity", curious)
    if values.get("env_kwargs"):
        words += ["--env-kwargs", *repeat.pairs(values.pop("env_kwargs"))]
    if values.get("wrappers"):
        around = values.pop("wrappers")
        listed = around if isinstance(around, list) else [around]
        if not all(isinstance(each, str) or (isinstance(each, dict) and "name" in each) for each in listed):
            raise WrongInput(f'--config {place}: wrappers must be a list of text, as in ["repeat:4"].')
        words += ["--wrappers", *map(repeat.wrapper, listed)]
    known = flag_names(algorithm, words)
    for key, value in values.items():
        _require_known(place, key, known)
        words += repeat.flag(key, value)
    return Written(place, words, name)


def _require_known(place: str, key: str, known: set[str]) -> None:
    plain = key.replace("-", "_")
    if plain in NOT_IN_A_FILE:
        raise WrongInput(f"--config {place}: {key}: {NOT_IN_A_FILE[plain]}")
    group, _, last = plain.rpartition(".")
    if (
        group in ("", "curiosity")
        and last not in known
        and last not in habits.SAME
        and last not in habits.ANSWERS
    ):
        names = known | {"algorithm", "environment", "env_kwargs", "hyperparameters"}
        raise WrongInput(f"--config {place}: unknown key {key!r}. {nearest(key, names)}")
