"""A checkpoint is whole or not there, and a run can always go on from the latest whole one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.engine import checkpoint, files
from operant.engine.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint

CONFIG = {"algorithm": "ppo", "hyperparameters": {"gamma": 0.99}}


def run(value: float) -> dict:
    return {"state": {"weight": jnp.full((2, 3), value, jnp.float32)}, "key": jax.random.key(int(value))}


def value(path, like=None) -> float:
    tree, _ = load_checkpoint(path, run(0) if like is None else like)
    return float(tree["state"]["weight"][0, 0])


def names(directory) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_load_checkpoint_gives_a_checkpoint_back_with_its_manifest(tmp_path):
    path = save_checkpoint(tmp_path / "checkpoints", 100, run(7), CONFIG, keep=1)
    assert path == tmp_path / "checkpoints" / "100" == latest_checkpoint(tmp_path / "checkpoints")
    assert names(path) == ["manifest.json", "run.safetensors"]
    tree, manifest = load_checkpoint(path, run(0))
    np.testing.assert_array_equal(tree["state"]["weight"], 7)
    assert tree["key"] == jax.random.key(7)
    assert (manifest["step"], manifest["config"]) == (100, CONFIG)
    assert manifest["tensors"] == {
        "key": {"shape": [2], "dtype": "U32"},
        "state.weight": {"shape": [2, 3], "dtype": "F32"},
    }
    assert manifest["versions"]["jax"] == jax.__version__
    with pytest.raises(ValueError, match=r"state\.weight has shape \(2, 3\)"):
        load_checkpoint(path, {"state": {"weight": jnp.zeros(2)}, "key": jax.random.key(0)})


def test_save_checkpoint_keeps_the_latest_by_number_not_by_name(tmp_path):
    for step in (8, 9, 10, 11):
        save_checkpoint(tmp_path, step, run(step), CONFIG, keep=3)
    assert names(tmp_path) == ["10", "11", "9"]
    assert latest_checkpoint(tmp_path) == tmp_path / "11"
    with pytest.raises(ValueError, match="keep must be at least 1"):
        save_checkpoint(tmp_path, 12, run(12), CONFIG, keep=0)


def test_save_checkpoint_of_the_same_step_replaces_it(tmp_path):
    save_checkpoint(tmp_path, 5, run(1), CONFIG, keep=2)
    save_checkpoint(tmp_path, 5, run(2), CONFIG, keep=2)
    assert names(tmp_path) == ["5"]
    assert value(tmp_path / "5") == 2


def test_save_checkpoint_of_an_earlier_run_deletes_the_abandoned_future(tmp_path):
    for step in (10, 20):
        save_checkpoint(tmp_path, step, run(step), CONFIG, keep=1 if step == 10 else 2)
    save_checkpoint(tmp_path, 15, run(15), CONFIG, keep=2)
    assert names(tmp_path) == ["10", "15"]


def test_latest_checkpoint_is_none_where_there_is_none(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path / "missing") is None
    (tmp_path / "notes").mkdir()
    (tmp_path / "30.tmp").mkdir()
    assert latest_checkpoint(tmp_path) is None


@pytest.mark.parametrize(
    "damage", ["flipped", "cut", "no tensors", "no manifest", "manifest cut", "manifest list"]
)
def test_latest_checkpoint_passes_over_a_damaged_one_with_a_warning(tmp_path, damage):
    for step in (10, 20):
        save_checkpoint(tmp_path, step, run(step), CONFIG, keep=2)
    tensors, manifest = tmp_path / "20" / "run.safetensors", tmp_path / "20" / "manifest.json"
    content = bytearray(tensors.read_bytes())
    match damage:
        case "flipped":
            content[-1] ^= 1
            tensors.write_bytes(content)
        case "cut":
            tensors.write_bytes(content[:-4])
        case "no tensors":
            tensors.unlink()
        case "no manifest":
            manifest.unlink()
        case "manifest cut":
            manifest.write_text(manifest.read_text()[:40])
        case "manifest list":
            manifest.write_text("[]")
    with pytest.warns(UserWarning, match=r"20: the checkpoint is damaged.*Falling back"):
        assert latest_checkpoint(tmp_path) == tmp_path / "10"
    with pytest.raises(ValueError, match="is damaged"):
        load_checkpoint(tmp_path / "20", run(0))


class Killed(BaseException):
    """The process is gone: nothing may run after it that a killed process would not run."""


def killed_at(monkeypatch, count: int) -> None:
    """Raise at the `count`-th step that reaches the disk, and at all later ones."""
    seen = 0

    def dying(function):
        def call(*arguments, **keywords):
            nonlocal seen
            seen += 1
            if seen >= count:
                raise Killed
            return function(*arguments, **keywords)

        return call

    monkeypatch.setattr(files, "save_file", dying(files.save_file))
    monkeypatch.setattr(os, "fsync", dying(os.fsync))
    monkeypatch.setattr(os, "replace", dying(os.replace))
    for name in ("rename", "write_text", "mkdir", "unlink"):
        monkeypatch.setattr(Path, name, dying(getattr(Path, name)))
    monkeypatch.setattr(checkpoint.shutil, "rmtree", dying(checkpoint.shutil.rmtree))


@pytest.mark.parametrize("step", [20, 10], ids=["a later step", "the same step"])
def test_save_checkpoint_killed_at_any_moment_leaves_the_previous_or_the_new_one(tmp_path, monkeypatch, step):
    outcomes = []
    for count in range(1, 40):
        directory = tmp_path / str(count)
        save_checkpoint(directory, 10, run(1), CONFIG, keep=1)
        with monkeypatch.context() as patch:
            killed_at(patch, count)
            try:
                save_checkpoint(directory, step, run(2), CONFIG, keep=1)
                finished = True
            except Killed:
                finished = False
        latest = latest_checkpoint(directory)
        assert latest is not None, f"lost everything when killed at step {count}"
        outcomes.append(value(latest))
        if finished:
            break
        # and the run can go on from there
        save_checkpoint(directory, 30, run(3), CONFIG, keep=1)
        assert names(directory) == ["30"]
    assert finished
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {1.0, 2.0}


def test_save_checkpoint_with_a_config_that_is_not_json_leaves_the_previous_one(tmp_path):
    save_checkpoint(tmp_path, 10, run(1), CONFIG, keep=1)
    with pytest.raises(TypeError, match="JSON"):
        save_checkpoint(tmp_path, 20, run(2), {"callback": print}, keep=1)
    assert latest_checkpoint(tmp_path) == tmp_path / "10"
    save_checkpoint(tmp_path, 20, run(2), CONFIG, keep=1)
    assert names(tmp_path) == ["20"]
    assert json.loads((tmp_path / "20" / "manifest.json").read_text())["config"] == CONFIG
