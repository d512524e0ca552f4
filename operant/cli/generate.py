"""`operant generate`: text from a language model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from operant import zoo


def responses(model: str, prompts: Sequence[str], chat: str, **values: Any) -> list[str]:
    """The text that the model answers to each prompt; `values` are those of `language.generate`.

    Raises ValueError, OSError or ImportError where something about the model or the values is wrong.
    """
    if not prompts:
        raise ValueError("there is no prompt: give a text to go on from, in quotes.")
    path = Path(zoo.located(model))
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {model}.")
    if path.is_file() and path.suffix not in (".gguf", ".safetensors"):
        raise ValueError(
            f"{model} is no language model: give a run, a model file, a folder with config.json, or a .gguf file."
        )
    import operant.engine  # noqa: F401 (its settings, before JAX's backend starts)
    from operant.agent import texts
    from operant.language.chat import TEMPLATES

    if chat != "none":
        prompts = [TEMPLATES[chat].render([{"role": "user", "content": prompt}]) for prompt in prompts]
    return [response.text for response in texts.pretrained(path).generate(prompts, **values)]
