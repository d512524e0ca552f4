"""`env_kwargs`: which keyword arguments an environment has, and how a file keeps them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator

from operant.envs.atari.options import Atari
from operant.envs.ids import atari_id

LIMIT = "max_episode_steps"
OF_GYMNASIUM = (LIMIT, "disable_env_checker")  # which `gymnasium.make` takes for every id


def check(env: Any, env_kwargs: Any, maker: Any = None) -> None:
    """Raise ValueError if an id, a function or a class does not take these keyword arguments; it names those it takes.

    `maker` is the callable that takes them, if it is not the one that the id is registered with.
    """
    if not isinstance(env_kwargs, Mapping):
        raise ValueError(f"env_kwargs={env_kwargs!r}: must be a dict, such as {{'is_slippery': False}}.")
    if not env_kwargs:
        return
    if isinstance(env, list | tuple):
        for one in env:
            check(one, env_kwargs)
        return
    if atari_id(env) is not None:
        Atari.of(env, env_kwargs)
        return
    name = env if isinstance(env, str) else getattr(env, "__name__", type(env).__name__)
    if not isinstance(env, str) and not callable(env):
        raise ValueError(
            f"env_kwargs={dict(env_kwargs)}: {name} is made already. Give its id or its class, or make it with them."
        )
    maker = maker or _maker(env)
    known = None if maker is None else parameters(maker)
    if known is None:  # not to be told, or anything goes: the environment has its say when it is made
        return
    usual = OF_GYMNASIUM if isinstance(env, str) else ()
    for key, value in env_kwargs.items():
        if key not in known and key not in usual:
            raise ValueError(unknown(name, key, value, known))
        if isinstance(known.get(key), bool) and not isinstance(value, bool | np.bool_ | int):
            raise ValueError(f"env_kwargs: {name}'s {key}={value!r} must be True or False.")


def unknown(name: str, key: str, value: Any, known: Sequence[str] | Mapping[str, Any]) -> str:
    """The message about a keyword that an environment does not have."""
    close = get_close_matches(key, known, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    takes = f"It takes {', '.join(known)}." if known else "It takes none."
    return f"env_kwargs: {name} has no argument {key!r} (value {value!r}).{guess} {takes}"


def parameters(maker: Any) -> dict[str, Any] | None:
    """`{name: default}` of what can be given by name; None if that is unknown, or any name can."""
    try:
        found = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in found):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.default for p in found if p.kind in named}


def missing(maker: Any, env_kwargs: Mapping[str, Any]) -> list[str]:
    """Required arguments that are not given."""
    empty = inspect.Parameter.empty
    return [
        name
        for name, default in (parameters(maker) or {}).items()
        if default is empty and name not in env_kwargs
    ]


def to_json(env_kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`(what a file can hold, the names of the others)`; arrays and tuples become lists."""
    stored, others = {}, []
    for name, value in env_kwargs.items():
        try:
            stored[name] = _plain(value)
        except TypeError:
            others.append(name)
    return stored, others


def from_json(config: Mapping[str, Any], env: Any, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The keyword arguments of a configuration, with those given now on top.

    They belong to the environment of training, so they are not used for an `env` with another id, or one that exists
    already.

    Raises ValueError naming those that could not be saved and are not given now.
    """
    made_again = callable(env) or isinstance(env, list | tuple)
    same = env is None or (env == config["environment"] if isinstance(env, str) else made_again)
    kept = dict(config.get("env_kwargs", {})) if same else {}
    missing = set(config.get("env_kwargs_not_kept", ())) - set(given or {}) if same else set()
    if missing:
        raise ValueError(
            f"The environment's {', '.join(sorted(missing))} cannot be kept in a file: pass env_kwargs={{…}} again."
        )
    return kept | dict(given or {})


def to_text(env_kwargs: Mapping[str, Any]) -> str:
    """As they are written in Python: is_slippery=False, map_name='8x8'."""
    return ", ".join(f"{name}={value!r}" for name, value in env_kwargs.items())


def _maker(env: Any) -> Any:
    """The callable that makes an environment; None if its code is not installed."""
    if not isinstance(env, str):
        return env
    registration = gym.registry.get(env)
    if registration is None or registration.entry_point is None:
        return None
    if not isinstance(registration.entry_point, str):
        return registration.entry_point
    try:
        return load_env_creator(registration.entry_point)
    except Exception:  # a package that is missing is said when the environment is made
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError
