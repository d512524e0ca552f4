"""The published constructors, `operant.PPO` and the like, by name.

What editors and type checkers know of them is in `constructors.pyi`, which `python -m tools.constructor_stubs`
writes from the algorithms.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from operant.algorithms.names import CONSTRUCTORS as NAMES

__all__ = list(NAMES)  # pyright: ignore[reportUnsupportedDunderAll] (the stub says which)


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = import_module("operant.construct").constructor(NAMES[name])
    globals()[name] = value
    return value
