"""R3: a checkpoint that is damaged is passed over by name, or refused by name: a run never begins anew in silence.

What is done to the newest checkpoint derives from the case's number; in every fifth case both are damaged.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest

from operant.agent import Agent
from operant.engine.checkpoint import load_checkpoint
from tests.reliability import small_runs
from tests.reliability.rows import Row

ROW = Row(
    "R3",
    "damaged checkpoints: flipped, cut, missing, exchanged, links, folders in a file's place",
    passes="falls back by name or refuses by name; never a silent restart",
    full=100,
    fast=(0, 4, 7, 11, 18),
)
KIND = "table"
Damage = Callable[[Path, random.Random], None]  # of a checkpoint's directory


def case(index: int, directory: Path) -> None:
    choose = random.Random(index)
    run = shutil.copytree(small_runs.whole(KIND)[1], directory / "run")
    before = small_runs.TOTAL - small_runs.EVERY
    older, newest = (run / "checkpoints" / str(step) for step in (before, small_runs.TOTAL))
    DAMAGES[index % len(DAMAGES)](newest, choose)
    if index % 5 == 4:
        DAMAGES[choose.randrange(len(DAMAGES))](older, choose)
        refused_by_name(run, newest)
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        agent = Agent.restore(run)
    named = [str(one.message) for one in said if str(newest) in str(one.message)]
    assert any("damaged" in message for message in named) or not newest.exists(), f"not named: {named}"
    assert agent.step == before
    assert agent.learner.run is not None
    kept, _ = load_checkpoint(older, agent.learner.run)
    for one, other in zip(jax.tree.leaves(agent.learner.run.state), jax.tree.leaves(kept.state), strict=True):
        np.testing.assert_array_equal(one, other)
    if index % 5 == 0:  # and on to the end, over what is damaged
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            resumed = agent.finish(run, progress_bar=False)
        small_runs.require_as_if_nothing_had_happened(KIND, resumed, run)


def refused_by_name(run: Path, newest: Path) -> None:
    """Raise AssertionError unless nothing can be gone on from, and this is said; nothing of the run is changed."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(FileNotFoundError, match=re.escape(str(run))):
            Agent.resume(run, progress_bar=False)
    assert any(str(newest) in str(one.message) for one in said) or not newest.exists()
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def _flipped(name: str) -> Damage:
    def damage(checkpoint: Path, choose: random.Random) -> None:
        content = bytearray((checkpoint / name).read_bytes())
        content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
        (checkpoint / name).write_bytes(content)

    return damage


def _cut(name: str) -> Damage:
    def damage(checkpoint: Path, choose: random.Random) -> None:
        content = (checkpoint / name).read_bytes()
        (checkpoint / name).write_bytes(content[: choose.randrange(len(content) - 1)])

    return damage


def _holding(name: str, *contents: bytes) -> Damage:
    def damage(checkpoint: Path, choose: random.Random) -> None:
        (checkpoint / name).write_bytes(choose.choice(contents))

    return damage


def _missing(name: str) -> Damage:
    return lambda checkpoint, choose: (checkpoint / name).unlink()


def _a_folder(name: str) -> Damage:
    def damage(checkpoint: Path, choose: random.Random) -> None:
        (checkpoint / name).unlink()
        (checkpoint / name).mkdir()

    return damage


def _saying(field: str, *values: object) -> Damage:
    """The manifest says something else; what is left out altogether is `None`."""

    def damage(checkpoint: Path, choose: random.Random) -> None:
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        manifest[field] = choose.choice(values)
        (checkpoint / "manifest.json").write_text(json.dumps(manifest))

    return damage


def _exchanged(checkpoint: Path, choose: random.Random) -> None:
    """The tensors of another step, whole as they are."""
    content = [(other / "run.safetensors").read_bytes() for other in _others(checkpoint)]
    (checkpoint / "run.safetensors").write_bytes(content[0] if content else b"")


def _other_step(checkpoint: Path, choose: random.Random) -> None:
    """The whole directory of another step, by this name."""
    shutil.rmtree(checkpoint)
    for other in _others(checkpoint):
        shutil.copytree(other, checkpoint)


def _others(checkpoint: Path) -> list[Path]:
    return [
        path.parent
        for path in checkpoint.parent.glob("*/run.safetensors")
        if path.is_file() and path.parent != checkpoint
    ]


def _grown(checkpoint: Path, choose: random.Random) -> None:
    with (checkpoint / "run.safetensors").open("ab") as file:
        file.write(choose.randbytes(choose.randint(1, 100)))


def _emptied(checkpoint: Path, choose: random.Random) -> None:
    shutil.rmtree(checkpoint)
    checkpoint.mkdir()


def _a_file(checkpoint: Path, choose: random.Random) -> None:
    shutil.rmtree(checkpoint)
    checkpoint.write_bytes(b"")


def _a_link_to_nothing(checkpoint: Path, choose: random.Random) -> None:
    shutil.rmtree(checkpoint)
    checkpoint.symlink_to(checkpoint.parent / "nowhere")


def _gone(checkpoint: Path, choose: random.Random) -> None:
    shutil.rmtree(checkpoint)


DAMAGES: tuple[Damage, ...] = (
    _flipped("run.safetensors"),
    _cut("run.safetensors"),
    _cut("manifest.json"),
    _missing("run.safetensors"),
    _missing("manifest.json"),
    _holding("run.safetensors", b"", b"\0" * 500, b"PK\x03\x04", b"\x80\x04."),
    _holding("manifest.json", b"", b"[]", b"null", b"\xff\xfe", b"[" * 200_000, b'{"step": 1}', b"{}"),
    _a_folder("run.safetensors"),
    _a_folder("manifest.json"),
    _saying("sha256", None, "", 5, "0" * 64),
    _saying("step", None, 0, -1, "768", 767.5, [768], True),
    _exchanged,
    _other_step,
    _grown,
    _emptied,
    _a_file,
    _a_link_to_nothing,
    _gone,
    _flipped("run.safetensors"),
)
