"""The native environments, by Gymnasium's ids: a closed list."""

from __future__ import annotations

from difflib import get_close_matches

from operant.envs.base import Environment
from operant.envs.classic import Acrobot, CartPole, MountainCar, Pendulum

NATIVE = {kind.id: kind for kind in (CartPole, Pendulum, MountainCar, Acrobot)}


def native(id: str) -> Environment:
    """The native twin of a Gymnasium environment.

    Raises:
        ValueError: there is none of that id; names the nearest and the others.
    """
    if id not in NATIVE:
        nearest = get_close_matches(id, NATIVE, n=1)
        guess = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(
            f"No native environment {id!r}.{guess} Native are {', '.join(NATIVE)}; "
            "any other Gymnasium id runs on the host backend."
        )
    return NATIVE[id]()
