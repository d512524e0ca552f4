"""The Python in the docs runs as it stands, but for the number of steps and episodes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if "```python\n" in path.read_text())
STEPS = 1_000  # of which algorithms take whole rollouts


def blocks(page: Path) -> list[str]:
    """The page's blocks of Python, in order, with no more steps and episodes than a test has time for."""
    found = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [shortened(block) for block in found]


LONG = (
    "atari",
    "stable_baselines3_guide",
    "in_practice",
    "pictures",
    "ray",
    "sweeps",
)  # they train many times

EXTRAS = {"ray": "ray"}  # packages without which a page does not run


def shortened(code: str) -> str:
    code = re.sub(r"\b\d{1,3}(_\d{3})+\b", lambda n: str(min(int(n[0].replace("_", "")), STEPS)), code)
    return re.sub(r"\bevaluate\((episodes=)?\d+", lambda call: f"evaluate({call[1] or ''}2", code)


@pytest.mark.filterwarnings("ignore:total_timesteps=")  # whole rollouts are taken
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow) if page.stem in LONG else page for page in PAGES],
    ids=lambda page: page.stem,
)
def test_every_block_of_a_page_runs(page, tmp_path, monkeypatch, capfd):
    if page.stem in EXTRAS:
        pytest.importorskip(EXTRAS[page.stem])
    monkeypatch.chdir(tmp_path)
    space: dict = {"__name__": page.stem}
    exec("import numpy as np\nimport gymnasium as gym\nimport operant", space)
    for number, block in enumerate(blocks(page), 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), space)


def test_numbers_are_shortened():
    assert shortened("learn(1_000_000); evaluate(episodes=100); x = 20; learn(500)") == (
        f"learn({STEPS}); evaluate(episodes=2); x = 20; learn(500)"
    )
