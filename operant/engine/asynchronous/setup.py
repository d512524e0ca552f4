"""What a worker in another process is told: the algorithm and the environment, as JSON, and objects of the user's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import gymnasium as gym
import jax
import numpy as np
from gymnasium.envs.registration import EnvSpec as Registration

from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.envs import arguments
from operant.envs.source import Source
from operant.envs.wrappers import registry as wrappers

REGISTRATION = "registration"
PLAIN = ("backend", "vectorization", "env_timeout")  # of a source, which JSON holds


def written(algorithm: Algorithm, source: Source) -> tuple[dict[str, Any], dict[str, Any]]:
    """`(JSON values, objects)` of which `read` makes the same again.

    Objects are only what JSON does not give back unchanged: functions, classes and objects of the user's.
    """
    source = source.played
    values: dict[str, Any] = {name: getattr(source, name) for name in PLAIN}
    objects: dict[str, Any] = {}

    def put(name: str, value: Any, to_json: Callable[[], Any], again: Callable[[Any], Any] = lambda x: x):
        try:
            stored = json.loads(json.dumps(to_json()))
            if _same(again(stored), value):
                values[name] = stored
                return
        except (TypeError, ValueError, KeyError):
            pass
        objects[name] = value

    put(
        "algorithm",
        algorithm,
        lambda: {"name": registry.name_of(algorithm), **registry.to_json(algorithm)},
        _algorithm,
    )
    put("wrappers", source.wrappers, lambda: list(map(wrappers.to_json, source.wrappers)), _wrappers)
    put("env_kwargs", dict(source.env_kwargs), lambda: arguments.to_json(source.env_kwargs)[0])
    if not isinstance(source.given, str):
        objects["given"] = source.given
        return values, objects
    values["given"] = source.given
    registration = gym.registry.get(source.given)
    if registration is not None:  # which a process does not know where a script has registered it
        put(REGISTRATION, registration, lambda: _registration(registration), _registered)
    return values, objects


def read(values: dict[str, Any], objects: dict[str, Any]) -> tuple[Algorithm, Source]:
    """The inverse of `written`."""
    known = {"algorithm": _algorithm, "wrappers": _wrappers, REGISTRATION: _registered}
    made = {name: known.get(name, lambda x: x)(value) for name, value in values.items()} | objects
    registration = made.pop(REGISTRATION, None)
    if registration is not None and registration.id not in gym.registry:
        gym.registry[registration.id] = registration
    algorithm = made.pop("algorithm")
    return algorithm, Source(made.pop("given"), **made)


def _algorithm(stored: dict[str, Any]) -> Algorithm:
    values = dict(stored)
    return registry.restore(registry.algorithm(values.pop("name")), values)


def _wrappers(stored: list[Any]) -> tuple[Any, ...]:
    return wrappers.as_wrappers(stored)


def _registration(registration: Registration) -> dict[str, Any]:
    """What `gymnasium.register` was given; the rest of it follows from the id."""
    return {field.name: getattr(registration, field.name) for field in fields(registration) if field.init}


def _registered(stored: dict[str, Any]) -> Registration:
    return Registration(**{**stored, "additional_wrappers": tuple(stored["additional_wrappers"])})


def _same(one: Any, other: Any) -> bool:
    """Whether two values are alike, in structure and in all of their parts."""
    mine, its = jax.tree.flatten(one), jax.tree.flatten(other)
    if type(one) is not type(other) or mine[1] != its[1]:
        return False
    return all(type(a) is type(b) and bool(np.all(a == b)) for a, b in zip(mine[0], its[0], strict=True))
