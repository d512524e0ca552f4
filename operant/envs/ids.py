"""Ids of environments."""

from __future__ import annotations

import re
import sys

import gymnasium as gym
from gymnasium.envs.registration import find_highest_version, get_env_id, parse_env_id

from operant.envs.atari import ids as atari


def resolve(env: object) -> object:
    """An id without a version, completed with the newest one, as Gymnasium does; anything else unchanged."""
    if isinstance(env, list | tuple):
        return [resolve(one) for one in env]
    if not isinstance(env, str):
        return env
    if (game := atari_id(env)) is not None:
        return game
    if env in gym.registry:
        return env
    require_well_formed(env)
    if ":" in env:  # a module's ids are known once it is imported
        return env
    namespace, name, version = parse_env_id(env)
    newest = find_highest_version(namespace, name) if version is None else None
    return env if newest is None else get_env_id(namespace, name, newest)


def atari_id(env: object) -> str | None:
    """The id of an Atari game in full, for one such as Pong; None for all else, and what somebody registered so."""
    if not isinstance(env, str):
        return None
    known = gym.registry.get(env)
    if known is not None and not str(known.entry_point).startswith("ale_py"):
        return None
    said = atari.read(env)
    return None if said is None else said.id


def registered(id: str) -> str:
    """The id of a registered environment for an id from a file: without its module, which is not imported.

    `mymodule:MyEnv-v0` becomes MyEnv-v0 if mymodule has been imported already.

    Raises ValueError if it has not, and for ids that create whatever their arguments name.
    """
    if (game := atari_id(id)) is not None:
        return game
    module, colon, name = id.rpartition(":")
    if colon and (not module or module not in sys.modules):
        raise ValueError(
            f"The environment {id} is registered by a module, and a module that only a file names is not imported: "
            f"import it first (on the command line: --import {module or 'MODULE'}), or pass env={id!r}."
        )
    try:
        parse_env_id(name)
    except gym.error.Error as error:
        raise ValueError(f"The environment {id!r} of the file is no id: {error}") from error
    registration = gym.registry.get(name)
    if registration is not None and str(registration.entry_point).startswith("shimmy."):
        raise ValueError(f"{name} makes what its arguments name, and a file named them: pass env={name!r}.")
    return name


def require_well_formed(id: str) -> None:
    """Raise ValueError, with examples of ids, for a text that cannot be the id of an environment."""
    module, colon, name = id.rpartition(":")
    try:
        parse_env_id(name)
    except gym.error.Error:
        well = False
    else:
        well = not colon or re.fullmatch(r"\w+(\.\w+)*", module) is not None
    if not well:
        raise ValueError(
            f"Malformed environment id {id!r}: ids look like CartPole-v1, ALE/Pong-v5 or module:MyEnv-v0, and hold "
            "letters, digits, - and _."
        )
