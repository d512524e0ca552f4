"""Linear layers whose weights have length 1."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from operant.networks.layers import affine, initial
from operant.ops.constraints import Constrained, unit_columns


class UnitLinear(Constrained):
    """`x [..., in]` to `[..., out]`, by weights that have length 1 for each output.

    They are divided by their length at the start and after each step of an optimiser (in `ops.optimizers.descend`), so
    that the size of a step, compared with the weights, is the learning rate alone: Palenicek et al. 2025,
    arXiv:2502.07523, for CrossQ, and Lee et al. 2025, arXiv:2502.15280, section 4, for SimBaV2. Salimans & Kingma 2016,
    arXiv:1602.07868, divide at every use instead, and the weights grow.
    """

    weight: jax.Array  # [in, out]
    bias: jax.Array | None  # [out]

    @classmethod
    def build(
        cls,
        size_in: int,
        size_out: int,
        key: jax.Array,
        initialization: str = "orthogonal",
        gain: float = 1.0,
        *,
        bias: bool = True,
    ) -> UnitLinear:
        """See `initial` for the two initializations; no gain remains."""
        weight, first_bias = initial(key, size_in, size_out, initialization, gain)
        return cls(unit_columns(weight), first_bias if bias else None)

    def __call__(self, x: jax.Array) -> jax.Array:
        bias = jnp.zeros(self.weight.shape[-1], x.dtype) if self.bias is None else self.bias
        return affine(x, self.weight, bias)

    def projected(self) -> UnitLinear:
        return replace(self, weight=unit_columns(self.weight))
