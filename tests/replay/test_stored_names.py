"""The arrays of a replay in checkpoints: those of earlier versions, which had other names, are read still."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file
from tape import N, carries, tape

from operant.engine import files
from operant.plans import Replay
from operant.replay import ring


def test_load_tree_reads_a_replay_with_the_names_of_before(tmp_path):
    """`size`, `carry` and `frame_index` were called `filled`, `memory` and `places`."""
    step = jax.tree.map(lambda x: x[0], tape(1))
    shown = np.zeros((N, 2, 2), np.uint8)
    plan = Replay(12 * N, batch_size=2, priority=True, sequence=3)
    replay = ring.init(plan, replace(step, observation=shown, next_observation=shown), carries(1)[0], 2)
    replay = jax.tree.map(lambda x: x + np.ones((), x.dtype), replay)
    arrays = dict(zip(files.leaf_names({"replay": replay}), jax.tree.leaves(replay), strict=True))
    for name, old in {"size": "filled", "carry": "memory", "frames.frame_index": "frames.places"}.items():
        arrays[f"replay.{old}"] = arrays.pop(f"replay.{name}")
    save_file({name: np.asarray(array) for name, array in arrays.items()}, tmp_path / "old.safetensors")
    like = {"replay": jax.tree.map(jnp.zeros_like, replay)}
    loaded = files.load_tree(tmp_path / "old.safetensors", like)["replay"]
    jax.tree.map(np.testing.assert_array_equal, loaded, replay)
