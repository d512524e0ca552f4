"""Text to tokens and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operant.fields import FileError
from operant.language.tokenizers.base import Special, Tokenizer, padded
from operant.language.tokenizers.simple import Bytes, Characters

__all__ = ["Bytes", "Characters", "Special", "Tokenizer", "from_json", "padded"]


def from_json(values: Mapping[str, Any]) -> Tokenizer:
    """What a tokeniser's `to_json` described. Raises FileError for what is none."""
    match values:
        case {"kind": "bytes"}:
            return Bytes()
        case {"kind": "characters", "alphabet": str(alphabet)}:
            return Characters(alphabet)
        case {
            "kind": "subwords",
            "tokenizer": dict(tokenizer),
            "special": {"pad": int(pad), "eos": int(eos), **rest},
        }:
            import json

            from operant.language.tokenizers.subwords import Subwords

            bos = rest.get("bos")
            if bos is not None and not isinstance(bos, int):
                raise FileError(f"it is {bos!r}, not the number of a token.", field="special.bos")
            return Subwords(json.dumps(tokenizer, ensure_ascii=False), Special(pad, eos, bos))
    raise FileError(f"{str(values)[:80]} is no tokeniser.")
