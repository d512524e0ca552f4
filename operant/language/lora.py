"""Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): learning changes `α/r · A B` of matrices that stay.

A `[in, r]` begins uniform and B `[r, out]` as 0, so that the model begins as it was. Only A and B are learnt:

    model = add(model, LoRA(rank=8), key)
    adapters, base = split(model)          # base is nobody's to change
    model = join(adapters, base)
    merge(model)                           # the same function, without adapters
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.language.blocks import Block
from operant.language.layers import Adapter, Projection
from operant.language.model import LanguageModel

PARTS = {
    "query": "attention",
    "key": "attention",
    "value": "attention",
    "output": "attention",
    "up": "feed_forward",
    "gate": "feed_forward",
    "down": "feed_forward",
}
"""The matrices of a block, and the layer of it that each is of."""


@jax.tree_util.register_static
@dataclass(frozen=True)
class LoRA:
    """Which matrices of every block learn, and with how many numbers."""

    rank: int = 8
    """r: columns of A."""
    alpha: float = 16.0
    """α: the change is α/r · A B, so that another rank needs no other learning rate."""
    layers: tuple[str, ...] = ("query", "value")
    """Which matrices: of query, key, value, output, up, gate and down."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not isinstance(self.rank, int) or self.rank < 1:
            raise ValueError(f"lora.rank={self.rank!r}: must be a whole number of at least 1.")
        if not math.isfinite(self.alpha):
            raise ValueError(f"lora.alpha={self.alpha!r}: must be a number.")
        unknown = [name for name in self.layers if name not in PARTS]
        if unknown or not self.layers:
            raise ValueError(f"lora.layers={self.layers!r}: must be some of {', '.join(PARTS)}.")

    @classmethod
    def parse(cls, text: str) -> LoRA:
        """One whose rank, and if they are given α and layers, are written as 8, 8:16 or 8:16:query,value,up.

        Raises ValueError for any other text.
        """
        rank, *more = text.split(":")
        try:
            values: dict[str, Any] = {"rank": int(rank)}
            if more:
                values["alpha"] = float(more[0])
        except ValueError:
            values = {}
        if not values or len(more) > 2:
            raise ValueError(
                f"lora {text!r}: must be RANK, RANK:ALPHA or RANK:ALPHA:LAYER,LAYER, as in 8:16:query,value."
            )
        if more[1:]:
            values["layers"] = tuple(more[1].split(","))
        return cls(**values)


def add(model: LanguageModel, lora: LoRA, key: jax.Array) -> LanguageModel:
    """The model with an adapter on each matrix that `lora` names; it computes what it did. Others are taken off.

    Raises ValueError where the model has no such matrix.
    """
    if "gate" in lora.layers and not model.config.gated:
        raise ValueError("lora.layers names gate: the model's feed-forward layers have none. Leave it out.")

    def adapted(name: str, projection: Projection, key: jax.Array) -> Projection:
        size_in, size_out = projection.weight.shape
        limit = 1 / math.sqrt(size_in)  # PyTorch's default for a linear layer, which LoRA's authors took
        a = jax.random.uniform(key, (size_in, lora.rank), minval=-limit, maxval=limit, dtype=jnp.float32)
        return replace(
            projection,
            adapter=Adapter(a, jnp.zeros((lora.rank, size_out), jnp.float32), lora.alpha / lora.rank),
        )

    blocks = []
    for i, block in enumerate(merge(model).blocks):
        own = jax.random.fold_in(key, i)
        keys = dict(zip(lora.layers, jax.random.split(own, len(lora.layers)), strict=True))
        blocks.append(
            _each(block, lambda name, p, keys=keys: adapted(name, p, keys[name]) if name in keys else p)
        )
    return replace(model, blocks=tuple(blocks))


def merge(model: LanguageModel) -> LanguageModel:
    """The same function without adapters: each is added to its matrix."""

    def merged(name: str, projection: Projection) -> Projection:
        if projection.adapter is None:
            return projection
        return replace(projection, weight=projection.weight + projection.adapter.weight, adapter=None)

    return replace(model, blocks=tuple(_each(block, merged) for block in model.blocks))


def split(model: LanguageModel) -> tuple[LanguageModel, LanguageModel]:
    """`(adapters, base)`: the model with its adapters alone, and with all but them; what is elsewhere is None."""

    def kind(node: Any) -> bool:
        return isinstance(node, Adapter)

    chosen = jax.tree.map(
        lambda node: jax.tree.map(lambda _: True, node) if kind(node) else False, model, is_leaf=kind
    )
    adapters, base = eqx.partition(model, chosen)
    return adapters, base


def join(adapters: LanguageModel, base: LanguageModel) -> LanguageModel:
    """The inverse of `split`, also with a model that never had adapters as the base. No gradient reaches that."""
    kept = jax.tree.map(jax.lax.stop_gradient, base)
    blocks = []
    for block, own in zip(kept.blocks, adapters.blocks, strict=True):
        found = {name: getattr(getattr(own, part), name) for name, part in PARTS.items()}
        blocks.append(_each(block, lambda name, p, found=found: replace(p, adapter=found[name].adapter)))
    return replace(kept, blocks=tuple(blocks))


def _each(block: Block, change: Callable[[str, Projection], Projection]) -> Block:
    """The block with every matrix changed by its name."""
    for name, part in PARTS.items():
        layer = getattr(block, part)
        projection = getattr(layer, name)
        if projection is not None:
            block = replace(block, **{part: replace(layer, **{name: change(name, projection)})})
    return block
