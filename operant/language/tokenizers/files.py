"""The tokeniser of a model's folder: `tokenizer.json`, or `characters.json` for those that other tools do not know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from operant.fields import blamed, read_json
from operant.language.tokenizers import from_json
from operant.language.tokenizers.base import Tokenizer
from operant.language.tokenizers.subwords import FILE, Subwords

SIMPLE = "characters.json"


def load(folder: Path, config: Mapping[str, Any]) -> Tokenizer | None:
    """That of a folder with this config.json; None where there is none. Raises FileError, and ImportError without the
    extra `text`."""
    if (folder / FILE).is_file():
        return Subwords.load(folder, config)
    path = folder / SIMPLE
    if not path.is_file():
        return None
    with blamed(path):
        return from_json(read_json(path))


def save(tokenizer: Tokenizer, folder: str | Path) -> None:
    """Write it into a folder that there is."""
    folder = Path(folder)
    for old in (FILE, SIMPLE):
        (folder / old).unlink(missing_ok=True)
    if isinstance(tokenizer, Subwords):
        tokenizer.save(folder)
    else:
        text = json.dumps(tokenizer.to_json(), ensure_ascii=False, indent=2) + "\n"
        (folder / SIMPLE).write_text(text, encoding="utf-8")
