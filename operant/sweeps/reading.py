"""What a person writes for a hyperparameter in a sweep, `log:1e-4:1e-2` or `[0.9, 0.99]`, as a domain or one value.

| written | means |
|---|---|
| `1e-4:1e-2`, `uniform:1e-4:1e-2` | any number between the two, both included; of a whole number a whole one |
| `log:1e-4:1e-2` | the same, its logarithm uniform |
| `0.9,0.99` | one of these; in Python also a list |
| `linear:log:1e-4:1e-2:0` | a schedule, some of whose numbers are in ranges |
| `64x64,256x256` | one of these lists of numbers |
| `0.95` | this value, which is not swept |

Nothing here needs JAX.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from operant import catalogue
from operant.catalogue import Hyperparameter, Network, Schedule
from operant.lazy import nearest
from operant.sweeps.space import Choice, Domain, Range, Scheduled, Space

NUM_ENVS = Hyperparameter("num_envs", int, None, "")  # no hyperparameter of the algorithm, and yet swept


def swept(algorithm: str) -> dict[str, Hyperparameter]:
    """What can be swept of an algorithm, by name; of its network `network.activation` and the like."""
    found = {"num_envs": NUM_ENVS}
    for field in catalogue.hyperparameters(algorithm):
        if field.hint is Network:
            found |= {f"{field.name}.{part.name}": part for part in catalogue.network()}
        else:
            found[field.name] = field
    return found


def parted(algorithm: str, given: Mapping[str, Any]) -> tuple[Space, dict[str, Any]]:
    """`(the space, the other values)` of what is given for hyperparameters, by name; a network's may be in a dict.

    Raises ValueError for a name that the algorithm does not have, offering the nearest, and for what cannot be read.
    """
    known = swept(algorithm)
    domains: dict[str, Domain] = {}
    fixed: dict[str, Any] = {}
    for name, value in _flat(given):
        if name not in known:
            if name.startswith("network.") or name == "network":
                fixed[name] = value
                continue
            raise ValueError(
                f"{algorithm} has no hyperparameter {name!r} (value {value!r}). {nearest(name, known)}"
            )
        found = read(name, value, known[name].hint)
        if isinstance(found, Domain):
            domains[name] = found
        else:
            fixed[name] = found
    return Space(domains), nested(fixed)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values whose names have parts, `network.activation`, as dicts in dicts."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        group, dot, last = name.partition(".")
        if dot:
            inner = found.setdefault(group, {})
            inner[last] = value
        else:
            found[name] = value
    return found


def read(name: str, given: Any, hint: Any) -> Domain | Any:
    """The domain that is given for a hyperparameter of this type, or the one value.

    Raises ValueError naming it, what is given, and what is allowed.
    """
    with _named(name, given):
        if isinstance(given, Range):
            return replace(given, whole=given.whole or _kinds(hint) == {int})
        if isinstance(given, Choice | Scheduled):
            return given
        if isinstance(given, str):
            return _of_text(given, hint)
        if isinstance(given, list) and _are_choices(given, hint):
            return _choice([catalogue.tuples(x) if isinstance(x, list) else x for x in given])
        return given


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values by name, those of a network that is given as a dict one by one."""
    for name, value in given.items():
        if isinstance(value, Mapping) and name == "network" and "transformer" not in value:
            yield from ((f"{name}.{key}", each) for key, each in value.items())
        else:
            yield name, value


@contextlib.contextmanager
def _named(name: str, given: Any) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}={given!r}: {error}") from error


def _of_text(text: str, hint: Any) -> Domain | Any:
    parts = text.split(",")
    if len(parts) > 1:
        if "" in map(str.strip, parts):
            raise ValueError("a choice is empty.")
        return _choice([_one(part.strip(), hint) for part in parts])
    kind, *numbers = text.split(":")
    if kind in ("log", "uniform"):
        if len(numbers) != 2:
            raise ValueError(f"a range is {kind}:LOW:HIGH.")
        return _range(numbers, hint, log=kind == "log")
    if kind in catalogue.schedules() and Schedule in _kinds(hint):
        return _schedule(text, kind, numbers)
    if len(numbers) == 1 and _is_number(kind) and _is_number(numbers[0]):
        return _range([kind, *numbers], hint, log=False)
    return _one(text, hint)


