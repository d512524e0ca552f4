"""Writes `operant/catalogue.json`, by which the command line knows all flags without importing what needs JAX.

    python -m tools.catalogue

A test compares the file with what would be written, so it cannot go out of date.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from operant import spaces
from operant.agent.scripted import POLICIES
from operant.algorithms import registry
from operant.algorithms.documentation import field_help
from operant.algorithms.language.learner import LanguageLearner
from operant.catalogue import FILE
from operant.constructors import NAMES
from operant.curiosity import CURIOSITIES
from operant.envs.registry import OWN
from operant.envs.wrappers import WRAPPERS
from operant.language.tokenizers.base import Tokenizer
from operant.networks import Network, OwnPolicy, UserModule
from operant.ops import schedules
from operant.types import EnvSpec

ACTIONS = (spaces.Discrete(2), spaces.MultiDiscrete((2, 2)), spaces.MultiBinary(2), spaces.Box(-1, 1, (1,)))
OBSERVATIONS = (spaces.Box(-1, 1, (1,)), spaces.Discrete(2))  # a vector, or for tables the number of a state


def catalogue() -> dict[str, Any]:
    """What there is, as values that JSON takes."""
    return {
        "algorithms": {name: _algorithm(name) for name in registry.ALGORITHMS},
        "curiosities": {name: list(_fields(cls)) for name, cls in CURIOSITIES.items()},
        "network": list(_fields(Network)),
        "schedules": {name: schedules.arguments(kind) for name, kind in schedules.KINDS.items()},
        "before": registry.BEFORE,
        "wrappers": list(WRAPPERS),
        "own_environments": list(OWN),
        "policies": list(POLICIES),
    }


def text() -> str:
    """The file's content."""
    return json.dumps(catalogue(), indent=1, ensure_ascii=False) + "\n"


def _algorithm(name: str) -> dict[str, Any]:
    cls = registry.algorithm(name)
    return {
        "about": registry.paper(name),
        "constructor": next(key for key, algorithm in NAMES.items() if algorithm == name),
        "title": registry.documentation(name).splitlines()[0],
        "actions": [type(action).__name__ for action in ACTIONS if _takes(cls(), action)],
        "takes_model": any(_takes_model(hint) for hint in get_type_hints(cls).values()),
        "learns_texts": issubclass(cls, LanguageLearner),
        "hyperparameters": list(_fields(cls, registry.defaults(name))),
    }


def _takes_model(hint: Any) -> bool:
    """Whether a language model may stand there."""
    return any(kind is Network or _is_model(kind) for kind in _alternatives(hint))


def _takes(algorithm: Any, action: spaces.Space) -> bool:
    for seen in OBSERVATIONS:
        try:
            algorithm.check(EnvSpec("any", seen, action, num_envs=algorithm.default_num_envs))
        except ValueError:
            continue
        return True
    return False


def _fields(cls: Any, defaults: Any = None) -> Iterator[dict[str, Any]]:
    """Those that can be typed on a command line, with the text below each in the source as its help."""
    documented, hints = field_help(cls), get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if any(
            kind is tuple or get_origin(kind) is Callable or _is_model(kind) for kind in _alternatives(hint)
        ):
            continue  # an array, a function, or a language model, which a flag of its own names
        yield {
            "name": field.name,
            "type": _type(hint),
            "default": _plain((defaults or {}).get(field.name, field.default)),
            "help": documented.get(field.name, ""),
        }


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, OwnPolicy)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _type(hint: Any) -> str:
    """A type as Python writes it, of what `catalogue.hint` can read."""
    kinds = [kind for kind in _alternatives(hint) if kind not in (UserModule, Tokenizer)]
    if len(kinds) > 1:
        return " | ".join(map(_type, kinds))
    (kind,) = kinds
    if kind is NoneType:
        return "None"
    if kind is Ellipsis:
        return "..."
    if get_origin(kind) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(kind)))}]"
    if get_origin(kind) is tuple:
        return f"tuple[{', '.join(map(_type, get_args(kind)))}]"
    if kind not in (int, float, bool, str, schedules.Schedule, Network):
        raise TypeError(f"The command line cannot read a hyperparameter of type {kind}.")
    return kind.__name__


def _plain(value: Any) -> Any:
    """A default as JSON has it: of a network, the values in which it is not the usual one."""
    if isinstance(value, Network):
        usual = dataclasses.asdict(Network())
        given = {name: x for name, x in dataclasses.asdict(value).items() if x != usual[name]}
        return json.loads(json.dumps(given))
    if isinstance(value, schedules.Schedule):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


if __name__ == "__main__":
    FILE.write_text(text())
