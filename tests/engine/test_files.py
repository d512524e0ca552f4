"""Trees survive the way to a file and back to the last bit, and everything else is refused by name."""

from __future__ import annotations

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from operant.engine import files
from operant.fields import FileError


class Layer(eqx.Module):
    weight: jax.Array
    bias: jax.Array | None
    name: str = eqx.field(static=True, default="layer")


class State(eqx.Module):
    layers: tuple[Layer, ...]
    rate: float
    key: jax.Array
    extras: dict


def state() -> State:
    extras = {
        "bool": jnp.array([True, False]),
        "uint8": jnp.arange(6, dtype=jnp.uint8).reshape(2, 3),
        "int32": jnp.array(-(2**31), jnp.int32),
        "bfloat16": jnp.array([1.0, -0.1, 3e38], jnp.bfloat16),
        "float16": jnp.array([1e-7], jnp.float16),
        "float32": jnp.array([jnp.nan, jnp.inf, -0.0, 1e-45], jnp.float32),
        "empty": jnp.zeros((0, 3)),
        "host": np.arange(3, dtype=np.float64) / 3,
        "count": 2**40,
        "flag": True,
    }
    layers = (Layer(jnp.arange(6.0).reshape(2, 3).T, None), Layer(jnp.ones((1, 1)), jnp.zeros(1)))
    return State(layers, 0.1, jax.random.split(jax.random.key(3)), extras)


def bits(leaf):
    leaf = jax.random.key_data(leaf) if files.is_key(leaf) else leaf
    return np.asarray(leaf).dtype, np.asarray(leaf).tobytes(), np.shape(leaf)


def abstract(tree):
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype) if isinstance(x, jax.Array) else x, tree
    )


@pytest.mark.parametrize("like", [lambda tree: tree, abstract], ids=["arrays", "structs"])
def test_save_tree_and_load_tree_give_a_tree_back_to_the_last_bit(tmp_path, like):
    saved = state()
    files.save_tree(tmp_path / "run.safetensors", saved, {"algorithm": "ppo", "sizes": [64, 64]})
    loaded = files.load_tree(tmp_path / "run.safetensors", like(saved))
    assert jax.tree.structure(loaded) == jax.tree.structure(saved)
    for name, before, after in zip(
        files.leaf_names(saved), jax.tree.leaves(saved), jax.tree.leaves(loaded), strict=True
    ):
        assert type(after) is type(before), name
        assert bits(after) == bits(before), name
    assert jax.random.uniform(loaded.key[0]) == jax.random.uniform(saved.key[0])
    assert files.read_metadata(tmp_path / "run.safetensors") == {"algorithm": "ppo", "sizes": [64, 64]}
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def test_save_tree_keeps_the_generator_of_a_key(tmp_path):
    path = tmp_path / "key.safetensors"
    key = jax.random.key(0, impl="rbg")
    files.save_tree(path, {"key": key}, {})
    assert files.load_tree(path, {"key": key})["key"].dtype == key.dtype
    with pytest.raises(ValueError, match=r"key has dtype key<rbg> in the file where key<fry> is expected"):
        files.load_tree(path, {"key": jax.random.key(0)})
    with pytest.raises(ValueError, match=r"key has dtype key<rbg> in the file where uint32 is expected"):
        files.load_tree(path, {"key": jnp.uint32(0)})


def test_load_tree_reads_the_names_of_operant_0_1(tmp_path, monkeypatch):
    monkeypatch.setattr(files.formats, "RENAMED", {"rates": "speeds", "layers": "rows"})
    key = jax.random.key(3)
    files.save_tree(tmp_path / "old.safetensors", {"rows": (1.0, key), "speeds": jnp.arange(3)}, {})
    rates, layers = jnp.zeros(3, jnp.int32), (0.0, jax.random.key(0))
    loaded = files.load_tree(tmp_path / "old.safetensors", {"rates": rates, "layers": layers})
    np.testing.assert_array_equal(loaded["rates"], np.arange(3))
    assert (loaded["layers"][0], bits(loaded["layers"][1])) == (1.0, bits(key))
    with pytest.raises(FileError, match=r"speeds of the file is unexpected.*sizes is missing"):
        files.load_tree(tmp_path / "old.safetensors", {"sizes": rates, "layers": layers})


