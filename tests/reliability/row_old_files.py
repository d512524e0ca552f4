"""Files of every earlier version: runs that earlier commits of operant wrote, kept as they were.

`old_runs/<n>-<commit>` is PPO on CartPole-v1 after 32 steps, with what its policy did then; `../algorithms/old_files`
holds two models of before actions were scaled.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import operant
from tests.reliability.rows import Row

HERE = Path(__file__).parent
RUNS = sorted((HERE / "old_runs").iterdir())
MODELS = HERE.parent / "algorithms" / "old_files"
REFUSED = RUNS[:1]  # whose networks had other layers
CASES = [*((run, read) for run in RUNS for read in ("load", "restore")), (MODELS, "ppo"), (MODELS, "ars")]
ROW = Row(
    "R15",
    "files of every earlier format version: models, runs and checkpoints that earlier commits wrote",
    passes="they load, act as they did and hold what they held, or are refused by a line that names the version",
    full=len(CASES),
    fast=tuple(range(len(CASES))),
)


def case(index: int, directory: Path) -> None:
    kept, read = CASES[index]
    if kept is MODELS:
        expected = json.loads((MODELS / "actions.json").read_text())
        agent = operant.load(MODELS / f"{read}.safetensors")
        actions = [agent.predict(np.asarray(seen, np.float32)) for seen in expected["observations"]]
        np.testing.assert_allclose(actions, expected["actions"][read], rtol=1e-5)
        return
    run = shutil.copytree(kept, directory / "run")
    reader: Any = operant.load if read == "load" else operant.Agent.restore
    if kept in REFUSED:
        with pytest.raises(
            operant.FileError, match=r"holds something else .* with that version: operant 0\.1\.0"
        ):
            reader(run)
        return
    expected, agent = json.loads((run / "expected.json").read_text()), reader(run)
    assert [int(agent.predict(np.float32(seen))) for seen in expected["observations"]] == expected["actions"]
    numbers = [
        np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(agent.state) if leaf.dtype.kind == "f"
    ]
    assert sum(float(np.abs(leaf).sum()) for leaf in numbers) == expected["sum"]
    if read == "restore":
        assert agent.step == 32
        assert agent.finish(run, progress_bar=False).step == 32
