"""Language models: transformers, their files and tokenisers, and generating text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.lazy import exports

if TYPE_CHECKING:
    from operant.language.config import Transformer
    from operant.language.lora import LoRA
    from operant.language.model import LanguageModel

__all__ = ["LanguageModel", "LoRA", "Transformer"]

__getattr__ = exports(
    __name__,
    {
        "LanguageModel": "operant.language.model",
        "LoRA": "operant.language.lora",
        "Transformer": "operant.language.config",
    },
)
