"""Tensors on their way to a file and back: any safetensors reader reads them, and memory never holds them twice."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from safetensors.numpy import load_file

from operant.engine import files, tensors


def test_save_tree_writes_what_safetensors_reads_and_its_hash_is_that_of_the_file(tmp_path):
    written = {
        "flags": np.array([True, False, True]),
        "bytes": np.arange(5, dtype=np.uint8),
        "scalar": jnp.float32(3.5),
        "none": np.zeros((0, 4), np.int32),
        "half": np.arange(6, dtype=np.float16).reshape(2, 3),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "ü": np.arange(3),
    }
    digest = tensors.save_file(written, tmp_path / "x", {"note": "hello"})
    assert digest == hashlib.sha256((tmp_path / "x").read_bytes()).hexdigest()
    read = load_file(tmp_path / "x")
    assert read.keys() == written.keys()
    for name, tensor in written.items():
        np.testing.assert_array_equal(read[name], tensor)
        assert read[name].dtype == tensor.dtype


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((1000, 3), jnp.float32),  # parts of several rows, the last one shorter
        ((3, 40, 7), jnp.uint8),  # a row that is longer than a part
        ((5, 2, 2, 333), jnp.bfloat16),
        ((2000,), jnp.bool_),
    ],
)
def test_load_tree_reads_a_large_array_part_by_part(shape, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "PART", 100)
    monkeypatch.setattr(files, "SMALL", 10)
    values = jax.random.bits(jax.random.key(0), shape, jnp.uint8).astype(dtype)
    files.save_tree(tmp_path / "x", {"before": jnp.arange(77), "values": values}, {})
    like = {"before": jnp.zeros(77, jnp.int32), "values": jnp.zeros(shape, dtype)}
    read = files.load_tree(tmp_path / "x", like, in_place=True)
    np.testing.assert_array_equal(read["values"], values)
    np.testing.assert_array_equal(read["before"], np.arange(77))
    assert like["values"].is_deleted()
    assert not files.load_tree(tmp_path / "x", read)["values"].is_deleted()
    assert not read["values"].is_deleted()


def test_load_tree_refuses_what_does_not_fit_before_anything_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SMALL", 0)
    files.save_tree(tmp_path / "x", {"a": jnp.ones(9), "b": jnp.ones(9)}, {})
    like = {"a": jnp.zeros(9), "b": jnp.zeros(8)}
    with pytest.raises(files.FileError, match=r"b has shape \(9,\)"):
        files.load_tree(tmp_path / "x", like, in_place=True)
    assert not like["a"].is_deleted()


def test_save_tree_writes_an_array_over_several_devices_device_by_device(tmp_path, monkeypatch):
    devices = jax.devices()
    if len(devices) < 2:
        pytest.skip("there is one device")
    mesh = Mesh(np.array(devices[:2]), ("seeds",))
    values = jnp.arange(24.0).reshape(4, 6)
    for spec in (PartitionSpec("seeds"), PartitionSpec(None, "seeds"), PartitionSpec()):
        spread = jax.device_put(values, NamedSharding(mesh, spec))
        tensors.save_file({"a": spread}, tmp_path / "x", {})
        np.testing.assert_array_equal(load_file(tmp_path / "x")["a"], values)
    pieces = list(tensors._pieces(jax.device_put(values, NamedSharding(mesh, PartitionSpec("seeds")))))
    assert [piece.shape for piece in pieces] == [(2, 6), (2, 6)]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are Linux's")
def test_save_checkpoint_and_load_checkpoint_take_little_more_memory_than_the_run(tmp_path):
    """200 MB of replay, in a process of its own. A second copy would make it 1.8 times that; 50 MB more or less are
    Python's and XLA's own, which is why `benchmarks.checkpoint_memory` measures 4 GB (at most 1.05).
    """
    code = """
import sys
import jax, jax.numpy as jnp
from operant.engine.checkpoint import load_checkpoint, save_checkpoint
def memory(what):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(what))
def peak(function):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak so far is forgotten
    return function(), memory("VmHWM")
def run(fill):
    return {"replay": {"observation": jnp.full((2, 100_000, 200), fill, jnp.float32),
                       "reward": jnp.full((10_000_000,), fill, jnp.float32)}, "weights": jnp.full((8, 8), fill)}
path = save_checkpoint(sys.argv[1], 1, run(0.0), {}, 1)
load_checkpoint(path, run(2.0), in_place=True)  # what is compiled for it takes some megabytes, whatever the size
before = memory("VmRSS")
state = jax.block_until_ready(run(1.0))
size = sum(x.nbytes for x in jax.tree.leaves(state))
path, writing = peak(lambda: save_checkpoint(sys.argv[1], 1, state, {}, 1))
(state, _), reading = peak(lambda: load_checkpoint(path, state, in_place=True))
assert float(state["replay"]["observation"][1, -1, -1]) == 1
print((writing - before) / size, (reading - before) / size)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    writing, reading = map(float, done.stdout.split())
    assert 0.7 < writing < 1.5
    assert 0.7 < reading < 1.5
