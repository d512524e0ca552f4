"""What a language model is made of, as a value: GPT-2 and Llama are two settings of one decoder-only transformer.

| | GPT-2 (Radford et al. 2019) | Llama (Touvron et al. 2023, arXiv:2302.13971) |
|---|---|---|
| positions | learned: a vector for each is added to the token's | rotary (Su et al. 2021, arXiv:2104.09864) |
| norm | layer (Ba et al. 2016) | rms (Zhang & Sennrich 2019, arXiv:1910.07467) |
| feed-forward layer | W₂ gelu(W₁ x) | W₂ (silu(W₁ x) ⊙ W₃ x) (Shazeer 2020, arXiv:2002.05202) |
| heads of keys | one a head of queries | often fewer (Ainslie et al. 2023, arXiv:2305.13245) |
| biases | everywhere | nowhere |
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import jax

from operant.networks.config import OwnPolicy
from operant.types import EnvSpec

Positions = Literal["learned", "rotary"]
NormKind = Literal["layer", "rms"]
Activation = Literal["gelu_tanh", "gelu", "silu", "relu"]
MOST_LAYERS = 1000


@jax.tree_util.register_static
@dataclass(frozen=True)
class Transformer(OwnPolicy):
    """The sizes and kinds of a decoder-only transformer. Hashable, and a pytree without leaves.

    As the `network` of an algorithm it is a policy over tokens, in a text environment.

    The defaults are a GPT-2 of 0.8 million parameters over bytes, which two cores train in minutes.
    """

    vocab_size: int = 259
    """Tokens that there are: by default the 256 bytes and three special ones."""
    width: int = 128
    """Numbers that each token is, between the layers."""
    layers: int = 4
    """Blocks of attention and feed-forward layer."""
    heads: int = 4
    """Heads of attention."""
    kv_heads: int | None = None
    """Heads of keys and values, a divisor of heads; none: as many as there are heads."""
    head_size: int | None = None
    """Numbers in a head; none: width ÷ heads."""
    hidden_size: int | None = None
    """Units of a feed-forward layer; none: 4 × width."""
    context: int = 256
    """Tokens that it can look back on, its own included."""
    positions: Positions = "learned"
    """How it knows the order of tokens: learned or rotary."""
    rotary_base: float = 10_000.0
    """θ of rotary positions: the slowest angle turns once in about 2πθ tokens."""
    norm: NormKind = "layer"
    """Before each layer, and at the end: layer or rms."""
    norm_eps: float = 1e-5
    """What keeps it from dividing by 0."""
    activation: Activation = "gelu_tanh"
    """In feed-forward layers: gelu_tanh (the approximation by a hyperbolic tangent), gelu, silu or relu."""
    gated: bool = False
    """Whether a third matrix's output gates that of the activation."""
    qkv_bias: bool = True
    """Biases of queries, keys and values."""
    output_bias: bool = True
    """A bias of attention's output."""
    mlp_bias: bool = True
    """Biases of feed-forward layers."""
    tied: bool = True
    """Whether the embedding of tokens is what their logits are computed by, too."""
    dropout: float = 0.0
    """Fraction of numbers dropped after the embedding, in attention, and after each layer while learning from a
    dataset; reinforcement learning drops nothing, since a policy would not be the one that acted."""
    gradient_checkpointing: bool = False
    """Keep a block's input alone for the gradient and compute the rest again: a third more work, a tenth of the
    memory."""

    def __post_init__(self) -> None:
        for name, kinds in (("positions", Positions), ("norm", NormKind), ("activation", Activation)):
            if getattr(self, name) not in get_args(kinds):
                raise self._wrong(name, f"one of {', '.join(get_args(kinds))}")
        for name in (
            "vocab_size",
            "width",
            "layers",
            "heads",
            "kv_heads",
            "head_size",
            "hidden_size",
            "context",
        ):
            size = getattr(self, name)
            optional = size is None and name in ("kv_heads", "head_size", "hidden_size")
            if not optional and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
                raise self._wrong(name, "a whole number of at least 1")
        if self.layers > MOST_LAYERS:
            raise self._wrong("layers", f"at most {MOST_LAYERS}")
        if not 0 <= self.dropout < 1:
            raise self._wrong("dropout", "a fraction: at least 0 and less than 1")
        for name in ("norm_eps", "rotary_base"):
            if not getattr(self, name) > 0:
                raise self._wrong(name, "above 0")
        if self.head_size is None and self.width % self.heads:
            raise self._wrong("heads", f"a divisor of width={self.width}, or with a head_size")
        if self.heads % self.groups_of_keys:
            raise self._wrong("kv_heads", f"a divisor of heads={self.heads}")
        if self.positions == "rotary" and self.size_of_head % 2:
            raise self._wrong("head_size", f"even with rotary positions; it is {self.size_of_head}")

    def _wrong(self, name: str, allowed: str) -> ValueError:
        return ValueError(f"transformer.{name}={getattr(self, name)!r}: must be {allowed}.")

    @property
    def groups_of_keys(self) -> int:
        """Heads of keys and values."""
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    def size_of_head(self) -> int:
        """Numbers in a head."""
        return self.width // self.heads if self.head_size is None else self.head_size

    @property
    def units(self) -> int:
        """Of a feed-forward layer."""
        return 4 * self.width if self.hidden_size is None else self.hidden_size

    @classmethod
    def gpt2(cls, **values: Any) -> Transformer:
        """The smallest GPT-2, of 124,439,808 parameters; `values` are what differs from it."""
        own: dict[str, Any] = {"vocab_size": 50_257, "width": 768, "layers": 12, "heads": 12, "context": 1024}
        return cls(**(own | values))

    @classmethod
    def llama(cls, **values: Any) -> Transformer:
        """Llama's kind of layers, by default in the sizes of SmolLM2-135M, of 134,515,008 parameters."""
        own: dict[str, Any] = {
            "vocab_size": 49_152,
            "width": 576,
            "layers": 30,
            "heads": 9,
            "kv_heads": 3,
            "hidden_size": 1536,
            "context": 8192,
            "positions": "rotary",
            "rotary_base": 100_000.0,
            "norm": "rms",
            "activation": "silu",
            "gated": True,
            "qkv_bias": False,
            "output_bias": False,
            "mlp_bias": False,
        }
        return cls(**(own | values))

    @classmethod
    def parse(cls, text: str) -> Transformer:
        """One whose values are written as width=64,layers=2; what is not named stays as it is by default.

        Raises ValueError for a value that there is not, or that cannot be.
        """
        values: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            name, equals, value = part.partition("=")
            if not equals:
                raise ValueError(f"transformer:{text}: {part!r} must be NAME=VALUE, as in width=64.")
            try:
                values[name] = None if value == "none" else json.loads(value)
            except ValueError:
                values[name] = value
        return cls.from_json(values)

    @property
    def config(self) -> Transformer:
        """Itself: what a `Pretrained` has, too."""
        return self

    def begin(self, key: jax.Array) -> Any:
        """A `LanguageModel` with random weights."""
        from operant.language.model import LanguageModel

        return LanguageModel.build(self, key)

    def build(self, spec: EnvSpec, key: jax.Array, *, critic: bool) -> Any:
        """A `LanguagePolicy` with random weights. Raises ValueError where the environment is none of text, or the
        model's vocabulary or context is too small for it.
        """
        from operant.language.policy import LanguagePolicy

        return LanguagePolicy.build(self.begin(key), spec, critic=critic)

    def to_json(self) -> dict[str, Any]:
        """Its values, as `json.dumps` takes them."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Transformer:
        """The inverse of `to_json`. Raises ValueError for a value that there is not, or that cannot be."""
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(f"transformer.{name} is unknown; choose from {', '.join(known)}.")
        return cls(**values)
