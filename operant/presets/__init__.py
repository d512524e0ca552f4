"""Hyperparameters that are known to work, as data: one TOML file an algorithm, one table an environment."""

from __future__ import annotations

import difflib
import tomllib
from importlib.resources import files
from typing import Any

from operant.fields import FileError, read_toml

GROUPS = ("network", "curiosity")  # values of a preset that are tables themselves


def names(algorithm: str) -> list[str]:
    """The environments for which this algorithm has a preset."""
    return list(_tables(algorithm))


def find(algorithm: str, env: Any, preset: str | None) -> dict[str, Any]:
    """The values of a preset: those named, or with "auto" those of `env`; `{}` where none is asked for or known.

    A name that ends in .toml is a file of the user's, either of values or with a table for each environment's id.
    Raises ValueError for a name that does not exist.
    """
    if preset is None:
        return {}
    if not isinstance(preset, str):  # pyright: ignore[reportUnnecessaryIsInstance] (users' own)
        raise ValueError(
            f"preset={preset!r}: must be 'auto', the name of a preset, a FILE.toml of yours, or None."
        )
    if preset.endswith(".toml"):
        return _of_file(preset, env)
    tables = _tables(algorithm)
    if preset == "auto":
        return dict(tables.get(env, {})) if isinstance(env, str) else {}
    if preset not in tables:
        close = difflib.get_close_matches(preset, tables, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{algorithm} has no preset {preset!r}.{hint} There are: {', '.join(tables) or 'none'}; 'auto' takes the "
            "environment's own."
        )
    return dict(tables[preset])


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
    if isinstance(env, str) and isinstance(values.get(env), dict):
        return values[env]
    tables = [name for name, value in values.items() if isinstance(value, dict) and name not in GROUPS]
    if tables:
        raise ValueError(f"preset {file} has no table for {env!r}; it has: {', '.join(tables)}.")
    return values
