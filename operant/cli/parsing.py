"""Reading arguments with tyro, whose error messages become one line."""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry

from operant.cli.errors import WrongInput

T = TypeVar("T")

# What Python and tyro say of a value that cannot be read, and what it means.
_PLAIN = (
    (
        r"no type matching \{none\}\|INT could be instantiated from \['(.*?)'\].*",
        r"'\1' is not a whole number",
    ),
    (
        r"no type matching \{none\}\|(\S+) could be instantiated from \['(.*?)'\].*",
        r"'\2' is neither \1 nor none",
    ),
    (r"invalid literal for int\(\) with base 10: ('.*?')", r"\1 is not a whole number"),
    (r"could not convert string to float: ('.*?')", r"\1 is not a number"),
    (r"Could not find valid parse for arguments: \[(.*)\]", r"\1 cannot be read"),
)


def dispatch(
    commands: Mapping[str, Callable[..., None]],
    description: str,
    arguments: list[str],
    registry: ConstructorRegistry,
) -> None:
    """Run the command that the arguments name, whose parameters are its flags. Raises WrongInput."""
    call = None

    def later(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
        # Only errors of reading the arguments count as errors in them.
        @_with_signature_of(command)
        def remember(*given: Any, **flags: Any) -> Callable[[], None]:
            return lambda: command(*given, **flags)

        return remember

    with _errors_in_one_line(arguments):
        call = tyro.extras.subcommand_cli_from_dict(
            {name: later(command) for name, command in commands.items()},
            prog="operant",
            description=description,
            args=arguments,
            registry=registry,
        )
    call()


def parse(
    kind: type[T], program: str, description: str, arguments: list[str], registry: ConstructorRegistry
) -> T:
    """The arguments as a dataclass of this kind. Raises WrongInput."""
    with _errors_in_one_line(arguments):
        return tyro.cli(kind, prog=program, description=description, args=arguments, registry=registry)


def _with_signature_of(command: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def copied(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__name__, function.__doc__ = command.__name__, command.__doc__
        function.__annotations__ = get_type_hints(command, include_extras=True)
        function.__signature__ = inspect.signature(command)
        return function

    return copied


@contextlib.contextmanager
def _errors_in_one_line(arguments: Sequence[str]) -> Iterator[None]:
    """Turn tyro's errors, which are boxes followed by an exit, into WrongInput."""
    drawn = io.StringIO()
    try:
        with contextlib.redirect_stderr(drawn):
            yield
    except SystemExit as leaving:
        if leaving.code in (None, 0):
            raise
        raise WrongInput(_in_one_line(drawn.getvalue(), arguments)) from None
    print(drawn.getvalue(), end="", file=sys.stderr)


def _in_one_line(box: str, arguments: Sequence[str]) -> str:
    """The error, the nearest flag if tyro names one, and where the help is."""
    lines = [line.strip("│ ").strip() for line in box.splitlines() if not line.startswith(("╭", "╰"))]
    parts = re.split(r"[─-]{5,}", "\n".join(lines))
    if "╭" not in box:  # where the terminal cannot show boxes, the title is a part of its own
        parts = parts[1:]
    message = " ".join(parts[0].split()).rstrip(".")
    for pattern, plain in _PLAIN:
        message = re.sub(pattern, plain, message)
    nearest = re.search(r"Perhaps you meant:\s*(\S+)", box.replace("│", ""))
    program = re.search(r"(operant[\w \-]*?) --help", " ".join(" ".join(parts[1:]).split()))
    hint = f" Did you mean {nearest[1]}?" if nearest else _needless(message, arguments)
    return f"{message}.{hint} See `{program[1] if program else 'operant'} --help`."


def _needless(message: str, arguments: Sequence[str]) -> str:
    """The flag that takes no value but was typed with one: one of those that the value follows."""
    title = "Unrecognized options:"
    if not message.startswith(title):
        return ""
    strange = message.removeprefix(title).strip().split(", ")
    together = (word.partition("=")[::2] for word in arguments if "=" in word)
    flags = [
        (flag, word)
        for flag, word in (*together, *itertools.pairwise(arguments))
        if flag.startswith("-") and not word.startswith("-") and " ".join(word.split()) in strange
    ]
    if flags:
        before = list(dict.fromkeys(flag for flag, word in flags if word == flags[-1][1]))
        return f" {' or '.join(before)} takes no value, but {flags[-1][1]!r} follows it."
    blank = [repr(word) for word in arguments if not word.strip()]
    return f" There is nothing to take {blank[0]}." if strange == [""] and blank else ""
