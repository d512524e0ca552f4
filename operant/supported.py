"""Which of the settings that operant asks for the installed JAX and XLA know; the others are left out.

Names of flags and options come and go with JAX's versions. An unknown XLA flag ends the whole process, so that flags
are tried in another one; an unknown option is an exception. The answers are kept next to the compiled programs, for
each version of jaxlib, so that nothing is tried twice.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# With these versions of jaxlib, and those between them, all of operant's XLA flags were tried.
TRIED = ((0, 7, 0), (0, 12, 0, 1))

# Starts XLA, which reads XLA_FLAGS; without a core dump where it does not know one.
START = """
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except Exception:
    pass
import jax
jax.devices("cpu")
"""

Value = bool | float | int | str
_left_out: dict[str, None] = {}  # what was asked for in this process in vain, in order


def flags(wanted: Mapping[str, str], answers: Path) -> dict[str, str]:
    """Those of the XLA flags with which XLA starts. `answers` is the directory in which answers are kept."""
    version = jaxlib_version()
    if not version or TRIED[0] <= numbers(version) <= TRIED[1]:
        return dict(wanted)
    known = _answers(answers)
    if any(known.get(name) is None for name in wanted) and _starts(wanted):
        known.add(dict.fromkeys(wanted, True))
    return _kept(wanted, "XLA flag", known, lambda name: _starts({name: wanted[name]}))


def compiler_options(wanted: Mapping[str, Value], answers: Path) -> dict[str, Value]:
    """Those of the options that XLA's compiler takes for a single program."""

    def compiles(name: str) -> bool:
        import jax

        try:
            jax.jit(lambda: 0, compiler_options={name: wanted[name]}).lower().compile()
        except Exception:  # of a kind that differs between versions
            return False
        return True

    return _kept(wanted, "compiler option", _answers(answers), compiles)


def set_option(name: str, value: Value) -> None:
    """Set an option of JAX, if there is one of that name that takes this value."""
    import jax

    try:
        jax.config.update(name, value)
    except (AttributeError, TypeError, ValueError):
        _left_out[f"{name} (JAX option)"] = None


def left_out() -> list[str]:
    """What this process asked for and did not get, each with its kind."""
    return list(_left_out)


class Answers:
    """What was found out with this version of jaxlib: whether a name is known."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"jaxlib-{jaxlib_version()}.json"
        self._known: dict[str, bool] = {}
        with suppress(OSError, ValueError, TypeError):
            self._known = dict(json.loads(self._path.read_text()))

    def get(self, name: str) -> bool | None:
        """Whether it is known; None if nobody tried."""
        return self._known.get(name)

    def add(self, answers: Mapping[str, bool]) -> None:
        """Keep these, where files can be written; whole, also if several processes do so at once."""
        from tempfile import NamedTemporaryFile  # takes as long to import as all of operant

        self._known |= answers
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=self._path.parent, suffix=".tmp", delete=False) as file:
                json.dump(self._known, file, indent=1)
            os.replace(file.name, self._path)


@cache
def _answers(directory: Path) -> Answers:
    return Answers(directory)


def _kept(
    wanted: Mapping[str, Any], kind: str, known: Answers, works: Callable[[str], bool]
) -> dict[str, Any]:
    """Those that work; what is not known yet is tried, one by one."""
    new = {name: works(name) for name in wanted if known.get(name) is None}
    if new:
        known.add(new)
    _left_out.update({f"{name} ({kind})": None for name in wanted if not known.get(name)})
    return {name: value for name, value in wanted.items() if known.get(name)}


def _starts(wanted: Mapping[str, str]) -> bool:
    """Whether XLA starts with these flags, in a process of its own."""
    import subprocess

    environment = os.environ | {
        "XLA_FLAGS": " ".join(f"{name}={value}" for name, value in wanted.items()),
        "JAX_PLATFORMS": "cpu",
    }
    if "python" not in Path(sys.executable or "").name.lower():  # inside another program: nobody to ask
        return False
    try:
        done = subprocess.run(
            [sys.executable, "-c", START], env=environment, stdin=subprocess.DEVNULL, capture_output=True
        )
    except OSError:
        return False
    return done.returncode == 0


@cache
def jaxlib_version() -> str:
    """jaxlib's version, without importing it; empty where it cannot be found."""
    with suppress(OSError, ImportError, ValueError):
        spec = find_spec("jaxlib")
        for place in (spec and spec.submodule_search_locations) or ():
            text = Path(place, "version.py").read_text()
            found = re.findall(r"""^_(?:release_)?version\b[^=\n]*= ["'](.+)["']""", text, re.MULTILINE)
            if found:
                return found[-1]
    return ""


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, to compare; none of a development version, which is like no other."""
    return tuple(map(int, version.split("."))) if re.fullmatch(r"\d+(\.\d+)*", version) else ()
