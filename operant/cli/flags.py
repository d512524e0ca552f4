"""The hyperparameters of an algorithm as flags, with the docstrings of its fields as help."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from operant.algorithms.documentation import field_help
from operant.networks import Network
from operant.ops import schedules


def with_defaults(cls: type, values: Mapping[str, Any], documented: bool) -> Any:
    """A dataclass of the fields of `cls` where some have other defaults.

    They are documented as those of `cls` are where that is wanted: it reads the source, which takes longer than all the
    rest. A dict of values replaces fields of a nested dataclass. What else is in `values` is not looked at.
    """
    documentation = field_help(cls) if documented else {}
    hints = get_type_hints(cls, include_extras=True)
    fields = []
    for field in dataclasses.fields(cls):
        default = values.get(field.name, field.default)
        if isinstance(default, Mapping):
            default = dataclasses.replace(field.default, **default)  # pyright: ignore[reportArgumentType] (only nested dataclasses are given as mappings)
        if isinstance(default, schedules.Schedule):
            default = str(default)
        if isinstance(default, list):  # as TOML has it
            default = tuple(default)
        hint = hints[field.name]
        if any(kind is tuple or get_origin(kind) is Callable for kind in get_args(hint)):
            continue  # an array or a function, which is not typed on a command line
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


def types() -> ConstructorRegistry:
    """How to read the types that tyro does not know."""
    encoders = get_type_hints(Network)["encoders"]
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
        kinds = get_args(info.type)
        if info.type is int:
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar="INT",
                instance_from_str=lambda text: _whole(text[0]),
                is_instance=lambda value: isinstance(value, int) and not isinstance(value, bool),
                str_from_instance=lambda value: [str(value)],
            )
        if info.type is type(None):
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar="{none}",
                instance_from_str=lambda text: _none(text[0]),
                is_instance=lambda value: value is None,
                str_from_instance=lambda value: ["none"],
            )
        if schedules.Schedule in kinds:
            optional = type(None) in kinds
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar="NUMBER|SCHEDULE" + "|none" * optional,
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


def _whole(text: str) -> int:
    """A whole number, which may be written as 1e6."""
    try:
        return int(text)
    except ValueError:
        with contextlib.suppress(ValueError):
            if float(text).is_integer():
                return int(float(text))
    raise ValueError(f"{text!r} is not a whole number")


def _none(text: str) -> None:
    if text.lower() != "none":
        raise ValueError(f"{text!r} is not none")


def _schedule(text: str, optional: bool) -> str | None:
    """The text, if a schedule or a number can be read from it."""
    if optional and text.lower() == "none":
        return None
    schedules.parse(text)
    return text


def _encoder(text: str) -> tuple[str, tuple[int, ...]]:
    match = re.fullmatch(r"(.+):(\d+(?:,\d+)*)?", text)
    if match is None:
        raise ValueError(f"{text!r} is not KEY:SIZE,SIZE… as in goal:64,64")
    return match[1], tuple(map(int, (match[2] or "").split(","))) if match[2] else ()
