"""Weights in folders as Hugging Face lays them out, and in GGUF: what comes back, and what is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from small_models import CONFIGS, filled, logits, model, tokens

from operant.fields import FileError
from operant.language import lora
from operant.language.config import Transformer
from operant.language.lora import LoRA
from operant.language.weights import configs, folder
from operant.language.weights.gguf_file import GGUF, apart

both = pytest.mark.parametrize("name", CONFIGS)
QWEN = replace(CONFIGS["llama"], qkv_bias=True, tied=True)


def equal(one, other):
    return all(map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(other)))


@pytest.fixture
def saved(tmp_path):
    """A folder with the small GPT-2 in it."""
    folder.save(model("gpt2"), tmp_path)
    return tmp_path


def changed(path, change):
    """Rewrite a folder's tensors."""
    tensors = load_file(path / folder.WEIGHTS)
    change(tensors)
    save_file(tensors, path / folder.WEIGHTS)


def with_config(path, **values):
    config = json.loads((path / folder.CONFIG).read_text())
    (path / folder.CONFIG).write_text(json.dumps(config | values))


@pytest.mark.parametrize("name", [*CONFIGS, "qwen2"])
def test_a_model_that_was_saved_comes_back(name, tmp_path):
    network = filled(QWEN) if name == "qwen2" else model(name)
    folder.save(network, tmp_path)
    again = folder.load(tmp_path)
    assert equal(again, network)
    assert json.loads((tmp_path / folder.CONFIG).read_text())["model_type"] == name
    assert configs.kind_of(again.config) == name


@both
def test_a_model_in_several_files_comes_back_and_the_index_names_every_tensor(name, tmp_path):
    folder.save(model(name), tmp_path, part=5_000)
    index = json.loads((tmp_path / folder.INDEX).read_text())
    assert len(set(index["weight_map"].values())) > 2
    assert not (tmp_path / folder.WEIGHTS).exists()
    assert equal(folder.load(tmp_path), model(name))
    folder.save(model(name), tmp_path)  # now in one
    assert not (tmp_path / folder.INDEX).exists()


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16])
def test_numbers_of_16_bits_become_float32(saved, dtype):
    def narrow(tensors):
        tensors.update({name: array.astype(dtype) for name, array in tensors.items()})

    changed(saved, narrow)
    again = folder.load(saved)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(again)} == {"float32"}
    expected = np.asarray(model("gpt2").embedding).astype(dtype).astype(np.float32)
    np.testing.assert_array_equal(again.embedding, expected)


def test_adapters_are_merged_when_a_model_is_saved(tmp_path):
    made = lora.add(model("gpt2"), LoRA(rank=2), jax.random.key(0))
    adapters, base = lora.split(made)
    made = lora.join(jax.tree.map(lambda x: x + 0.1, adapters), base)
    folder.save(made, tmp_path)
    start = np.zeros(3, np.int32)
    again = folder.load(tmp_path)
    np.testing.assert_allclose(logits(again, tokens(), start), logits(made, tokens(), start), atol=1e-4)


def test_names_without_their_first_part_and_buffers_of_older_files_are_read(saved):
    def bare(tensors):
        renamed = {name.removeprefix("transformer."): array for name, array in tensors.items()}
        tensors.clear()
        tensors.update(renamed | {"h.0.attn.bias": np.ones((1, 1, 4, 4), np.float32)})

    changed(saved, bare)
    assert equal(folder.load(saved), model("gpt2"))


def test_a_tensor_of_another_shape_is_named(saved):
    changed(saved, lambda tensors: tensors.update({"transformer.wpe.weight": np.zeros((15, 16), np.float32)}))
    with pytest.raises(FileError, match=r"transformer\.wpe\.weight: its shape is \(15, 16\).*\(16, 16\)"):
        folder.load(saved)


def test_a_missing_and_an_unexpected_tensor_are_named(saved):
    changed(saved, lambda tensors: tensors.update({"transformer.h.7.ln_1.weight": np.zeros(16, np.float32)}))
    with pytest.raises(FileError, match=r"transformer\.h\.7\.ln_1\.weight: a gpt2 model has no such tensor"):
        folder.load(saved)
    changed(saved, lambda tensors: tensors.pop("transformer.h.1.mlp.c_fc.weight"))
    with pytest.raises(FileError, match=r"transformer\.h\.1\.mlp\.c_fc\.weight: it is missing"):
        folder.load(saved)


