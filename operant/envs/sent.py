"""Environments in other processes: what these are told, and what they answer, as JSON and arrays.

Only what JSON does not give back unchanged is an object, which somebody else has to carry: functions, classes and
objects of the user's.
"""

from __future__ import annotations

import builtins
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import equinox as eqx
import gymnasium as gym
import jax
import numpy as np
from gymnasium.envs.registration import EnvSpec as Registration

from operant.envs import arguments, stored
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.source import Source
from operant.envs.wrappers import registry as wrappers
from operant.messages import pack
from operant.types import EnvSpec, PyTree, TimeStep

REGISTRATION = "registration"
PLAIN = ("backend", "vectorization", "env_timeout")  # of a source, which JSON holds
SUCCESSORS = {"next_observation": "observation", "next_action_mask": "action_mask"}


class RemoteError(RuntimeError):
    """Another process raised an error of a kind that is not Python's own."""


# sources


class Written:
    """Values as JSON, and objects, by name."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.objects: dict[str, Any] = {}

    def put(
        self,
        name: str,
        value: Any,
        to_json: Callable[[Any], Any] = lambda x: x,
        again: Callable[[Any], Any] = lambda x: x,
    ) -> None:
        """A value: as JSON, if what `again` makes of that is the same, and else as it is."""
        try:
            kept = json.loads(json.dumps(to_json(value)))
            if _same(again(kept), value):
                self.values[name] = kept
                return
        except (TypeError, ValueError, KeyError):
            pass
        self.put_object(name, value)

    def put_object(self, name: str, value: Any) -> None:
        """A value as it is. Raises ValueError where it could not be made again elsewhere."""
        found = of_script(value)
        if found is not None:
            raise ValueError(
                f"{found} is defined in the script that runs, and classes of Equinox cannot be sent to other processes "
                "from there. Put it into a module, a file of its own that all machines have, and import it."
            )
        self.objects[name] = value


def write(source: Source, to: Written) -> None:
    """A source, of which `read` makes the same again."""
    source = source.played
    for name in PLAIN:
        to.put(name, getattr(source, name))
    to.put("wrappers", source.wrappers, lambda x: list(map(wrappers.to_json, x)), _wrappers)
    to.put("env_kwargs", dict(source.env_kwargs), lambda x: arguments.to_json(x)[0])
    if not isinstance(source.given, str):
        to.put_object("given", source.given)
        return
    to.put("given", source.given)
    registration = gym.registry.get(source.given)
    if registration is not None:  # which a process does not know where a script has registered it
        to.put(REGISTRATION, registration, _registration, _registered)


def read(values: Mapping[str, Any], objects: Mapping[str, Any]) -> Source:
    """The inverse of `write`, of what it wrote alone."""
    made = {**values}
    for name, again in (("wrappers", _wrappers), (REGISTRATION, _registered)):
        if name in made:
            made[name] = again(made[name])
    made |= objects
    registration = made.pop(REGISTRATION, None)
    if registration is not None and registration.id not in gym.registry:
        gym.registry[registration.id] = registration
    return Source(made.pop("given"), **made)


def described(spec: EnvSpec) -> dict[str, Any]:
    """A description as JSON values, by which two are compared."""
    return json.loads(json.dumps(stored.to_json(spec)))


def require_alike(spec: EnvSpec, expected: Mapping[str, Any]) -> None:
    """Raise RuntimeError, naming what differs, where this is another environment than the one of training."""
    own = described(spec)
    for name in own:
        if own[name] != expected.get(name):
            raise RuntimeError(
                f"{spec.id} is another environment in this process: its {name.replace('_', ' ')} is {own[name]}, and "
                f"{expected.get(name)} where training runs. Install the same version of it everywhere."
            )


def of_script(value: Any) -> str | None:
    """The first class of Equinox's in it, at any depth, that the script itself defines."""
    if isinstance(value, eqx.Module) and type(value).__module__ == "__main__":
        return type(value).__name__
    parts: Sequence[Any] = ()
    if is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name, None) for field in fields(value)]
    elif isinstance(value, Mapping):
        parts = list(value.values())
    elif isinstance(value, list | tuple):
        parts = value
    return next((found for part in parts if (found := of_script(part)) is not None), None)


def _wrappers(kept: Sequence[Any]) -> tuple[Any, ...]:
    return wrappers.as_wrappers(kept)


def _registration(registration: Registration) -> dict[str, Any]:
    """What `gymnasium.register` was given; the rest of it follows from the id."""
    return {field.name: getattr(registration, field.name) for field in fields(registration) if field.init}


def _registered(kept: Mapping[str, Any]) -> Registration:
    return Registration(**{**kept, "additional_wrappers": tuple(kept["additional_wrappers"])})


def _same(one: Any, other: Any) -> bool:
    """Whether two values are alike, in structure and in all of their parts."""
    mine, its = jax.tree.flatten(one), jax.tree.flatten(other)
    if type(one) is not type(other) or mine[1] != its[1]:
        return False
    return all(type(a) is type(b) and bool(np.all(a == b)) for a, b in zip(mine[0], its[0], strict=True))


# answers


def names_of(timestep: TimeStep, shared: bool = False) -> list[str]:
    """Its parts that are there; with `shared` without those that are the very same as another."""
    there = [field.name for field in fields(TimeStep) if getattr(timestep, field.name) is not None]
    if not shared:
        return there
    same = {n for n, o in SUCCESSORS.items() if getattr(timestep, n) is getattr(timestep, o)}
    return [name for name in there if name not in same]


def timestep_like(names: Sequence[str], observation: PyTree) -> TimeStep:
    """One with these parts, each a number, and of this structure of observations."""
    told: dict[str, Any] = {field.name: None for field in fields(TimeStep)}
    for name in names:
        told[name] = observation if name in ("observation", "next_observation") else 0
    return TimeStep(**told)


def plain(info: Mapping[str, Any]) -> dict[str, Any]:
    """Of what an environment says, numbers and text; all else as text."""

    def of(value: Any) -> Any:
        if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size == 1):
            value = value.item()
        return value if value is None or isinstance(value, str | int | float | bool) else str(value)

    return {str(name): of(value) for name, value in info.items()}


# errors


def failure(error: BaseException) -> bytes:
    """The message about an error, of which `raised` makes one again."""
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    trace = "".join(traceback.format_exception(error))
    # A KeyError shows its key as it would be written.
    text = str(error.args[0]) if isinstance(error, KeyError) and len(error.args) == 1 else str(error)
    return pack({"error": type(error).__name__, "text": text, "notes": notes, "trace": trace})


def raised(told: Mapping[str, Any]) -> Exception:
    """The error that a message is about: of a kind of Python's own, of operant's, or a `RemoteError` that names it."""
    name, text = told["error"], told["text"]
    kind = getattr(builtins, name, None)
    if name == EnvironmentFault.__name__:
        error: Exception = EnvironmentFault(text)
    elif isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
        error = kind(text)
    else:
        error = RemoteError(f"{name}: {text}")
    for note in _notes(told):
        error.add_note(note)
    return error


def _notes(told: Mapping[str, Any]) -> Iterator[str]:
    yield from told["notes"]
    yield f"In the other process:\n{told['trace']}"
