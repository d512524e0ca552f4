"""Hyperparameters that are known to work, or published, as data: one TOML file an algorithm, one table an environment.

A table is named after an environment's id, or has a name of its own. With `environments = ["ALE/*"]` it is for a whole
family as well: "auto" takes it where the id has no table of its own.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

from operant.algorithms.configurations import CONFIGURATIONS
from operant.fields import FileError, read_toml

GROUPS = ("network", "curiosity")  # values of a preset that are tables themselves
TABLES = (*GROUPS, "env_kwargs")  # all such values
FAMILY = "environments"  # no value: patterns of ids, in which * stands for anything, and ! means all but


def names(algorithm: str) -> list[str]:
    """The environments for which this algorithm has a preset."""
    return list(_tables(algorithm))


def chosen(algorithm: str, env: Any, preset: str | None) -> str | None:
    """Which preset is taken, by the name of its table: see `find`. None where none is asked for or known."""
    if preset == "auto":
        return _of(_tables(algorithm), env)
    return preset


def find(algorithm: str, env: Any, preset: str | None) -> dict[str, Any]:
    """The values of a preset: those named, or with "auto" those of `env`; `{}` where none is asked for or known.

    A name that ends in .toml is a file of the user's, either of values or with a table for each environment's id. The
    name of another configuration of the same algorithm, such as "rainbow" of DQN, brings its values and its preset for
    `env`. Raises ValueError for a name that does not exist.
    """
    if preset is None:
        return {}
    if not isinstance(preset, str):  # pyright: ignore[reportUnnecessaryIsInstance] (users' own)
        raise ValueError(
            f"preset={preset!r}: must be 'auto', the name of a preset, a FILE.toml of yours, or None."
        )
    if preset.endswith(".toml"):
        return _of_file(preset, env)
    tables, name = _tables(algorithm), chosen(algorithm, env, preset)
    if name in tables:
        return {key: value for key, value in tables[name].items() if key != FAMILY}
    if name is None:
        return {}
    known = CONFIGURATIONS.get(name)
    if known is not None and known.of == algorithm:
        return merged(known.defaults, find(name, env, "auto"))
    named = [
        *tables,
        *(key for key, configuration in CONFIGURATIONS.items() if configuration.of == algorithm),
    ]
    close = difflib.get_close_matches(preset, named, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"{algorithm} has no preset {preset!r}.{hint} There are: {', '.join(named) or 'none'}; 'auto' takes the "
        "environment's own."
    )


def merged(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values with those that are given in their place; of the groups, value by value."""
    groups = {name: {**known[name], **given[name]} for name in GROUPS if name in known and name in given}
    return {**known, **given, **groups}


def _of(tables: Mapping[str, Mapping[str, Any]], env: Any) -> str | None:
    """The table of an environment: that of its id, or else the first for a family that it belongs to."""
    if not isinstance(env, str):
        return None
    if env in tables:
        return env
    for name, table in tables.items():
        if _matches(env, table.get(FAMILY, ())):
            return name
    return None


def _matches(env: str, patterns: Sequence[str]) -> bool:
    """Whether an id is of one of these patterns, and of none that begins with !."""
    without = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    return any(fnmatchcase(env, p) for p in patterns) and not any(fnmatchcase(env, p) for p in without)


def _tables(algorithm: str) -> dict[str, dict[str, Any]]:
    file = files(__name__) / f"{algorithm}.toml"
    return tomllib.loads(file.read_text()) if file.is_file() else {}


def _of_file(file: str, env: Any) -> dict[str, Any]:
    try:
        values = read_toml(file)
    except OSError as error:
        raise ValueError(f"preset {file}: {error.strerror or error}.") from error
    except FileError as error:
        raise FileError(error.why, f"preset {file}") from error
    tables = {name: value for name, value in values.items() if isinstance(value, dict) and name not in TABLES}
    if not tables:
        return values
    name = _of(tables, env)
    loose = [key for key in values if key not in tables]
    if name is None or loose:
        wrong = (
            f"has no table for {env!r}; it has: {', '.join(tables)}"
            if name is None
            else f"has {', '.join(loose)} outside its tables, where they are for no environment"
        )
        header = _header(str(env) if name is None else name)
        raise ValueError(f"preset {file} {wrong}. Write the line {header} above the values for {env}.")
    return {key: value for key, value in tables[name].items() if key != FAMILY}


def _header(name: str) -> str:
    """The line with which a table of this name begins in TOML."""
    return f"[{name if re.fullmatch('[A-Za-z0-9_-]+', name) else json.dumps(name)}]"
