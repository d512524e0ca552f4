"""The closed list of algorithms, and the way from names and plain values to one of them and back.

A model file can only name what is on this list: the name of a module is never read from it. An algorithm is imported
when it is first asked for.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import equinox as eqx
import numpy as np

from operant.algorithms.base import Algorithm
from operant.algorithms.configurations import CONFIGURATIONS
from operant.algorithms.names import PLACES
from operant.frozen import Frozen
from operant.language import tokenizers
from operant.language.tokenizers.base import Tokenizer
from operant.lazy import Table, nearest
from operant.networks import Network, OwnPolicy, UserModule
from operant.ops import schedules
from operant.ops.exploration_noise import PROCESSES, ExplorationNoise
from operant.ops.schedules import Schedule

T = TypeVar("T", bound=eqx.Module)
TRANSFORMER = "transformer"  # the key of a network that is one, in files
WEIGHTS = "weights"  # the key of those that a network begins with, which is then a pretrained language model
ALGORITHMS: Table[type[Algorithm]] = Table(PLACES)


def algorithm(name: str) -> type[Algorithm]:
    """The algorithm of this name. Raises ValueError offering the nearest."""
    if name not in ALGORITHMS:
        raise ValueError(f"Unknown algorithm {name!r}. {nearest(name, ALGORITHMS)}")
    return ALGORITHMS[name]


def defaults(name: str) -> dict[str, Any]:
    """The hyperparameters in which an algorithm of this name differs from its class."""
    if name not in CONFIGURATIONS:
        return {}
    values = dict(CONFIGURATIONS[name].defaults)
    if "network" in values:
        usual = algorithm(name).__dataclass_fields__["network"].default
        values["network"] = dataclasses.replace(usual, **values["network"])
    return values


def overlaid(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are known with those that are given in their place; of a network a dict replaces values too."""
    values, network, new = {**known, **given}, known.get("network"), given.get("network")
    if isinstance(new, Mapping) and (TRANSFORMER in new or WEIGHTS in new):
        return values
    if isinstance(network, Network) and isinstance(new, Mapping):
        network = dataclasses.asdict(network)
    if isinstance(network, Mapping) and isinstance(new, Mapping):
        values["network"] = {**network, **new}
    return values


def paper(name: str) -> str:
    """What an algorithm of this name is, and where it was published: its file's first paragraph, in a line."""
    if name in CONFIGURATIONS:
        return CONFIGURATIONS[name].about
    documented = sys.modules[algorithm(name).__module__].__doc__ or ""
    return " ".join(documented.partition("\n\n")[0].split())


def documentation(name: str) -> str:
    """The docstring of an algorithm of this name."""
    return CONFIGURATIONS[name].about if name in CONFIGURATIONS else inspect.getdoc(algorithm(name)) or ""


def name_of(algorithm: Algorithm) -> str:
    """The name under which an algorithm is registered; its class's own for one that is not."""
    cls = type(algorithm)
    names = ALGORITHMS.names(cls)
    configured = [
        name for name in names if name in CONFIGURATIONS and CONFIGURATIONS[name].describes(algorithm)
    ]
    return (configured + names + [cls.__name__])[0]


def build(cls: type[T], hyperparameters: Mapping[str, Any], *, others: Sequence[str] = ()) -> T:
    """An algorithm (or a curiosity) from plain values: text may stand for a schedule, a dict for a Network.

    `others` are names that might have been meant by one that is unknown.

    Raises ValueError naming the hyperparameter, its value, and what is allowed.
    """
    hints = get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    values = {}
    for name, value in hyperparameters.items():
        if name not in fields:
            raise ValueError(
                f"{cls.__name__} has no hyperparameter {name!r} (value {value!r}). "
                f"{nearest(name, (*fields, *others))}"
            )
        converter = fields[name].metadata.get("converter")
        if converter is not None and hints[name] is int:
            value = converter(value)
        values[name] = _convert(name, value, hints[name], fields[name].default)
    return cls(**values)


# Files hold all hyperparameters. One that a file does not have was added later; until then it had this value.
BEFORE = {"scale_actions": False}


def restore(cls: type[T], stored: Mapping[str, Any]) -> T:
    """The algorithm of which a file has the hyperparameters: as `build`, and it acts as it did then."""
    fields = {field.name for field in dataclasses.fields(cls)}
    return build(cls, {name: value for name, value in BEFORE.items() if name in fields} | {**stored})