def _choice(values: Sequence[Any]) -> Domain | Any:
    return values[0] if len(values) == 1 else Choice(tuple(values))


def _range(ends: Sequence[str], hint: Any, *, log: bool) -> Range:
    kinds = _kinds(hint)
    if not kinds & {int, float}:
        raise ValueError("it is no number: list the values, as in A,B.")
    low, high = map(_number, ends)
    return Range(low, high, log, whole=float not in kinds)


def _schedule(text: str, kind: str, numbers: Sequence[str]) -> Scheduled | str:
    """A schedule in whose text `log:LOW:HIGH` or `uniform:LOW:HIGH` stands for a number; the text where none does."""
    parts: list[float | Range] = []
    rest = list(numbers)
    while rest:
        word = rest.pop(0)
        if word in ("log", "uniform"):
            if len(rest) < 2:
                raise ValueError(f"a range is {word}:LOW:HIGH.")
            parts.append(Range(_number(rest.pop(0)), _number(rest.pop(0)), word == "log"))
        else:
            parts.append(_number(word))
    if not catalogue.takes(kind, len(parts)):
        raise ValueError(f"the schedule is {':'.join([kind, *catalogue.schedules()[kind]])}.")
    return Scheduled(kind, tuple(parts)) if any(isinstance(part, Range) for part in parts) else text


def _one(text: str, hint: Any) -> Any:
    """One value of this type."""
    kinds, words = _kinds(hint), _words(hint)
    if text in words:
        return text
    if NoneType in kinds and text.lower() == "none":
        return None
    if bool in kinds:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{text!r} is neither true nor false.")
        return text.lower() == "true"
    if (part := _part(hint)) is not None:
        return tuple((_whole if part is int else _number)(word) for word in text.split("x")) if text else ()
    if Schedule in kinds and ":" in text:
        return text
    if float in kinds and (str not in kinds or _is_number(text)):
        return _number(text)
    if int in kinds:
        return _whole(text)
    if words and str not in kinds:
        raise ValueError(f"{text!r} is not one of {', '.join(map(str, words))}.")
    return text


def sweepable(hint: Any) -> bool:
    """Whether several values of this type can be written in a text."""
    plain = {int, float, bool, str, Schedule} & _kinds(hint)
    return bool(plain or _words(hint)) or _part(hint) is not None


def _kinds(hint: Any) -> set[Any]:
    """The types that a hyperparameter may be of."""
    return set(get_args(hint)) if get_origin(hint) not in (None, Literal, tuple) else {hint}


def _words(hint: Any) -> list[Any]:
    """The words that it may be."""
    return [word for kind in _kinds(hint) if get_origin(kind) is Literal for word in get_args(kind)]


def _part(hint: Any) -> type | None:
    """Of what kind the numbers are where it is a list of numbers, such as a network's hidden sizes."""
    for kind in _kinds(hint):
        if get_origin(kind) is tuple and get_args(kind)[0] in (int, float):
            return get_args(kind)[0]
    return None


def _are_choices(given: list, hint: Any) -> bool:
    """Whether a list holds values to choose from, rather than being one value that is a list itself."""
    words = _words(hint)
    if words and all(value in words for value in given):
        return True
    return _depth(given) > max(map(_nesting, _kinds(hint)))


def _depth(value: Any) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list | tuple) else 0


def _nesting(kind: Any) -> int:
    """How many lists are inside each other in a value of this type."""
    return 1 + _nesting(get_args(kind)[0]) if get_origin(kind) is tuple else 0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number.") from None


def _whole(text: str) -> int:
    """A whole number, which may be written as 1e4."""
    number = _number(text)
    if not number.is_integer():
        raise ValueError(f"{text!r} is not a whole number.")
    return int(number)
