"""What to say of an environment's id that nobody knows. JAX is not needed for it, so it is not loaded."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.util import find_spec
from typing import NamedTuple

import gymnasium as gym

from operant.envs.atari.ids import GAMES


class Package(NamedTuple):
    """Where environments of other packages come from."""

    pattern: str  # of their ids, from the start
    install: str  # what pip installs
    module: str  # whose import makes them known
    example: str  # an id


PACKAGES = (
    Package(
        r"Fetch|Hand(Reach|Manipulate)|Adroit|PointMaze|AntMaze|FrankaKitchen",
        "gymnasium-robotics",
        "gymnasium_robotics",
        "FetchReach-v4",
    ),
    Package(r"MiniGrid-|BabyAI-", "minigrid", "minigrid", "MiniGrid-Empty-5x5-v0"),
    Package(r"MiniWorld-", "miniworld", "miniworld", "MiniWorld-OneRoom-v0"),
    Package(
        r"(highway|merge|roundabout|parking|intersection|racetrack|exit|lane-keeping)(-\w+)*-v\d+$",
        "highway-env",
        "highway_env",
        "highway-v0",
    ),
    Package(r"dm_control/", "shimmy[dm-control]", "shimmy", "dm_control/cartpole-balance-v0"),
    Package(r"Panda(Reach|Push|Slide|PickAndPlace|Stack|Flip)", "panda-gym", "panda_gym", "PandaReach-v3"),
    Package(r"FlappyBird", "flappy-bird-gymnasium", "flappy_bird_gymnasium", "FlappyBird-v0"),
    Package(r"Meta-World/", "metaworld", "metaworld", "Meta-World/MT1"),
)


def unknown(name: str) -> str:
    """The error's text: what installs it, or the nearest ids, and how others become known."""
    module, _, id = name.rpartition(":")
    for package in PACKAGES:
        if re.match(package.pattern, id, re.IGNORECASE):
            return _of_package(name, module, id, package)
    if module:
        return f"Unknown environment {name!r}: {module} cannot be imported, or does not register {id!r}."
    lower = {f"{game}-v5".lower(): f"ALE/{game}-v5" for game in GAMES}
    lower |= {known.lower(): known for known in gym.registry}
    if name.lower() in lower:
        return f"Unknown environment {name!r}. Did you mean {lower[name.lower()]}? Small and large letters differ."
    nearest = [lower[match] for match in get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
    guess = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return (
        f"Unknown environment {name!r}.{guess} Those of another package are known once it has been imported, or as "
        "'module:id'; `operant environments` lists all."
    )


def _of_package(name: str, module: str, id: str, package: Package) -> str:
    """Of an id that looks like those of another package."""
    like = f", such as {package.module + ':' + package.example!r}"
    if find_spec(package.module) is None:
        return (
            f'Environment {name!r} needs a package that is not installed: pip install "{package.install}". Then call '
            f"it {package.module + ':' + id!r}, so that the package is imported."
        )
    if module:
        return f"{module} has no environment {id!r}; its ids look otherwise{like}."
    return f"Unknown environment {name!r}: name the package that has it, {package.module + ':' + id!r}{like}."
