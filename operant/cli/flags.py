"""Flags: from functions, and from the hyperparameters of an algorithm, whose docstrings are the help."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
import io
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from operant.cli.errors import WrongInput
from operant.networks import Network
from operant.ops import schedules

T = TypeVar("T")


def dispatch(commands: Mapping[str, Callable[..., None]], description: str, arguments: list[str]) -> None:
    """Run the command that the arguments name, whose parameters are its flags. Raises WrongInput."""
    call = None

    def later(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
        # Only what reads the arguments may have its errors taken for errors in them.
        @_with_signature_of(command)
        def remember(*given: Any, **flags: Any) -> Callable[[], None]:
            return lambda: command(*given, **flags)

        return remember

    with _errors_in_one_line():
        call = tyro.extras.subcommand_cli_from_dict(
            {name: later(command) for name, command in commands.items()},
            prog="operant",
            description=description,
            args=arguments,
        )
    call()


def parse(kind: type[T], program: str, description: str, arguments: list[str]) -> T:
    """The arguments as a dataclass of this kind. Raises WrongInput."""
    with _errors_in_one_line():
        return tyro.cli(kind, prog=program, description=description, args=arguments, registry=_registry())


def with_defaults(cls: type, values: Mapping[str, Any]) -> Any:
    """A dataclass of the fields of `cls`, documented as those are, where some have other defaults.

    A dict of values replaces fields of a nested dataclass. What else is in `values` is not looked at.
    """
    documentation, hints = _attribute_docs(cls), get_type_hints(cls, include_extras=True)
    fields = []
    for field in dataclasses.fields(cls):
        default = values.get(field.name, field.default)
        if isinstance(default, Mapping):
            default = dataclasses.replace(field.default, **default)  # pyright: ignore[reportArgumentType]
        if isinstance(default, schedules.Schedule):
            default = str(default)
        hint = hints[field.name]
        if isinstance(default, Network):
            hint = Network
        elif schedules.Schedule in get_args(
            hint
        ):  # text, until it is read: tyro wants defaults to be immutable
            hint = hint | str
        annotation = Annotated[hint, tyro.conf.arg(help=documentation.get(field.name, ""))]
        given = () if default is dataclasses.MISSING else (dataclasses.field(default=default),)
        fields.append((field.name, annotation, *given))
    return dataclasses.make_dataclass(cls.__name__, fields, frozen=True)


def _attribute_docs(cls: type) -> dict[str, str]:
    """The strings below the fields of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _with_signature_of(command: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def copied(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__name__, function.__doc__ = command.__name__, command.__doc__
        function.__annotations__ = get_type_hints(command, include_extras=True)
        function.__signature__ = inspect.signature(command)  # pyright: ignore[reportFunctionMemberAccess]
        return function

    return copied


def _registry() -> ConstructorRegistry:
    """How to read the types that tyro does not know."""
    encoders = get_type_hints(Network)["encoders"]
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
        kinds = get_args(info.type)
        if schedules.Schedule in kinds:
            optional = type(None) in kinds
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar="NUMBER|SCHEDULE" + "|None" * optional,
                instance_from_str=lambda text: _schedule(text[0], optional),
                is_instance=lambda value: isinstance(value, float | str | None),
                str_from_instance=lambda value: [str(value)],
            )
        if info.type == encoders:
            return PrimitiveConstructorSpec(
                nargs="*",
                metavar="KEY:SIZE,SIZE…",
                instance_from_str=lambda texts: tuple(map(_encoder, texts)),
                is_instance=lambda value: isinstance(value, tuple),
                str_from_instance=lambda value: [
                    f"{key}:{','.join(map(str, sizes))}" for key, sizes in value
                ],
            )
        return None

    return registry


def _schedule(text: str, optional: bool) -> str | None:
    """The text, if a schedule or a number can be read from it."""
    if optional and text == "None":
        return None
    schedules.parse(text)
    return text


def _encoder(text: str) -> tuple[str, tuple[int, ...]]:
    match = re.fullmatch(r"(.+):(\d+(?:,\d+)*)?", text)
    if match is None:
        raise ValueError(f"{text!r} is not KEY:SIZE,SIZE… as in goal:64,64")
    return match[1], tuple(map(int, (match[2] or "").split(","))) if match[2] else ()


@contextlib.contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """tyro draws a box around what it does not understand and leaves; here that becomes WrongInput."""
    drawn = io.StringIO()
    try:
        with contextlib.redirect_stderr(drawn):
            yield
    except SystemExit as leaving:
        if leaving.code in (None, 0):
            raise
        raise WrongInput(_in_one_line(drawn.getvalue())) from None
    print(drawn.getvalue(), end="", file=sys.stderr)


def _in_one_line(box: str) -> str:
    """What is wrong, the nearest flag if one is offered, and where the help is."""
    lines = [line.strip("│ ").strip() for line in box.splitlines() if not line.startswith(("╭", "╰"))]
    parts = re.split(r"─{3,}", "\n".join(lines))
    message = " ".join(parts[0].split())
    nearest = re.search(r"Perhaps you meant:\s*(\S+)", box.replace("│", ""))
    program = re.search(r"(operant[\w \-]*?) --help", " ".join(" ".join(parts[1:]).split()))
    hint = f" Did you mean {nearest[1]}?" if nearest else ""
    return f"{message}.{hint} See `{program[1] if program else 'operant'} --help`."
