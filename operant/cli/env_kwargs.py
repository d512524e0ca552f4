"""`--env-kwargs is_slippery=false map_name=8x8`: values as JSON or Python write them, anything else as text."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Iterable
from typing import Any


def read(pairs: Iterable[str]) -> dict[str, Any]:
    """The keyword arguments. Raises ValueError naming an argument that is not KEY=VALUE."""
    found = {}
    for pair in pairs:
        ends = [i for i in (pair.find("="), pair.find(":")) if i > 0]  # as in key:value, too
        key = pair[: min(ends, default=0)]
        if not key.isidentifier():
            raise ValueError(f"--env-kwargs {pair}: must be KEY=VALUE, as in is_slippery=false.")
        found[key] = value(pair[len(key) + 1 :])
    return found


def value(text: str) -> Any:
    """false, 3, 0.5, none, "text", [1, 2], {"a": 1} as Python values; anything else as text."""
    if text in ("none", "None"):
        return None
    for reader in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return reader(text)
    return text
