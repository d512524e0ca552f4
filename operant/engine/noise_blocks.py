"""The randomness of many steps or iterations, drawn at once: drawn for each, it takes longer than all the rest."""

from __future__ import annotations

from collections.abc import Callable

import jax

from operant.algorithms.base import Algorithm
from operant.engine.first_alone import FirstAlone
from operant.engine.flat import Block, Packed, flatten
from operant.engine.train_state import Stream
from operant.types import PyTree


class NoiseBlocks:
    """Blocks of the streams of one run, or of several with keys `[S]`; the newest of each stream is kept."""

    SIZE = 256  # steps in a block, about

    def __init__(self, seeds: int | None) -> None:
        self._seeds = seeds
        self._drawers: dict[Stream, Callable] = {}
        self._blocks: dict[Stream, Block] = {}

    def another(self) -> NoiseBlocks:
        """Those of another run, drawn by the same compiled programs."""
        made = NoiseBlocks(self._seeds)
        made._drawers = self._drawers
        return made

    def clear(self) -> None:
        """Forget them: the key is another one."""
        self._blocks.clear()

    def get(
        self,
        which: Stream,
        sample_noise: Callable[[Algorithm, jax.Array, jax.Array], PyTree],
        algorithm: Packed,
        key: jax.Array,
        number: int,
        size: int,
    ) -> Block:
        """The block of `sample_noise(algorithm, key, first)`, `[size, …]`, that holds this number; drawn once."""
        first = number // size * size
        known = self._blocks.get(which)
        if known is None or known.first != first:
            if which not in self._drawers:
                mapped = (
                    sample_noise if self._seeds is None else jax.vmap(sample_noise, in_axes=(None, 0, None))
                )
                self._drawers.setdefault(which, FirstAlone(jax.jit(mapped)))
            known = Block(first, *flatten(self._drawers[which](algorithm.tree, key, first)))
            self._blocks[which] = known
        return known