def test_leaf_names_are_readable_and_unique(tmp_path):
    assert files.leaf_names(state())[:4] == ["layers.0.weight", "layers.1.weight", "layers.1.bias", "rate"]
    ambiguous = {"a.b": jnp.zeros(1), "a": {"b": jnp.ones(2)}}
    files.save_tree(tmp_path / "x", ambiguous, {})
    assert files.load_tree(tmp_path / "x", ambiguous)["a"]["b"].shape == (2,)
    files.save_tree(tmp_path / "x", jnp.ones(2), {})
    assert list(load_file(tmp_path / "x")) == ["value"]


def test_load_tree_takes_a_number_for_a_scalar_array(tmp_path):
    path = tmp_path / "x"
    files.save_tree(path, {"rate": 0.5, "n": 3}, {})
    loaded = files.load_tree(path, {"rate": jnp.float32(0), "n": jnp.int32(0)})
    assert (loaded["rate"].dtype, loaded["n"].dtype) == (jnp.float32, jnp.int32)
    assert (float(loaded["rate"]), int(loaded["n"])) == (0.5, 3)
    files.save_tree(path, {"rate": jnp.float32(0.5)}, {})
    assert files.load_tree(path, {"rate": 0.0}) == {"rate": 0.5}
    with pytest.raises(ValueError, match="rate has dtype float32"):
        files.load_tree(path, {"rate": 1})


def test_load_tree_names_what_does_not_fit_with_both_shapes(tmp_path):
    path = tmp_path / "x.safetensors"
    files.save_tree(path, {"a": jnp.zeros((4, 64)), "b": jnp.zeros(2), "old": jnp.zeros(1)}, {})
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the message is looked at below)
        files.load_tree(path, {"a": jnp.zeros((3, 64)), "b": jnp.zeros(2, jnp.int32), "new": jnp.zeros(1)})
    message = str(error.value)
    assert "a has shape (4, 64) in the file where (3, 64) is expected" in message
    assert "b has dtype float32 in the file where int32 is expected" in message
    assert "new is missing from the file" in message
    assert "old of the file is unexpected" in message
    assert str(path) in message


def test_load_tree_says_of_a_damaged_or_foreign_file_that_it_is_one(tmp_path):
    path = tmp_path / "x.safetensors"
    files.save_tree(path, {"a": jnp.zeros(100)}, {})
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:20], b"", b"not a model" * 100):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"not a whole safetensors file"):
            files.load_tree(path, {"a": jnp.zeros(100)})
        with pytest.raises(ValueError, match=r"not a whole safetensors file"):
            files.read_metadata(path)
    with pytest.raises(ValueError, match=r"not a whole safetensors file"):
        files.read_metadata(tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        files.load_tree(tmp_path / "none", {})


def test_save_tree_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    files.save_tree(path, {"a": jnp.zeros(2)}, {})
    with pytest.raises(TypeError, match=r"Cannot save b: .*object"):
        files.save_tree(path, {"b": object()}, {})
    with pytest.raises(TypeError, match="JSON"):
        files.save_tree(path, {"a": jnp.ones(2)}, {"function": print})

    def full_disk(tensors, filename, header):
        filename.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(files, "save_file", full_disk)
    with pytest.raises(OSError, match="No space"):
        files.save_tree(path, {"a": jnp.ones(2)}, {})
    assert not files.load_tree(path, {"a": jnp.zeros(2)})["a"].any()
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_save_tree_writes_what_any_safetensors_reader_can_read(tmp_path):
    files.save_tree(tmp_path / "x", {"w": jnp.arange(3.0)}, {"note": "hello"})
    np.testing.assert_array_equal(load_file(tmp_path / "x")["w"], [0, 1, 2])
    assert files.read_shapes(tmp_path / "x") == {"w": {"shape": [3], "dtype": "F32"}}
    length = int.from_bytes((tmp_path / "x").read_bytes()[:8], "little")
    header = json.loads((tmp_path / "x").read_bytes()[8 : 8 + length])
    assert json.loads(header["__metadata__"]["metadata"]) == {"note": "hello"}


def test_load_tree_offers_a_name_without_its_ending_with_it(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(
        FileNotFoundError, match=r"There is no file .*model\. Did you mean .*model\.safetensors\?"
    ):
        files.read_metadata(tmp_path / "model")


def test_save_tree_has_its_header_in_order_so_that_the_same_tree_has_the_same_bytes(tmp_path):
    path = tmp_path / "tree.safetensors"
    for _ in range(5):  # safetensors writes it in another order every time
        files.save_tree(path, state(), {"b": 1, "a": 2})
        content = path.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        assert list(header) == sorted(header)
        assert list(header["__metadata__"]) == sorted(header["__metadata__"])
