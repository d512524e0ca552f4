"""Language models: transformers, their files and tokenisers, and generating text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.lazy import exports

if TYPE_CHECKING:
    from operant.language.chat import ChatTemplate
    from operant.language.config import Transformer
    from operant.language.environment import TextEnvironment
    from operant.language.generation import Response, generate
    from operant.language.lora import LoRA
    from operant.language.model import LanguageModel
    from operant.language.pretrained import Pretrained, load
    from operant.language.sampling import Sampling

__all__ = [
    "ChatTemplate",
    "LanguageModel",
    "LoRA",
    "Pretrained",
    "Response",
    "Sampling",
    "TextEnvironment",
    "Transformer",
    "generate",
    "load",
]

__getattr__ = exports(
    __name__,
    {
        "ChatTemplate": "operant.language.chat",
        "LanguageModel": "operant.language.model",
        "LoRA": "operant.language.lora",
        "Pretrained": "operant.language.pretrained",
        "Response": "operant.language.generation",
        "Sampling": "operant.language.sampling",
        "TextEnvironment": "operant.language.environment",
        "Transformer": "operant.language.config",
        "generate": "operant.language.generation",
        "load": "operant.language.pretrained",
    },
)
