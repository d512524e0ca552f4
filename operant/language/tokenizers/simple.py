"""Tokenisers that need nothing: one token a byte, or one a character of an alphabet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from operant.language.tokenizers.base import Special, Tokenizer


class Bytes(Tokenizer):
    """The 256 bytes of UTF-8, and three special tokens after them: any text has tokens, and nothing is unknown."""

    special = Special(pad=256, eos=257, bos=258)

    @property
    def vocab_size(self) -> int:
        return 259

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token for token in map(int, tokens) if token < 256).decode(errors="replace")

    def to_json(self) -> dict[str, Any]:
        return {"kind": "bytes"}


class Characters(Tokenizer):
    """The characters of an alphabet in its order, after two special tokens: 0 is padding, 1 ends a text."""

    special = Special(pad=0, eos=1)

    def __init__(self, alphabet: Iterable[str]) -> None:
        """Raises ValueError for what is no single character, or is there twice."""
        self.alphabet = "".join(alphabet)
        seen: set[str] = set()
        for character in self.alphabet:
            if character in seen:
                raise ValueError(f"The alphabet holds {character!r} twice.")
            seen.add(character)
        self._numbers = {character: i + 2 for i, character in enumerate(self.alphabet)}

    @classmethod
    def of(cls, texts: Iterable[str]) -> Characters:
        """Those that there are in some texts, in the order of Unicode."""
        return cls(sorted({character for text in texts for character in text}))

    @property
    def vocab_size(self) -> int:
        return len(self.alphabet) + 2

    def encode(self, text: str) -> list[int]:
        """Raises ValueError for a character that is not in the alphabet."""
        try:
            return [self._numbers[character] for character in text]
        except KeyError as error:
            raise ValueError(
                f"{error.args[0]!r} in {text[:40]!r} is not in the alphabet of {len(self.alphabet)} characters."
            ) from None

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(self.alphabet[token - 2] for token in map(int, tokens) if 2 <= token < self.vocab_size)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "characters", "alphabet": self.alphabet}
