"""The layers of a transformer, on arrays with any leading axes. Weights are leaves; everything else is static."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.language.config import NormKind


@jax.custom_vjp
def product(x: jax.Array, weight: jax.Array) -> jax.Array:
    """`x [..., in] @ weight [in, out]`, with a gradient that is quick on a CPU: see `networks.layers.affine`."""
    return x @ weight


def _product_forward(x: jax.Array, weight: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return x @ weight, (x, weight)


def _product_backward(
    residual: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, weight = residual
    rows, gradients = x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    return gradient @ weight.T, jax.lax.optimization_barrier(rows.T) @ gradients


product.defvjp(_product_forward, _product_backward)


class Adapter(eqx.Module):
    """A change of low rank to a matrix: `scale · A B` (see `lora`)."""

    a: jax.Array  # [in, rank]
    b: jax.Array  # [rank, out]
    scale: float = eqx.field(static=True)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.scale * product(product(x, self.a), self.b)

    @property
    def weight(self) -> jax.Array:
        """What it adds to the matrix, `[in, out]`."""
        return self.scale * (self.a @ self.b)


class Projection(eqx.Module):
    """`x [..., in]` to `[..., out]`, with or without a bias, and with an adapter where one was added."""

    weight: jax.Array  # [in, out]
    bias: jax.Array | None  # [out]
    adapter: Adapter | None = None

    @classmethod
    def build(
        cls, size_in: int, size_out: int, key: jax.Array, *, bias: bool, deviation: float
    ) -> Projection:
        """Normal weights of this standard deviation; biases are 0."""
        weight = deviation * jax.random.normal(key, (size_in, size_out), jnp.float32)
        return cls(weight, jnp.zeros(size_out, jnp.float32) if bias else None)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = product(x, self.weight)
        if self.bias is not None:
            y = y + jnp.broadcast_to(self.bias, y.shape)
        return y if self.adapter is None else y + self.adapter(x)


class Norm(eqx.Module):
    """`x [..., n]` divided by its deviation (layer: after its mean is taken off) or by its root mean square (rms)."""

    scale: jax.Array  # [n]
    shift: jax.Array | None  # [n]; None with rms
    eps: float = eqx.field(static=True)

    @classmethod
    def build(cls, size: int, kind: NormKind, eps: float) -> Norm:
        shift = jnp.zeros(size, jnp.float32) if kind == "layer" else None
        return cls(jnp.ones(size, jnp.float32), shift, eps)

    def __call__(self, x: jax.Array) -> jax.Array:
        if self.shift is not None:
            x = x - jnp.mean(x, axis=-1, keepdims=True)
        x = x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + self.eps)
        x = x * jnp.broadcast_to(self.scale, x.shape)
        return x if self.shift is None else x + jnp.broadcast_to(self.shift, x.shape)


def rotate(x: jax.Array, positions: jax.Array, base: float) -> jax.Array:
    """Rotary positions (Su et al. 2021, equation 34): pairs of numbers turned by angles that grow with the position.

    Numbers i and i + d/2 of a head of d are a pair, as in Llama's files on Hugging Face, and turn by p · base^(−2i/d).

    Args:
        x: Queries or keys, `[N, T, heads, d]`.
        positions: `[N, T]`.
    """
    half = x.shape[-1] // 2
    # In 64 bits, when it is traced: an error of a speed is multiplied by every position.
    speed = jnp.asarray(base ** (-np.arange(half) / half), jnp.float32)
    angle = (positions.astype(jnp.float32)[..., None] * speed[None, None])[:, :, None]
    cos, sin = (jnp.broadcast_to(f(angle), (*x.shape[:-1], half)) for f in (jnp.cos, jnp.sin))
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
