"""What the tensors of a model are called in files, and how they lie there: one table for reading and for writing.

GPT-2's matrices are `[in, out]`, as here, and those of queries, keys and values are one next to the other. Llama's are
`[out, in]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from operant.fields import FileError
from operant.language.config import Transformer
from operant.language.model import LanguageModel

GPT2 = {
    "ln_1.weight": ("attention_norm.scale",),
    "ln_1.bias": ("attention_norm.shift",),
    "attn.c_attn.weight": ("attention.query.weight", "attention.key.weight", "attention.value.weight"),
    "attn.c_attn.bias": ("attention.query.bias", "attention.key.bias", "attention.value.bias"),
    "attn.c_proj.weight": ("attention.output.weight",),
    "attn.c_proj.bias": ("attention.output.bias",),
    "ln_2.weight": ("feed_forward_norm.scale",),
    "ln_2.bias": ("feed_forward_norm.shift",),
    "mlp.c_fc.weight": ("feed_forward.up.weight",),
    "mlp.c_fc.bias": ("feed_forward.up.bias",),
    "mlp.c_proj.weight": ("feed_forward.down.weight",),
    "mlp.c_proj.bias": ("feed_forward.down.bias",),
}
LLAMA = {
    "input_layernorm.weight": ("attention_norm.scale",),
    "self_attn.q_proj.weight": ("attention.query.weight",),
    "self_attn.k_proj.weight": ("attention.key.weight",),
    "self_attn.v_proj.weight": ("attention.value.weight",),
    "self_attn.o_proj.weight": ("attention.output.weight",),
    "self_attn.q_proj.bias": ("attention.query.bias",),
    "self_attn.k_proj.bias": ("attention.key.bias",),
    "self_attn.v_proj.bias": ("attention.value.bias",),
    "self_attn.o_proj.bias": ("attention.output.bias",),
    "post_attention_layernorm.weight": ("feed_forward_norm.scale",),
    "mlp.gate_proj.weight": ("feed_forward.gate.weight",),
    "mlp.up_proj.weight": ("feed_forward.up.weight",),
    "mlp.down_proj.weight": ("feed_forward.down.weight",),
    "mlp.gate_proj.bias": ("feed_forward.gate.bias",),
    "mlp.up_proj.bias": ("feed_forward.up.bias",),
    "mlp.down_proj.bias": ("feed_forward.down.bias",),
}
# Masks and angles that older files hold, which are computed here.
IGNORED = re.compile(r"(^|.*\.)(attn\.bias|attn\.masked_bias|rotary_emb\.inv_freq)$")


@dataclass(frozen=True)
class Tensor:
    """A tensor of a file: which leaves of the model it is, side by side along its last axis, or turned by a quarter."""

    name: str
    leaves: tuple[str, ...]
    transposed: bool

    def shape(self, like: dict[str, jax.ShapeDtypeStruct]) -> tuple[int, ...]:
        """Its shape in the file."""
        shapes = [like[leaf].shape for leaf in self.leaves]
        whole = (*shapes[0][:-1], sum(shape[-1] for shape in shapes))
        return whole[::-1] if self.transposed else whole


def tensors_of(config: Transformer, kind: str) -> Iterator[Tensor]:
    """Those of a file of this kind."""
    gpt2 = kind == "gpt2"
    names = {"embedding": "transformer.wte.weight", "positions": "transformer.wpe.weight"}
    names |= {"norm.scale": "transformer.ln_f.weight", "norm.shift": "transformer.ln_f.bias"}
    if not gpt2:
        names = {"embedding": "model.embed_tokens.weight", "norm.scale": "model.norm.weight"}
    for leaf, name in names.items():
        yield Tensor(name, (leaf,), False)
    if not config.tied:
        yield Tensor("lm_head.weight", ("head.weight",), True)
    like = shapes_of(config)
    for i in range(config.layers):
        for name, leaves in (GPT2 if gpt2 else LLAMA).items():
            own = tuple(f"blocks.{i}.{leaf}" for leaf in leaves)
            if own[0] in like:  # there are models without these biases
                place = f"transformer.h.{i}" if gpt2 else f"model.layers.{i}"
                yield Tensor(
                    f"{place}.{name}", own, not gpt2 and name.endswith(".weight") and "norm" not in name
                )


def shapes_of(config: Transformer) -> dict[str, jax.ShapeDtypeStruct]:
    """The leaves of a model by their paths, such as `blocks.0.attention.query.weight`."""
    return leaves_of(jax.eval_shape(lambda key: LanguageModel.build(config, key), jax.random.key(0)))


def leaves_of(model: LanguageModel) -> dict[str, Any]:
    """The same with their numbers, where the model has any."""
    found = jax.tree_util.tree_leaves_with_path(model)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in found}


def from_tensors(
    config: Transformer, kind: str, stored: dict[str, tuple[int, ...]], read: Callable[[str], np.ndarray]
) -> LanguageModel:
    """The model of a file's tensors: their shapes by name, and what gives the numbers of one.

    Raises FileError naming the tensors that are missing, unexpected or of another shape.
    """
    like, needed = shapes_of(config), list(tensors_of(config, kind))
    prefix = "transformer." if kind == "gpt2" else "model."
    bare = not any(name.startswith(prefix) for name in stored)  # as a model without a head is saved
    own = {tensor.name: tensor.name.removeprefix(prefix) if bare else tensor.name for tensor in needed}
    for tensor in needed:
        name, shape = own[tensor.name], tensor.shape(like)
        if name not in stored:
            raise FileError("it is missing from the file.", field=name)
        if stored[name] != shape:
            raise FileError(f"its shape is {stored[name]}; config.json asks for {shape}.", field=name)
    tied = {"lm_head.weight"} if config.tied else set()
    unknown = [name for name in stored if name not in {*own.values(), *tied} and not IGNORED.match(name)]
    if unknown:
        raise FileError(f"a {kind} model has no such tensor.", field=sorted(unknown)[0])
    leaves: dict[str, jax.Array] = {}
    for tensor in needed:
        array = np.asarray(read(own[tensor.name])).astype(np.float32)
        array = array.T if tensor.transposed else array
        ends = np.cumsum([like[leaf].shape[-1] for leaf in tensor.leaves])[:-1]
        for leaf, part in zip(tensor.leaves, np.split(array, ends, axis=-1), strict=True):
            leaves[leaf] = jax.numpy.array(part)
    structure = jax.tree.structure(
        jax.eval_shape(lambda key: LanguageModel.build(config, key), jax.random.key(0))
    )
    return jax.tree.unflatten(structure, [leaves[name] for name in like])


def to_tensors(model: LanguageModel, kind: str) -> dict[str, np.ndarray]:
    """The inverse of `from_tensors`."""
    leaves, found = leaves_of(model), {}
    for tensor in tensors_of(model.config, kind):
        parts = [np.asarray(leaves[leaf]) for leaf in tensor.leaves]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        found[tensor.name] = np.ascontiguousarray(whole.T if tensor.transposed else whole)
    return found
