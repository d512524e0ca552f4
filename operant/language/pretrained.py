"""A language model with its tokeniser, from files: a folder in Hugging Face's layout, or a GGUF file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operant.language.generation import Response, generate
from operant.language.model import LanguageModel
from operant.language.tokenizers.base import Tokenizer
from operant.language.weights import folder


@dataclass(frozen=True)
class Pretrained:
    """What a folder or a file holds. `tokenizer` is None where there is none."""

    model: LanguageModel
    tokenizer: Tokenizer | None

    def generate(self, prompts: Sequence[str], **values: Any) -> list[Response]:
        """A response to each prompt: see `generation.generate`. Raises ValueError where there is no tokeniser."""
        if self.tokenizer is None:
            raise ValueError("The model has no tokeniser: put its tokenizer.json into the folder.")
        return generate(self.model, self.tokenizer, prompts, **values)

    def save(self, path: str | Path) -> None:
        """Write both into a folder, as `load` reads it and other tools do."""
        from operant.language.tokenizers.subwords import Subwords

        folder.save(self.model, path)
        if isinstance(self.tokenizer, Subwords):
            self.tokenizer.save(path)


def load(path: str | Path) -> Pretrained:
    """The model of a folder with config.json, or of a .gguf file (extra `gguf`). Nothing in them is executed.

    A tokeniser needs the extra `text`.

    Raises FileError naming the file and the field or the tensor for what cannot be read, FileNotFoundError where there
    is no model, and ImportError naming the extra that is missing.
    """
    from operant.language.tokenizers.subwords import FILE, Subwords

    path = Path(path)
    if path.suffix == ".gguf":
        from operant.language.weights.gguf_file import GGUF

        file = GGUF(path)
        return Pretrained(file.model(), Subwords.of_gguf(file))
    model = folder.load(path)
    found = (path / FILE).is_file()
    return Pretrained(model, Subwords.load(path, folder.read_config(path)) if found else None)
