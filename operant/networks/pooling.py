"""The largest value of windows of an image, whose channels are the last axis."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def max_pool(x: jax.Array, window: int, stride: int, padding: int = 0) -> jax.Array:
    """The largest of each window: `[..., h, w, c]` to `[..., (h + 2p − k) // s + 1, (w + 2p − k) // s + 1, c]`.

    As PyTorch's MaxPool2d: beyond the image, where `padding` p reaches, is nothing. Equal largest values share the
    gradient. Rows, and then columns, by maxima of slices, because the gradient of XLA's own windows is slow on a CPU.
    """
    for axis in (x.ndim - 3, x.ndim - 2):
        widths = [(0, 0)] * x.ndim
        widths[axis] = (padding, padding)
        padded = jnp.pad(x, widths, constant_values=-jnp.inf) if padding else x
        count = (padded.shape[axis] - window) // stride + 1
        last = (count - 1) * stride + 1
        x = jax.lax.slice_in_dim(padded, 0, last, stride, axis)
        for start in range(1, window):
            x = jnp.maximum(x, jax.lax.slice_in_dim(padded, start, start + last, stride, axis))
    return x


def adaptive_max_pool(x: jax.Array, size: int) -> jax.Array:
    """`[..., h, w, c]` to `[..., size, size, c]`, whatever h and w are, as PyTorch's AdaptiveMaxPool2d.

    Row i is the largest of the rows from ⌊i h / size⌋ to before ⌈(i + 1) h / size⌉, and columns likewise.
    """
    for axis in (x.ndim - 3, x.ndim - 2):
        length = x.shape[axis]
        bounds = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        x = jnp.stack(
            [jnp.max(jax.lax.slice_in_dim(x, *between, axis=axis), axis=axis) for between in bounds], axis
        )
    return x
