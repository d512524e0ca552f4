"""Writes `docs/native_environments.md` and its pictures: what each native environment looks like, takes and pays.

    python -m tools.environments

A test compares the page with what would be written, so it cannot go out of date.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from operant import zoo
from operant.cli.tables import with_bounds
from operant.envs.base import Environment
from operant.envs.registry import NATIVE, NEEDY, OWN, TEXTS, native
from operant.envs.tabular import Tabular

ROOT = Path(__file__).parents[1]
PAGE, PICTURES = ROOT / "docs" / "native_environments.md", ROOT / "docs" / "native_environments"
STEPS = 30  # random ones before the picture
LARGEST = 320  # pixels of the longer side; larger pictures are made smaller
# The least and the greatest reward of a step, of what is no table: those of tables are read off.
REWARDS = {
    "CartPole-v1": (1.0, 1.0),
    "Pendulum-v1": (-(math.pi**2 + 0.1 * 8**2 + 0.001 * 2**2), 0.0),
    "MountainCar-v0": (-1.0, -1.0),
    "MountainCarContinuous-v0": (-0.1, 100.0),
    "Acrobot-v1": (-1.0, 0.0),
    "MinBreakout": (0.0, 1.0),
    "BitFlipping": (-1.0, 0.0),
    "BitFlipping30": (-1.0, 0.0),
    "TwoJointReach": (-1.0, 0.0),
    "VacuumRobot": (0.0, math.inf),
    "Arithmetic": (0.0, 1.0),
    "Sorting": (0.0, 1.0),
}
# Of the tables that are read off Gymnasium's own models.
TOY_TEXTS = {
    "FrozenLake-": "Gymnasium's FrozenLake: cross a frozen lake from the top left to the bottom right. Falling into a "
    "hole ends the episode, and only the goal pays. The ice is slippery: two of three steps go to either side instead. "
    "Actions: left, down, right, up.",
    "FrozenLake8x8-": "The same on a lake of 8×8 cells.",
    "CliffWalking-": "Gymnasium's CliffWalking: walk from the bottom left to the bottom right, along a cliff. A step "
    "costs 1, and one over the edge 100, after which the walk begins again. Actions: up, right, down, left. Sutton & "
    "Barto 2018, example 6.6.",
    "CliffWalkingSlippery-": "The same on slippery ground, where two of three steps go to either side instead.",
    "Taxi-": "Gymnasium's Taxi: fetch a passenger at one of four places in a walled grid and bring them to another. A "
    "step costs 1, a wrong pick-up or drop-off 10, and the right drop-off pays 20. The state is the number of one of "
    "500 combinations. Actions: down, up, right, left, pick up, drop off; what changes nothing is masked. Dietterich "
    "2000.",
}
HEADING = """\
# Native environments

<!-- Written by `python -m tools.environments`: change what it is made of, then run that again. -->

These run on the device, in one program with what learns in them. Those with a version (`-v1`) are twins of Gymnasium's,
which they agree with step by step, and scores are always of Gymnasium's own; the others are operant's. Everything else
that Gymnasium knows is stepped in Python: [environments](environments.md). `operant environments NAME` prints the same
here, with wrappers and keyword arguments as well.
"""


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for id in ids():
        if (pixels := picture(id)) is not None:
            (PICTURES / f"{id}.png").write_bytes(png(pixels))
    PAGE.write_text(text(), encoding="utf-8")


def ids() -> Iterator[str]:
    """All of them that can be made without arguments: Gymnasium's first."""
    known = [id for id in NATIVE if id not in NEEDY]
    yield from (id for id in known if id not in OWN)
    yield from (id for id in known if id in OWN)


def text() -> str:
    """The page."""
    return "\n".join([HEADING, *(_described(id, native(id)) for id in ids())])


