"""Linear layers whose weights are random, and learn how random (Fortunato et al. 2018, arXiv:1706.10295)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.networks.layers import affine, initial


class NoisyLinear(eqx.Module):
    """`x [..., in]` to `[..., out]` with weights μ + σ ⊙ ε (equation 9), where ε is factorised (equations 10 and 11).

    The noise of a weight is f(ε_in) f(ε_out) and that of a bias f(ε_out). It is added to the weights where all rows of
    `x` share it; rows with noise of their own have it applied to what goes in and to what comes out, at the price of a
    second product.
    """

    weight: jax.Array  # [in, out]: μ
    bias: jax.Array  # [out]
    weight_scale: jax.Array  # [in, out]: σ
    bias_scale: jax.Array  # [out]

    @classmethod
    def build(
        cls,
        size_in: int,
        size_out: int,
        key: jax.Array,
        initialization: str,
        gain: float,
        sigma: jax.Array | float,
    ) -> NoisyLinear:
        """σ starts as `sigma`/√in everywhere (section 3.2); μ as a plain layer's weights."""
        weight, bias = initial(key, size_in, size_out, initialization, gain)
        scale = sigma / math.sqrt(size_in)
        return cls(weight, bias, jnp.full_like(weight, scale), jnp.full_like(bias, scale))

    def __call__(self, x: jax.Array, noise: jax.Array | None = None) -> jax.Array:
        """With weights μ, or with `noise` of `sample_noise`, `[…, in + out]`: its leading axes are first ones of x."""
        if noise is None:
            return affine(x, self.weight, self.bias)
        noise_in, noise_out = jnp.split(noise, [self.weight.shape[0]], axis=-1)
        if noise.ndim == 1:
            weight = self.weight + self.weight_scale * jnp.outer(noise_in, noise_out)
            return affine(x, weight, self.bias + self.bias_scale * noise_out)
        axes = tuple(range(noise.ndim - 1, x.ndim - 1))
        noise_in, noise_out = jnp.expand_dims(noise_in, axes), jnp.expand_dims(noise_out, axes)
        return (
            affine(x, self.weight, self.bias)
            + affine(x * noise_in, self.weight_scale, self.bias_scale) * noise_out
        )


def sample_noise(
    layers: Iterable[Any], key: jax.Array, leading: tuple[int, ...] = ()
) -> tuple[jax.Array, ...]:
    """The noise of each noisy layer, `[*leading, in + out]`: f(ε_in) and f(ε_out), with f(ε) = sign(ε) √|ε|.

    Empty if there are none. Drawn as one array, since many small ones cost more.
    """
    sizes = [sum(layer.weight.shape) for layer in layers if isinstance(layer, NoisyLinear)]
    if not sizes:
        return ()
    noise = jax.random.normal(key, (*leading, sum(sizes)), dtype=jnp.float32)
    noise = jnp.sign(noise) * jnp.sqrt(jnp.abs(noise))
    return tuple(jnp.split(noise, np.cumsum(sizes)[:-1].tolist(), axis=-1))
