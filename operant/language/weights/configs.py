"""`config.json` as Hugging Face writes it, and the `Transformer` that it describes.

A value that would make another function than this library computes is refused by its name; what changes nothing about
the function (such as how it was trained) is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from operant.fields import FileError
from operant.language.config import Activation, Transformer

ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "silu": "silu",
    "swish": "silu",
    "relu": "relu",
}
KINDS = ("gpt2", "llama", "mistral", "qwen2")
# Values that would change the function, with those under which they do not.
USUAL: dict[str, tuple[Any, ...]] = {
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "sliding_window": (None,),  # of mistral; qwen2 asks for it by use_sliding_window
    "use_sliding_window": (False,),
    "pretraining_tp": (1,),
}


def transformer(values: Mapping[str, Any]) -> Transformer:
    """What a `config.json` describes. Raises FileError naming the field for what is missing, or is not supported."""
    kind = values.get("model_type")
    if kind not in KINDS:
        raise FileError(f"it is {kind!r}; these can be read: {', '.join(KINDS)}.", field="model_type")
    for name, usual in USUAL.items():
        if name == "sliding_window" and kind == "qwen2":
            continue
        if name in values and values[name] not in usual:
            raise FileError(
                f"it is {values[name]!r}, which changes what is computed; only {usual[0]} is supported.",
                field=name,
            )
    try:
        return _gpt2(values) if kind == "gpt2" else _llama(values, kind)
    except FileError:
        raise
    except (TypeError, ValueError) as error:
        raise FileError(str(error)) from error


def _gpt2(values: Mapping[str, Any]) -> Transformer:
    return Transformer(
        vocab_size=_number(values, "vocab_size"),
        width=_number(values, "n_embd"),
        layers=_number(values, "n_layer"),
        heads=_number(values, "n_head"),
        hidden_size=values.get("n_inner"),
        context=_number(values, "n_positions"),
        norm_eps=values.get("layer_norm_epsilon", 1e-5),
        activation=_activation(values, "activation_function", "gelu_new"),
        tied=values.get("tie_word_embeddings", True),
        dropout=values.get("resid_pdrop", 0.1),
    )


def _llama(values: Mapping[str, Any], kind: str) -> Transformer:
    biased = values.get("attention_bias", False)
    return Transformer.llama(
        vocab_size=_number(values, "vocab_size"),
        width=_number(values, "hidden_size"),
        layers=_number(values, "num_hidden_layers"),
        heads=_number(values, "num_attention_heads"),
        kv_heads=values.get("num_key_value_heads"),
        head_size=values.get("head_dim"),
        hidden_size=_number(values, "intermediate_size"),
        context=_number(values, "max_position_embeddings"),
        rotary_base=_rotary_base(values),
        norm_eps=values.get("rms_norm_eps", 1e-6),
        activation=_activation(values, "hidden_act", "silu"),
        qkv_bias=True if kind == "qwen2" else biased,
        output_bias=False if kind == "qwen2" else biased,
        mlp_bias=values.get("mlp_bias", False),
        tied=values.get("tie_word_embeddings", False),
    )


def _rotary_base(values: Mapping[str, Any]) -> float:
    """θ, which transformers 5 writes in `rope_parameters`. Scaled positions are another function."""
    scaling, found = values.get("rope_parameters") or {}, values.get("rope_scaling") or {}
    for name, given in (("rope_parameters", scaling), ("rope_scaling", found)):
        if not isinstance(given, Mapping):
            raise FileError(f"it is {given!r}, not a table.", field=name)
        kind = given.get("rope_type", given.get("type", "default"))
        if kind != "default":
            raise FileError(f"scaled rotary positions ({kind!r}) are not supported.", field=name)
    base = scaling.get("rope_theta", values.get("rope_theta", 10_000.0))
    if not isinstance(base, int | float):
        raise FileError(f"it is {base!r}, not a number.", field="rope_theta")
    return float(base)


def _number(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise FileError(
            "it is missing." if value is None else f"it is {value!r}, not a whole number.", field=name
        )
    return value


def _activation(values: Mapping[str, Any], name: str, usual: str) -> Activation:
    found = values.get(name, usual)
    if found not in ACTIVATIONS:
        raise FileError(f"it is {found!r}; known: {', '.join(ACTIVATIONS)}.", field=name)
    return ACTIVATIONS[found]


def kind_of(config: Transformer) -> str:
    """Of which kind a transformer is in files: gpt2, llama or qwen2.

    Raises ValueError naming the values that no kind has.
    """
    different = []
    for kind in ("gpt2", "llama", "qwen2"):
        again = transformer(to_json(config, kind))
        again = replace(again, gradient_checkpointing=config.gradient_checkpointing)
        again = replace(again, dropout=config.dropout) if kind != "gpt2" else again
        found = [name for name, value in _meaning(again).items() if _meaning(config)[name] != value]
        if not found:
            return kind
        different.append(f"{kind} has other {', '.join(found)}")
    raise ValueError(f"No layout of files has all values of this transformer: {'; '.join(different)}.")


def _meaning(config: Transformer) -> dict[str, Any]:
    """Its values, with sizes in place of what stands for them, and without those that nothing uses."""
    sizes = {"kv_heads": config.groups_of_keys, "head_size": config.size_of_head, "hidden_size": config.units}
    rotary = {} if config.positions == "rotary" else {"rotary_base": None}
    return config.to_json() | sizes | rotary


def to_json(config: Transformer, kind: str) -> dict[str, Any]:
    """A `config.json` of this kind with a transformer's values, as far as the kind has them."""
    activation = next(name for name, own in ACTIVATIONS.items() if own == config.activation)
    if kind == "gpt2":
        return {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": config.vocab_size,
            "n_embd": config.width,
            "n_layer": config.layers,
            "n_head": config.heads,
            "n_inner": config.hidden_size,
            "n_positions": config.context,
            "layer_norm_epsilon": config.norm_eps,
            "activation_function": activation,
            "tie_word_embeddings": config.tied,
            "attn_pdrop": config.dropout,
            "embd_pdrop": config.dropout,
            "resid_pdrop": config.dropout,
            "bos_token_id": None,
            "eos_token_id": None,
        }
    own = {"attention_bias": config.output_bias, "mlp_bias": config.mlp_bias} if kind == "llama" else {}
    return own | {
        "architectures": ["LlamaForCausalLM" if kind == "llama" else "Qwen2ForCausalLM"],
        "model_type": kind,
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.groups_of_keys,
        "head_dim": config.size_of_head,
        "intermediate_size": config.units,
        "max_position_embeddings": config.context,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rotary_base,
        "hidden_act": activation,
        "tie_word_embeddings": config.tied,
        "bos_token_id": None,
        "eos_token_id": None,
    }
