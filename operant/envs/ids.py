"""What the id of an environment names."""

from __future__ import annotations

import gymnasium as gym
from gymnasium.envs.registration import find_highest_version, get_env_id, parse_env_id


def resolve(env: object) -> object:
    """An id without a version as that of the newest one there is, as Gymnasium takes it; all else as it is."""
    if isinstance(env, list | tuple):
        return [resolve(one) for one in env]
    if (
        not isinstance(env, str) or env in gym.registry or ":" in env
    ):  # a module's ids are known once it is imported
        return env
    try:
        namespace, name, version = parse_env_id(env)
    except gym.error.Error:
        return env
    newest = find_highest_version(namespace, name) if version is None else None
    return env if newest is None else get_env_id(namespace, name, newest)
