"""The native environments, by id: a closed list."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial

import gymnasium as gym

from operant.envs import toy_text
from operant.envs.base import Environment
from operant.envs.breakout import MinBreakout
from operant.envs.classic import Acrobot, CartPole, MountainCar, Pendulum
from operant.envs.gridworld import GridWorld
from operant.envs.native_gym import as_gymnasium
from operant.envs.vacuum import HALF_AN_HOUR, VacuumRobot
from operant.envs.wrappers.timing import TimeLimit

# Those that Gymnasium has not: it is told of them, so that they are scored and stepped on the host as any other.
OWN = {
    "GridWorld": partial(GridWorld, max_episode_steps=1000, id="GridWorld"),
    # Nothing is paid but for the goal, and three times the shortest way is all the time there is.
    "SparseMaze": partial(
        GridWorld, "maze", goal=1.0, wall=0.0, step=0.0, max_episode_steps=200, id="SparseMaze"
    ),
    "DynaMaze": partial(
        GridWorld, "dyna", goal=1.0, wall=0.0, step=0.0, max_episode_steps=2000, id="DynaMaze"
    ),
    "MinBreakout": partial(MinBreakout, max_episode_steps=1000),
    "VacuumRobot": partial(VacuumRobot, max_episode_steps=HALF_AN_HOUR),
}
NATIVE: dict[str, Callable[..., Environment]] = {
    **{kind.id: kind for kind in (CartPole, Pendulum, MountainCar, Acrobot)},
    **{id: partial(toy_text.toy_text, id) for id in toy_text.IDS if id in gym.registry},
    **OWN,
}


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


def _as_gymnasium(native_id: str, render_mode: str | None = None) -> gym.Env:
    """Without its time limit, which Gymnasium keeps."""
    return as_gymnasium(TimeLimit(None).native(NATIVE[native_id]()), render_mode)


for _id in OWN:
    gym.register(
        _id,
        entry_point=f"{__name__}:_as_gymnasium",
        kwargs={"native_id": _id},
        max_episode_steps=OWN[_id].keywords["max_episode_steps"],
        disable_env_checker=True,
    )