def rewards(id: str, environment: Environment) -> tuple[float, float]:
    """The least and the greatest reward of a step."""
    while (inner := getattr(environment, "inner", None)) is not None:
        environment = inner
    if not isinstance(environment, Tabular):
        return REWARDS[id]
    happens = np.diff(np.asarray(environment.cumulative), axis=-1, prepend=0) > 0
    paid = np.asarray(environment.rewards)[happens]
    return float(paid.min()), float(paid.max())


def picture(id: str) -> np.ndarray | None:
    """What it looks like after some random steps, `[H, W, 3]` uint8; None without a picture."""
    from operant.envs.gymnasium import make_single

    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    if id in TEXTS:
        return None
    env = make_single(id, "rgb_array")
    env.action_space.seed(0)
    _, info = env.reset(seed=0)
    for _ in range(STEPS):
        *_, terminated, truncated, info = env.step(_sample(env, info))
        if terminated or truncated:
            _, info = env.reset()
    pixels: Any = env.render()
    env.close()
    return _smaller(pixels, math.ceil(max(pixels.shape[:2]) / LARGEST))


def _smaller(pixels: np.ndarray, times: int) -> np.ndarray:
    """Each pixel the mean of `times` × `times` ones."""
    height, width = (size // times * times for size in pixels.shape[:2])
    parts = pixels[:height, :width].reshape(height // times, times, width // times, times, 3)
    return parts.mean((1, 3)).round().astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """The pixels as a PNG file: of the same ones the same bytes, whichever library is installed."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _sample(env: Any, info: dict[str, Any]) -> Any:
    mask = info.get("action_mask")
    return env.action_space.sample() if mask is None else env.action_space.sample(np.asarray(mask, np.int8))


def _described(id: str, environment: Environment) -> str:
    spec, (low, high) = environment.spec, rewards(id, environment)
    inner: Any = environment
    while getattr(inner, "inner", None) is not None:
        inner = inner.inner
    made = NATIVE[id].args[0] if id not in TEXTS else None  # pyright: ignore[reportFunctionMemberAccess]
    file = Path(inspect.getfile(type(inner)))
    if made is not None and "toy_text" in made:
        file = Path(inspect.getfile(Environment)).with_name("toy_text.py")
    source = file.resolve().relative_to(ROOT).as_posix()
    limit = "none" if spec.max_episode_steps is None else f"{spec.max_episode_steps:,} steps"
    measured = [f"`{name}`" for name, each in zoo.entries().items() if each.environment == id]
    rows = [
        ("observations", _rounded(with_bounds(spec.observation_space))),
        ("actions", _rounded(with_bounds(spec.action_space)) + ", with masks" * spec.masked),
        (
            "reward of a step",
            f"{low:.4g}" if low == high else f"from {low:.4g} to {high:.4g}".replace("inf", "∞"),
        ),
        ("time limit", limit),
        *([("measured in the [zoo](zoo.md)", ", ".join(measured))] if measured else []),
        ("source", f"[{source}](../{source})"),
    ]
    shown = [f"![{id}](native_environments/{id}.png)", ""] if (PICTURES / f"{id}.png").exists() else []
    return "\n".join(
        [
            f"## {id}",
            "",
            *shown,
            about(id, inner),
            "",
            "| | |",
            "|---|---|",
            *(f"| {a} | {b} |" for a, b in rows),
            "",
        ]
    )


def _rounded(text: str) -> str:
    return re.sub(r"\d+\.\d{4,}", lambda number: f"{float(number[0]):.4g}", text)


def about(id: str, environment: Any) -> str:
    """What it is in words."""
    if id in TEXTS:
        from operant.lazy import load

        return inspect.getdoc(load(NATIVE[id].args[0])) or ""  # pyright: ignore[reportFunctionMemberAccess]
    for beginning, words in TOY_TEXTS.items():
        if id.startswith(beginning):
            return words
    return inspect.getdoc(type(environment)) or ""


if __name__ == "__main__":
    main()
