"""GGUF files, as llama.cpp reads them: llama models, of whole numbers or quantised ones (extra `gguf`).

In these files the rows of queries and keys are in another order: the two numbers that a rotary position turns together
are next to each other, where Hugging Face's layout has them half a head apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from operant.fields import FileError, blamed
from operant.language.model import LanguageModel
from operant.language.weights import configs
from operant.language.weights.layouts import from_tensors

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
ANGLES = "rope_freqs.weight"  # of scaled rotary positions


class GGUF:
    """A file that is open: what it says of the model, and the model itself.

    Raises ImportError without the extra, FileNotFoundError, and FileError for what is not a GGUF file of a llama model.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            import gguf
        except ImportError as error:
            raise ImportError("A GGUF file needs an extra: pip install 'operant-rl[gguf]'.") from error
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        self._package = gguf
        try:
            self._reader = gguf.GGUFReader(self.path)
        except Exception as error:  # of whatever is in the file
            raise FileError(f"it is not a whole GGUF file ({error}).", path) from error
        if self.field("general.architecture") != "llama":
            raise FileError(
                f"it is {self.field('general.architecture')!r}; llama models can be read.",
                path,
                "general.architecture",
            )

    def field(self, name: str, default: Any = None) -> Any:
        """A value of its header; `default` where it has none of this name."""
        found = self._reader.fields.get(name)
        return default if found is None else found.contents()

    def config(self) -> Mapping[str, Any]:
        """The same as a `config.json` would say it."""
        tensors = {tensor.name for tensor in self._reader.tensors}
        scaling = self.field("llama.rope.scaling.type", "none")
        if scaling != "none" or ANGLES in tensors:
            raise FileError(
                "scaled rotary positions are not supported.", self.path, "llama.rope.scaling.type"
            )
        heads, width = self.field("llama.attention.head_count"), self.field("llama.embedding_length")
        head_size = self.field("llama.attention.key_length", self.field("llama.rope.dimension_count"))
        values = {
            "model_type": "llama",
            "vocab_size": self.field("llama.vocab_size", len(self.field("tokenizer.ggml.tokens", ()))),
            "hidden_size": width,
            "num_hidden_layers": self.field("llama.block_count"),
            "num_attention_heads": heads,
            "num_key_value_heads": self.field("llama.attention.head_count_kv", heads),
            "head_dim": head_size,
            "intermediate_size": self.field("llama.feed_forward_length"),
            "max_position_embeddings": self.field("llama.context_length"),
            "rms_norm_eps": self.field("llama.attention.layer_norm_rms_epsilon"),
            "rope_theta": self.field("llama.rope.freq_base", 10_000.0),
            "tie_word_embeddings": "output.weight" not in tensors,
        }
        if head_size is not None and heads and head_size * heads == width:
            del values["head_dim"]
        return values

    def model(self) -> LanguageModel:
        """With float32 weights, quantised ones as what they stand for."""
        values = self.config()
        with blamed(self.path):
            config = configs.transformer(values)
        tensors = {self._name(tensor.name): tensor for tensor in self._reader.tensors}
        shapes = {name: tuple(int(n) for n in reversed(tensor.shape)) for name, tensor in tensors.items()}

        def read(name: str) -> np.ndarray:
            tensor = tensors[name]
            whole = self._package.quants.dequantize(tensor.data, tensor.tensor_type).reshape(shapes[name])
            if "q_proj" in name or "k_proj" in name:
                return apart(whole, config.heads if "q_proj" in name else config.groups_of_keys)
            return whole

        with blamed(self.path):
            return from_tensors(config, "llama", shapes, read)

    @staticmethod
    def _name(name: str) -> str:
        """What a tensor is called in Hugging Face's layout; its own name where it is unknown."""
        if name in WHOLE:
            return WHOLE[name]
        match name.split("."):
            case ["blk", number, part, kind] if part in NAMES:
                return f"model.layers.{number}.{NAMES[part]}.{kind}"
        return name


def apart(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of queries or keys `[heads · d, …]` with the pairs of each head half a head apart, from side by side."""
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)
