"""What tokenisers have in common: text to numbers and back, and the numbers that mean something by themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Special:
    """Tokens that are no text: what fills up shorter rows, and what ends a text. Numbers of tokens."""

    pad: int
    eos: int
    bos: int | None = None  # what begins a text, where there is something


class Tokenizer(ABC):
    """Text to tokens and back. `decode(encode(text))` is the text."""

    special: Special

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {self.vocab_size:,} tokens>"

    def __deepcopy__(self, memo: Any) -> Tokenizer:
        return self  # nothing of it changes

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """How many tokens there are, special ones included."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without special ones before or after it."""

    @abstractmethod
    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special ones; what is no text shows as �."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What `tokenizers.from_json` makes the same of."""

    def batch(
        self, texts: Sequence[str], length: int | None = None, *, eos: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """`(tokens [N, T] int32, start [N] int32)`: texts padded on the left to the longest, or to `length`.

        With `eos` each ends with that token. Raises ValueError naming the first text that is longer than `length`.
        """
        rows = [[*self.encode(text), *([self.special.eos] if eos else [])] for text in texts]
        return padded(rows, self.special.pad, length)


def padded(
    rows: Sequence[Sequence[int]], pad: int, length: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`(tokens [N, T], start [N])` of rows of tokens, with padding on their left."""
    longest = max((len(row) for row in rows), default=0)
    length = longest if length is None else length
    tokens = np.full((len(rows), length), pad, np.int32)
    for i, row in enumerate(rows):
        if len(row) > length:
            raise ValueError(f"Text {i} has {len(row)} tokens; there is room for {length}.")
        if row:
            tokens[i, length - len(row) :] = row
    return tokens, np.array([length - len(row) for row in rows], np.int32)
