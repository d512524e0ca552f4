"""What tells two programs apart before they are made: text of everything that they are made of."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any

import equinox
import jax
import jaxlib
import numpy as np
import optax

from operant import private_jax, settings
from operant.engine.files import is_key
from operant.frozen import Frozen

SOURCES = Path(__file__).parents[1]  # of operant
PACKAGES = (jax, jaxlib, equinox, optax, np)
KNOWN = {
    "builtins",
    "operant",
    *(package.__name__ for package in PACKAGES),
}  # whose code `_installed` vouches for


class Unknown(Exception):
    """There is no telling whether this will be the same in another process: code that is not of the packages above."""


def fingerprint(*values: Any) -> str:
    """The same in every process for the same values under the same code and settings. Raises Unknown."""
    digest = hashlib.sha256(_installed().encode())
    digest.update(f"{os.environ.get('XLA_FLAGS')} {settings.processor()} {jax.devices()}".encode())
    # What is cached changes no program, and changes while one is compiled.
    known = private_jax.options() or {}
    options = sorted((name, value) for name, value in known.items() if "_cache" not in name)
    digest.update(repr(options).encode())
    digest.update(describe(values).encode())
    return digest.hexdigest()


def describe(value: Any) -> str:
    """Text that is equal for what is equal. Raises Unknown."""
    match value:
        case Enum():
            return f"{_name(type(value))}.{value.name}"
        case None | bool() | int() | float() | complex() | str() | bytes():
            return repr(value)
        case np.ndarray() | np.generic():
            return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
        case jax.Array() if is_key(value):
            return f"{value.dtype}{describe(np.asarray(jax.random.key_data(value)))}"
        case jax.Array():
            return f"weak={value.weak_type}{describe(np.asarray(value))}"
        case Frozen():  # an argument of programs: of what kind it is matters, and not its numbers
            return f"frozen {describe(jax.tree.map(lambda x: str(jax.typeof(x)), value.tree))}"
        case tuple() | list():
            return f"{_name(type(value))}[{','.join(map(describe, value))}]"
        case Mapping():
            items = (f"{describe(key)}:{describe(item)}" for key, item in value.items())
            return f"{_name(type(value))}{{{','.join(items)}}}"
        case partial():
            return f"partial{describe((value.func, value.args, value.keywords))}"
        case _ if is_dataclass(value) and not isinstance(value, type):
            described = (f"{field.name}={describe(getattr(value, field.name))}" for field in fields(value))
            return f"{_name(type(value))}({','.join(described)})"
    return _name(value)


def _name(code: Any) -> str:
    """Where a class or function stands in code that is known."""
    module, name = getattr(code, "__module__", None), getattr(code, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and module.partition(".")[0] in KNOWN:
        found = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is code:
            return f"{module}.{name}"
    raise Unknown(f"{code!r}")


@cache
def _installed() -> str:
    """The versions of the packages that programs are made by, and the state of operant's own files."""
    versions = [f"{package.__name__} {package.__version__}" for package in PACKAGES]
    return f"{sys.version} {versions} {sorted(_files(SOURCES))}"


def _files(directory: Path) -> Iterator[tuple[str, int, int]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(Path(entry.path))
            elif entry.name.endswith(".py"):
                status = entry.stat()
                yield entry.path, status.st_mtime_ns, status.st_size
