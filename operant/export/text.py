"""Expressions of NumPy, and the shapes that they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operant.export.graph import Batch, Dimension

ATOM, PRODUCT, SUM, COMPARISON = 3, 2, 1, 0  # how tightly an expression binds


@dataclass(frozen=True)
class Text:
    """An expression, and the shape that it has: 1 or no axis where what it is used with broadcasts it."""

    text: str
    shape: tuple[Dimension, ...]
    binds: int = ATOM

    def at(self, level: int) -> str:
        """In parentheses where it binds less tightly."""
        return self.text if self.binds >= level else f"({self.text})"


def written_shape(shape: Sequence[Dimension]) -> str:
    """A shape as arguments: `n, 64`."""
    return ", ".join(written(dimension) for dimension in shape)


def written(dimension: Dimension) -> str:
    if isinstance(dimension, Batch):
        return "n" if dimension.factor == 1 else f"{dimension.factor} * n"
    return str(dimension)


def joined(*shapes: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
    """The shape that these broadcast to."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(next((d for d in axis if d != 1), 1) for axis in zip(*padded, strict=True))
