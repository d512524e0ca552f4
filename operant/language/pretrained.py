"""A language model with its tokeniser, from files: a folder in Hugging Face's layout, or a GGUF file.

As the `network` of an algorithm it is what learning begins with:

    network=load("path/to/model")                          # all of it is learnt
    network=load("path/to/model").adapted(LoRA(rank=8))    # adapters are; the rest stays as it is, and is kept once
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.fields import FileError, blamed
from operant.frozen import Frozen
from operant.language import lora, tokenizers
from operant.language.config import Transformer
from operant.language.generation import Response, generate
from operant.language.lora import LoRA
from operant.language.model import LanguageModel
from operant.language.policy import LanguagePolicy
from operant.language.tokenizers.base import Tokenizer
from operant.language.weights import folder
from operant.networks.config import OwnPolicy
from operant.types import EnvSpec


class Pretrained(OwnPolicy, eqx.Module):
    """What a folder or a file holds; hashable only as the argument of a compiled function."""

    weights: Frozen
    """The model, without adapters; nobody learns these arrays themselves."""
    tokenizer: Tokenizer | None = eqx.field(static=True)
    """None where there is none."""
    lora: LoRA | None = eqx.field(static=True)
    """Which adapters are learnt in place of all weights; none: all weights are."""
    path: str | None = eqx.field(static=True)
    """Where it was read from, where it was."""

    def __init__(
        self,
        model: LanguageModel | Frozen,
        tokenizer: Tokenizer | None = None,
        lora: LoRA | None = None,
        path: str | None = None,
    ) -> None:
        self.weights = model if isinstance(model, Frozen) else Frozen(merged(model))
        self.tokenizer, self.lora, self.path = tokenizer, lora, path

    @property
    def model(self) -> LanguageModel:
        """The model."""
        return self.weights.tree

    @property
    def config(self) -> Transformer:
        """Its sizes and kinds."""
        return self.model.config

    def adapted(self, lora: LoRA | None) -> Pretrained:
        """The same, of which adapters are to be learnt; with None all of it again."""
        return Pretrained(self.weights, self.tokenizer, lora, self.path)

    # text

    def generate(self, prompts: Sequence[str], **values: Any) -> list[Response]:
        """A response to each prompt: see `generation.generate`. Raises ValueError where there is no tokeniser."""
        if self.tokenizer is None:
            raise ValueError("The model has no tokeniser: put its tokenizer.json into the folder.")
        return generate(self.model, self.tokenizer, prompts, **values)

    def save(self, path: str | Path) -> None:
        """Write both into a folder, as `load` reads it and other tools do, where they know the tokeniser."""
        from operant.language.tokenizers import files

        folder.save(self.model, path)
        if self.tokenizer is not None:
            files.save(self.tokenizer, path)

    # the network of an algorithm

    def begin(self, key: jax.Array) -> LanguageModel:
        """What is learnt of it, as it is before: a copy of all weights, or new adapters alone."""
        if self.lora is None:
            return jax.tree.map(jnp.copy, self.model)
        adapters, _ = lora.split(lora.add(self.model, self.lora, key))
        return adapters

    def build(self, spec: EnvSpec, key: jax.Array, *, critic: bool) -> LanguagePolicy:
        return LanguagePolicy.build(self.begin(key), spec, critic=critic)

    def whole(self, network: Any) -> Any:
        """A `LanguageModel`, or a module with one as its `model`, with the weights that stay in their places."""
        if self.lora is None:
            return network
        if isinstance(network, LanguageModel):
            return lora.join(network, self.model)
        return replace(network, model=lora.join(network.model, self.model))

    @property
    def has_reference(self) -> bool:
        return True

    def reference(self, network: LanguagePolicy) -> LanguagePolicy:
        """The policy that it is before learning, which no gradient passes."""
        return replace(network, model=self.weights.value, value_head=None)

    def to_json(self) -> dict[str, Any]:
        return {
            "weights": self.weights.to_json(),
            "tokenizer": None if self.tokenizer is None else self.tokenizer.to_json(),
            "lora": None if self.lora is None else asdict(self.lora),
            "path": self.path,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Pretrained:
        """The inverse of `to_json`, where `weights` have been read already. Raises FileError for what cannot be."""
        weights, path = values["weights"], values.get("path")
        if not isinstance(weights, Frozen) or not isinstance(weights.tree, LanguageModel):
            raise FileError("it is no language model.", field="network.weights")
        with blamed(field="network.tokenizer"):
            stored = values.get("tokenizer")
            tokenizer = None if stored is None else tokenizers.from_json(stored)
        with blamed(field="network.lora"):
            adapters = None if values.get("lora") is None else LoRA(**values["lora"])
        return cls(weights, tokenizer, adapters, path if isinstance(path, str) else None)


def merged(model: LanguageModel) -> LanguageModel:
    """The model without adapters: the same one where it has none."""
    return model if model.described() is not None else lora.merge(model)


def load(path: str | Path) -> Pretrained:
    """The model of a folder with config.json, or of a .gguf file (extra `gguf`). Nothing in them is executed.

    A tokeniser in tokenizer.json needs the extra `text`.

    Raises FileError naming the file and the field or the tensor for what cannot be read, FileNotFoundError where there
    is no model, and ImportError naming the extra that is missing.
    """
    from operant.language.tokenizers import files
    from operant.language.tokenizers.subwords import Subwords

    path = Path(path)
    if path.suffix == ".gguf":
        from operant.language.weights.gguf_file import GGUF

        file = GGUF(path)
        return Pretrained(file.model(), Subwords.of_gguf(file), path=str(path))
    model = folder.load(path)
    return Pretrained(model, files.load(path, folder.read_config(path)), path=str(path))
