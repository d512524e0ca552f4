"""The flags after the algorithm's name: how to train, the hyperparameters, and those of a curiosity."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from operant import catalogue
from operant.algorithms.documentation import field_help
from operant.catalogue import Hyperparameter, Network, Schedule
from operant.cli.training import Seeds


def fields_of(cls: type, *, documented: bool) -> tuple[Hyperparameter, ...]:
    """The fields of a dataclass as flags. Their help is read from the source, so only if it is needed."""
    texts = field_help(cls) if documented else {}
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        Hyperparameter(field.name, hints[field.name], field.default, texts.get(field.name, ""))
        for field in dataclasses.fields(cls)
    )


def flags(name: str, fields: Sequence[Hyperparameter], values: Mapping[str, Any]) -> Any:
    """A dataclass for tyro with a field for each flag, where `values` have other defaults.

    Other entries of `values` are ignored.
    """
    made = []
    for field in fields:
        hint, default = field.hint, _immutable(values.get(field.name, field.default))
        if hint is Network:
            hint = flags("Network", catalogue.network(), {**field.default, **values.get(field.name, {})})
            default = hint()
        elif Schedule in get_args(hint):  # text, until it is read: tyro wants defaults to be immutable
            hint = hint | str
        annotation = Annotated[hint, tyro.conf.arg(help=field.help)]
        given = () if default is dataclasses.MISSING else (dataclasses.field(default=default),)
        made.append((field.name, annotation, *given))
    return dataclasses.make_dataclass(name, made, frozen=True)


def sequences(fields: Sequence[Hyperparameter], group: str = "") -> set[str]:
    """The flags that take any number of values, as they are typed; those of a group as `--group.name`."""
    found = set()
    for field in fields:
        name = f"{group}{field.name}"
        if field.hint is Network:
            found |= sequences(catalogue.network(), f"{name}.")
        elif any(get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis for kind in _kinds(field.hint)):
            found.add(f"--{name}".replace("_", "-"))
    return found


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The type of a flag; of a union each."""
    if get_origin(hint) is Annotated:
        return _kinds(get_args(hint)[0])
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def without_brackets(arguments: Sequence[str], flags: set[str]) -> list[str]:
    """The arguments with nothing in the place of `[]`, which a file has for no values, after these flags."""
    found: list[str] = []
    for argument in arguments:
        flag, _, value = argument.partition("=")
        if value == "[]" and _spelt(flag) in flags:
            found.append(flag)
        elif not (argument == "[]" and found and _spelt(found[-1]) in flags):
            found.append(argument)
    return found


def _spelt(flag: str) -> str:
    return flag.replace("_", "-")


def values(parsed: Any) -> dict[str, Any]:
    """The values by name; of a network a dict."""
    return {
        field.name: values(value) if dataclasses.is_dataclass(value) else value
        for field in dataclasses.fields(parsed)
        for value in (getattr(parsed, field.name),)
    }


def _immutable(value: Any) -> Any:
    """Lists and tables, as in TOML, as tuples."""
    return catalogue.tuples(list(value.items()) if isinstance(value, Mapping) else value)


def types() -> ConstructorRegistry:
    """How to read the types that tyro does not know."""
    encoders = next(field.hint for field in catalogue.network() if field.name == "encoders")
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
        if info.type == Seeds:
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar="INT|INT,INT…|none",
                instance_from_str=lambda text: _seeds(text[0]),
                is_instance=lambda value: isinstance(value, int | tuple | None),
                str_from_instance=lambda value: [
                    ",".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
                ],
            )
        if Schedule in kinds:
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


def _seeds(text: str) -> int | tuple[int, ...] | None:
    if text.lower() == "none":
        return None
    listed = tuple(map(_whole, text.split(",")))
    return listed[0] if len(listed) == 1 else listed


def _none(text: str) -> None:
    if text.lower() != "none":
        raise ValueError(f"{text!r} is not none")


def _schedule(text: str, optional: bool) -> str | None:
    """The text, if it is a number or a schedule, as `operant.ops.schedules.parse` reads it."""
    if optional and text.lower() == "none":
        return None
    kind, *arguments = text.split(":")
    known = catalogue.schedules()
    with contextlib.suppress(ValueError, KeyError):
        numbers = [float(part) for part in (arguments or [kind])]
        if not arguments or catalogue.takes(kind, len(numbers)):
            return text
    forms = ", ".join(":".join([name, *parts]) for name, parts in known.items())
    raise ValueError(f"{text!r} is neither a number nor a schedule; a schedule is one of {forms}.")


def _encoder(text: str) -> tuple[str, tuple[int, ...]]:
    match = re.fullmatch(r"(.+):(\d+(?:,\d+)*)?", text)
    if match is None:
        raise ValueError(f"{text!r} is not KEY:SIZE,SIZE… as in goal:64,64")
    return match[1], tuple(map(int, (match[2] or "").split(","))) if match[2] else ()