def to_json(algorithm: eqx.Module) -> dict[str, Any]:
    """All hyperparameters as values that `json.dumps` takes and `build` reads back.

    A network that the user built is written as None: its parameters are part of the state, its code is the user's.
    """
    values = {field.name: getattr(algorithm, field.name) for field in dataclasses.fields(algorithm)}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, OwnPolicy):
        stored = value.to_json()
        return stored if WEIGHTS in stored else {TRANSFORMER: stored}
    if isinstance(value, Network):
        return dataclasses.asdict(value)
    if isinstance(value, UserModule):
        return None
    if isinstance(value, Frozen | Tokenizer):
        return value.to_json()
    if isinstance(value, Schedule):
        return str(value)
    if isinstance(value, ExplorationNoise):
        return {"process": type(value).__name__, **to_json(value)}
    return f"{value.__name__}, {schedules.YOURS}" if isinstance(value, FunctionType) else value


def _convert(name: str, value: Any, hint: Any, default: Any) -> Any:
    kinds: Any = get_args(hint) or (hint,)
    value = value.item() if isinstance(value, np.generic) else value  # NumPy's numbers are numbers
    if isinstance(value, str) and Schedule in kinds and value.endswith(schedules.YOURS):
        raise ValueError(f"{name} was {schedules.YOURS}, which no file can hold: pass it again as {name}=….")
    if any(get_origin(kind) is Literal for kind in (hint, *kinds)):  # a choice, which the algorithm checks
        return value
    if str in kinds and isinstance(value, str):
        return value
    language = any(isinstance(kind, type) and issubclass(kind, OwnPolicy) for kind in kinds)
    if (Network in kinds or language) and isinstance(value, Mapping) and TRANSFORMER in value:
        return _transformer(value)
    if (Network in kinds or language) and isinstance(value, Mapping) and WEIGHTS in value:
        return pretrained(value)
    if language:
        return value
    if Tokenizer in kinds and isinstance(value, Mapping):
        return tokenizers.from_json(value)
    if Network in kinds:
        # Values that are not named stay the algorithm's own (DQN's activation is not PPO's).
        return {**dataclasses.asdict(default), **value} if isinstance(value, Mapping) else value
    if value is None and type(None) in kinds:
        return None
    if isinstance(value, Mapping) and ExplorationNoise in kinds:
        return _process(name, value)
    if isinstance(value, str) and Schedule in kinds:
        return schedules.parse(value)
    if isinstance(value, Schedule) and Schedule in kinds:
        return value
    if Schedule in kinds and callable(value):
        return schedules.of_function(name, value)
    several = next((kind for kind in (hint, *kinds) if get_origin(kind) is tuple), None)
    if several is not None:  # lists are taken for tuples
        valid, kinds = isinstance(value, tuple | list), (tuple,)
        value = tuple(value) if isinstance(value, list) else value
    elif bool in kinds:
        valid = isinstance(value, bool)
    elif float in kinds:
        valid = isinstance(value, int | float) and not isinstance(value, bool)
        value = float(value) if isinstance(value, int) and valid else value
    elif any(get_origin(kind) is Callable for kind in kinds):
        valid, kinds = callable(value), (Callable, type(None))
    elif tuple in kinds:  # an array, in any form
        valid = isinstance(value, tuple | list | np.ndarray)
    elif int in kinds:
        valid = isinstance(value, int) and not isinstance(value, bool)
    else:
        valid = isinstance(value, kinds)
    if not valid:
        allowed = " or ".join(_KIND_NAMES.get(kind) or str(kind.__name__) for kind in kinds)
        raise ValueError(f"{name}={value!r}: must be {allowed}.")
    return value


def _transformer(stored: Mapping[str, Any]) -> OwnPolicy:
    """The value of a network that is a language model, as a file or a user writes it."""
    from operant.language.config import Transformer  # which few need

    values = stored[TRANSFORMER]
    if len(stored) > 1 or not isinstance(values, Mapping):
        raise ValueError(f"network={dict(stored)!r}: must be {{{TRANSFORMER!r}: {{its values}}}} alone.")
    return Transformer.from_json(dict(values))


def pretrained(stored: Mapping[str, Any]) -> OwnPolicy:
    """The value of a network that begins as a language model, of which a file's weights have been read."""
    from operant.language.pretrained import Pretrained

    return Pretrained.from_json(stored)


def _process(name: str, stored: Mapping[str, Any]) -> ExplorationNoise:
    """The process of exploration that a file describes: one of operant's own. No other name is looked up."""
    kind = stored.get("process")
    if not isinstance(kind, str) or kind not in PROCESSES:
        raise ValueError(
            f"{name} was {kind!r}, which is not one of {', '.join(PROCESSES)}: pass it again as {name}=…."
        )
    return build(PROCESSES[kind], {key: value for key, value in stored.items() if key != "process"})


_KIND_NAMES: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    tuple: "a list of values",
    Callable: "a function",
    Schedule: "a schedule",
    type(None): "None",
}
