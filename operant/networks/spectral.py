"""Convolutions whose weights have a largest singular value of 1."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.networks.convolution import convolve
from operant.networks.layers import initial
from operant.ops.constraints import Constrained

FIRST_ITERATIONS = 15  # of the power method, before learning


class SpectralConvolution(Constrained):
    """A `Convolution` whose weights, as a matrix W `[k·k·in, out]`, are divided by their largest singular value σ.

    Miyato et al. 2018, arXiv:1802.05957, algorithm 1. `vector` is the power method's estimate u of W's first right
    singular vector. Whoever uses the layer takes one more turn from it, v = W u / |W u| and σ = |Wᵀ v|, and does not
    keep it; after each step of an optimiser (in `ops.optimizers.descend`) one turn is kept. So the estimate is a leaf
    of the network, without a gradient: each seed and each target network has its own, next to the weights that it is
    of, and checkpoints hold it.
    """

    weight: jax.Array  # [k, k, in, out]
    bias: jax.Array  # [out]
    vector: jax.Array  # [out], of length 1
    stride: int = eqx.field(static=True)
    padding: int = eqx.field(static=True, default=0)

    @classmethod
    def build(
        cls,
        size_in: int,
        filters: int,
        kernel: int,
        stride: int,
        key: jax.Array,
        initialization: str = "orthogonal",
        gain: float = 1.0,
        padding: int = 0,
    ) -> SpectralConvolution:
        """See `initial` for the two initializations; no gain remains."""
        key, key_vector = jax.random.split(key)
        weight, bias = initial(key, kernel * kernel * size_in, filters, initialization, gain)
        start = _unit(jax.random.normal(key_vector, (filters,), jnp.float32))
        vector = jax.lax.fori_loop(0, FIRST_ITERATIONS, lambda _, vector: _turn(weight, vector)[1], start)
        return cls(weight.reshape(kernel, kernel, size_in, filters), bias, vector, stride, padding)

    @property
    def matrix(self) -> jax.Array:
        """W."""
        return self.weight.reshape(-1, self.weight.shape[-1])

    @property
    def norm(self) -> jax.Array:
        """σ, whose gradient by the weights is v uᵀ."""
        left, right = jax.lax.stop_gradient(_turn(self.matrix, self.vector))
        return left @ self.matrix @ right

    def __call__(self, x: jax.Array) -> jax.Array:
        y = convolve(x, self.weight / self.norm, self.stride, self.padding)
        return y + jnp.broadcast_to(self.bias, y.shape)

    def projected(self) -> SpectralConvolution:
        """The same, one turn of the power method later."""
        return replace(self, vector=_turn(self.matrix, self.vector)[1])


def _turn(matrix: jax.Array, right: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The power method from `right` `[out]`: the next estimates of the left and of the right singular vector."""
    left = _unit(matrix @ right)
    return left, _unit(left @ matrix)


def _unit(vector: jax.Array) -> jax.Array:
    return vector / jnp.maximum(jnp.linalg.norm(vector), 1e-12)
