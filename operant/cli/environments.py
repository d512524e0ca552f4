"""Whether an environment is known, without importing JAX."""

from __future__ import annotations

from collections.abc import Sequence

from operant import catalogue
from operant.cli import modules


def require_known(environment: str, imported: Sequence[str] = ()) -> None:
    """Import the given modules, which register environments, and the one in the id.

    Raises ValueError naming the nearest ids for an unknown one.
    """
    if environment not in catalogue.own_environments():
        from operant.envs.ids import require_well_formed

        require_well_formed(environment)
        from operant.envs.ids import atari_id

        modules.load(imported)
        if (game := atari_id(environment)) is not None:
            from operant.envs.atari.game import require_package

            require_package(game)
            return
    modules.load([*imported, *modules.module_of(environment)])
    if environment in catalogue.own_environments():
        return
    import gymnasium as gym
    from gymnasium.envs.registration import find_highest_version, parse_env_id

    from operant.envs.unknown import unknown

    name = environment.rpartition(":")[2]
    if name in gym.registry:
        return
    namespace, bare, version = parse_env_id(name)
    if version is not None or find_highest_version(namespace, bare) is None:
        raise ValueError(unknown(environment))
