"""The page of native environments: it is as it would be written, and says what environments do."""

from __future__ import annotations

import re
import struct
import zlib

import numpy as np
import pytest

from operant.envs.gridworld import AGENT, GridWorld
from operant.envs.gymnasium import make_single
from operant.envs.registry import TEXTS, native
from tools import environments

IDS = list(environments.ids())
PLAYED = [id for id in IDS if id not in TEXTS]


def test_the_page_is_what_would_be_written():
    assert environments.PAGE.read_text(encoding="utf-8") == environments.text(), (
        "run `python -m tools.environments` and commit the files"
    )


def test_every_environment_has_its_section_with_a_picture():
    page = environments.PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == IDS
    for id in PLAYED:
        assert f"![{id}](native_environments/{id}.png)" in page
        content = (environments.PICTURES / f"{id}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 60_000
    assert len(list(environments.PICTURES.iterdir())) == len(PLAYED)


@pytest.mark.parametrize("id", PLAYED)
def test_rewards_are_within_what_the_page_says(id):
    low, high = environments.rewards(id, native(id))
    env = make_single(id)
    env.action_space.seed(1)
    _, info = env.reset(seed=1)
    seen = []
    for _ in range(60):
        mask = info.get("action_mask")
        action = env.action_space.sample(None if mask is None else np.asarray(mask, np.int8))
        _, reward, terminated, truncated, info = env.step(action)
        seen.append(reward)
        if terminated or truncated:
            _, info = env.reset()
    assert min(seen) >= low - 1e-4
    assert max(seen) <= high + 1e-4


@pytest.mark.parametrize(
    ("id", "bounds"),
    [
        ("GridWorld", (-10, 100)),
        ("FrozenLake-v1", (0, 1)),
        ("CliffWalking-v1", (-100, -1)),
        ("Taxi-v4", (-10, 20)),
    ],
)
def test_rewards_of_tables_are_those_of_outcomes_that_happen(id, bounds):
    assert environments.rewards(id, native(id)) == bounds


def test_png_holds_the_pixels():
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    content = environments.png(pixels)
    assert struct.unpack(">II", content[16:24]) == (3, 2)
    data = content[content.index(b"IDAT") + 4 : content.index(b"IEND") - 8]
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(2, 10)
    assert (rows[:, 0] == 0).all()
    assert (rows[:, 1:].reshape(2, 3, 3) == pixels).all()


def test_a_gridworld_shows_its_map_and_where_the_agent_is():
    grid = GridWorld(["S.", "#G", ".."])
    size = 64
    for state in range(6):
        pixels = np.asarray(grid.picture(np.int32(state)))
        assert pixels.shape == (3 * size, 2 * size, 3)
        agent = (pixels == AGENT).all(-1)
        rows, columns = np.nonzero(agent)
        assert agent[size * (state // 2) + size // 2, size * (state % 2) + size // 2]
        assert set(rows // size) == {state // 2}
        assert set(columns // size) == {state % 2}
    corner = 5  # pixels from the corner of a cell, where no agent is
    assert tuple(pixels[size + corner, size + corner]) == (0, 158, 115)
    assert tuple(pixels[size + corner, corner]) == (107, 114, 128)
