"""Hyperparameters that are known to work, as data: one TOML file an algorithm, one table an environment."""

from __future__ import annotations

import difflib
import tomllib
from importlib.resources import files
from typing import Any


def names(algorithm: str) -> list[str]:
    """The environments for which this algorithm has a preset."""
    return list(_tables(algorithm))


def find(algorithm: str, env: Any, preset: str | None) -> dict[str, Any]:
    """The values of a preset: those named, or with "auto" those of `env`; `{}` where none is asked for or known.

    Raises ValueError for a name that does not exist.
    """
    tables = _tables(algorithm)
    if preset is None:
        return {}
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
