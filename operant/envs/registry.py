"""The native environments, by id: a closed list, of which each is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import gymnasium as gym

from operant.envs.arguments import LIMIT
from operant.envs.base import Environment
from operant.envs.native_gym import as_gymnasium
from operant.lazy import load


def _make(place: str, *arguments: Any, **options: Any) -> Environment:
    """An environment whose code is imported now."""
    return load(place)(*arguments, **options)


GRID_WORLD = "operant.envs.gridworld:GridWorld"
BIT_FLIPPING = "operant.envs.bit_flipping:BitFlipping"
# Those that Gymnasium has not: it is told of them, so that they are scored and stepped on the host as any other.
OWN = {
    "GridWorld": partial(_make, GRID_WORLD, max_episode_steps=1000, id="GridWorld"),
    # Nothing is paid but for the goal, and three times the shortest way is all the time there is.
    "SparseMaze": partial(
        _make, GRID_WORLD, cells="maze", goal=1.0, wall=0.0, step=0.0, max_episode_steps=200, id="SparseMaze"
    ),
    "DynaMaze": partial(
        _make, GRID_WORLD, cells="dyna", goal=1.0, wall=0.0, step=0.0, max_episode_steps=2000, id="DynaMaze"
    ),
    "MinBreakout": partial(_make, "operant.envs.breakout:MinBreakout", max_episode_steps=1000),
    "BitFlipping": partial(_make, BIT_FLIPPING, max_episode_steps=15, n_bits=15),
    "BitFlipping30": partial(_make, BIT_FLIPPING, max_episode_steps=30, n_bits=30, id="BitFlipping30"),
    "TwoJointReach": partial(_make, "operant.envs.two_joint_reach:TwoJointReach", max_episode_steps=50),
    "VacuumRobot": partial(_make, "operant.envs.vacuum:VacuumRobot", max_episode_steps=1800),  # half an hour
}
# Of text, whose limit is that of tokens; a tokeniser is the model's, where there is one.
TEXTS = {
    "Arithmetic": partial(_make, "operant.language.tasks:arithmetic"),
    "Sorting": partial(_make, "operant.language.tasks:sorting"),
    "Text": partial(_make, "operant.language.tasks:text"),
}
OWN |= TEXTS
NEEDY = ("Text",)  # those that cannot be made without keyword arguments
# Those of all releases of Gymnasium; the one that is installed has some of them.
TOY_TEXTS = (
    "FrozenLake-v1",
    "FrozenLake8x8-v1",
    "CliffWalking-v0",
    "CliffWalking-v1",
    "CliffWalkingSlippery-v1",
    "Taxi-v3",
    "Taxi-v4",
)
NATIVE: dict[str, Callable[..., Environment]] = {
    "CartPole-v1": partial(_make, "operant.envs.classic.cartpole:CartPole"),
    "Pendulum-v1": partial(_make, "operant.envs.classic.pendulum:Pendulum"),
    "MountainCar-v0": partial(_make, "operant.envs.classic.mountain_car:MountainCar"),
    "MountainCarContinuous-v0": partial(_make, "operant.envs.classic.mountain_car:MountainCarContinuous"),
    "Acrobot-v1": partial(_make, "operant.envs.classic.acrobot:Acrobot"),
    **{id: partial(_make, "operant.envs.toy_text:toy_text", id) for id in TOY_TEXTS if id in gym.registry},
    **OWN,
}


# What the twins of Gymnasium's environments in closed form take; those of tables, and our own, take everything.
TAKES = {
    "CartPole-v1": ("sutton_barto_reward",),
    "Pendulum-v1": ("g",),
    "MountainCar-v0": ("goal_velocity",),
    "MountainCarContinuous-v0": ("goal_velocity",),
    "Acrobot-v1": (),
}


def twin(id: str, env_kwargs: Mapping[str, Any]) -> Environment | None:
    """The native twin of what `gymnasium.make(id, **env_kwargs)` makes; None where there is none that does the same.

    It has the time limit and the keyword arguments of the registry, which may have been changed.
    """
    registered = gym.registry.get(id)
    if id not in NATIVE or registered is None or registered.additional_wrappers:
        return None
    if not str(registered.entry_point).startswith(
        ("gymnasium.envs.", f"{__name__}:")
    ):  # registered anew by somebody
        return None
    options = {**registered.kwargs, **env_kwargs}
    options.pop("disable_env_checker", None)
    if options.pop("render_mode", None) == "human":
        return None  # training is to be looked at
    if id not in (*TAKES, *OWN):
        random_map = (
            options.get("desc") is None and options.get("map_name", "") is None
        )  # another one for every copy
        return (
            None
            if random_map
            else NATIVE[id](**{name: options[name] for name in env_kwargs if name in options})
        )
    options.pop("native_id", None)
    if id in TEXTS:
        return NATIVE[id](**options)
    limit = options.pop(LIMIT, registered.max_episode_steps)
    if id in TAKES and not options.keys() <= set(TAKES[id]):
        return None
    return NATIVE[id](**options, max_episode_steps=None if limit == -1 else limit)


def maker(id: str) -> Any:
    """What takes the keyword arguments of one of our own environments; None for any other id."""
    return load(OWN[id].args[0]) if id in OWN else None


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


def _as_gymnasium(native_id: str, render_mode: str | None = None, **options: Any) -> gym.Env:
    """Without its time limit, which Gymnasium keeps."""
    from operant.envs.wrappers import TimeLimit

    made = NATIVE[native_id](**options)
    return as_gymnasium(made if native_id in TEXTS else TimeLimit(None).native(made), render_mode)


for _id in OWN:
    gym.register(
        _id,
        entry_point=f"{__name__}:_as_gymnasium",
        kwargs={"native_id": _id},
        max_episode_steps=OWN[_id].keywords.get("max_episode_steps"),
        disable_env_checker=True,
    )