def test_whole_numbers_are_no_weights(saved):
    changed(saved, lambda tensors: tensors.update({"transformer.ln_f.weight": np.ones(16, np.int32)}))
    with pytest.raises(FileError, match=r"transformer\.ln_f\.weight: it holds I32"):
        folder.load(saved)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "t5"}, "model_type: it is 't5'"),
        ({"n_layer": None}, "n_layer: it is missing"),
        ({"n_layer": "2"}, "n_layer: it is '2'"),
        ({"n_head": 3}, "heads=3"),
        ({"activation_function": "swiglu"}, "activation_function: it is 'swiglu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx: it is True"),
        ({"layer_norm_epsilon": "small"}, "config.json"),
    ],
)
def test_what_a_config_says_wrong_is_named(saved, values, message):
    with_config(saved, **values)
    with pytest.raises(FileError, match=message):
        folder.load(saved)


def test_scaled_rotary_positions_are_refused_and_new_names_of_them_are_read(tmp_path):
    folder.save(model("llama"), tmp_path)
    with_config(tmp_path, rope_theta=None, rope_parameters={"rope_type": "default", "rope_theta": 77.0})
    assert folder.load(tmp_path).config.rotary_base == 77.0
    with_config(tmp_path, rope_parameters={"rope_type": "llama3", "factor": 8.0})
    with pytest.raises(FileError, match=r"rope_parameters: scaled rotary positions \('llama3'\)"):
        folder.load(tmp_path)


def test_files_outside_the_folder_pickles_and_halves_are_not_read(saved, tmp_path):
    (saved / folder.WEIGHTS).write_bytes((saved / folder.WEIGHTS).read_bytes()[:-10])
    with pytest.raises(FileError, match="not a whole safetensors file"):
        folder.load(saved)
    (saved / folder.WEIGHTS).unlink()
    (saved / "pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(FileNotFoundError, match=r"pytorch_model\.bin.*a pickle is code"):
        folder.load(saved)
    (saved / folder.INDEX).write_text(json.dumps({"weight_map": {"a": "../other.safetensors"}}))
    with pytest.raises(FileError, match="which is no file of this folder"):
        folder.load(saved)
    with pytest.raises(FileNotFoundError, match="no folder"):
        folder.load(saved / "elsewhere")


def test_a_transformer_that_no_layout_has_is_not_saved(tmp_path):
    config = Transformer(vocab_size=5, width=4, layers=1, heads=1, context=4, norm="rms")
    with pytest.raises(ValueError, match="gpt2 has other norm; llama has other positions"):
        folder.save(filled(config), tmp_path)
    assert not list(tmp_path.iterdir())


# GGUF


def side_by_side(rows, heads):
    """What llama.cpp does to queries and keys when it converts a model: row j of one half and of the other in turn."""
    size = len(rows) // heads
    order = [
        head * size + part * (size // 2) + j
        for head in range(heads)
        for j in range(size // 2)
        for part in (0, 1)
    ]
    return rows[order]


@pytest.fixture
def gguf_file(tmp_path):
    """The small Llama as a GGUF file, written by the package itself."""
    gguf = pytest.importorskip("gguf")
    network, config = model("llama"), CONFIGS["llama"]
    folder.save(network, tmp_path)
    tensors = load_file(tmp_path / folder.WEIGHTS)
    path = tmp_path / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.layers)
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.width)
    writer.add_feed_forward_length(config.units)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.groups_of_keys)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_rope_freq_base(config.rotary_base)
    writer.add_vocab_size(config.vocab_size)
    back = {
        value: key
        for key, value in (("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm"))
    }
    back |= {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v"}
    back |= {"self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up"}
    back |= {"mlp.down_proj": "ffn_down"}
    for name, array in tensors.items():
        if name.startswith("model.layers."):
            _, _, number, *part, kind = name.split(".")
            if part[-1] in ("q_proj", "k_proj"):
                array = side_by_side(array, config.heads if part[-1] == "q_proj" else config.groups_of_keys)
            name = f"blk.{number}.{back['.'.join(part)]}.{kind}"
        else:
            name = {
                "model.embed_tokens.weight": "token_embd.weight",
                "model.norm.weight": "output_norm.weight",
                "lm_head.weight": "output.weight",
            }[name]
        writer.add_tensor(name, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_file_gives_the_model_that_it_was_made_of(gguf_file):
    again = GGUF(gguf_file).model()
    assert again.config == replace(CONFIGS["llama"], norm_eps=again.config.norm_eps)
    assert again.config.norm_eps == pytest.approx(CONFIGS["llama"].norm_eps)
    assert equal(again, model("llama"))


def test_rows_that_were_side_by_side_come_apart():
    rows = np.arange(12)[:, None] * np.ones((1, 2))
    np.testing.assert_array_equal(apart(side_by_side(rows, 2), 2), rows)


def test_what_is_no_gguf_file_is_refused(tmp_path):
    pytest.importorskip("gguf")
    (tmp_path / "model.gguf").write_bytes(b"GGUX" + b"\0" * 100)
    with pytest.raises(FileError, match="not a whole GGUF file"):
        GGUF(tmp_path / "model.gguf")
    with pytest.raises(FileNotFoundError, match=r"other\.gguf"):
        GGUF(tmp_path / "other.gguf")
