"""The noise of one step: as numbers where they are few, and otherwise as keys to draw them from when they are needed.

The engine makes the noise of many steps at once, outside its loop, which on a CPU is far quicker than step by step. Of
an action space of 50,000 tokens the numbers of a few thousand steps would be gigabytes; their keys are kilobytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

MOST_NUMBERS = 2**14  # of one step: 64 kB

Draw = Callable[..., jax.Array]  # such as `jax.random.normal`


def numbers_or_keys(draw: Draw, key: jax.Array, leading: tuple[int, ...], size: int) -> jax.Array:
    """Noise `[*leading, size]`, float32; or keys `[*leading]` where that is more than `MOST_NUMBERS`."""
    if math.prod(leading) * size > MOST_NUMBERS:
        return jax.random.split(key, leading)
    return draw(key, (*leading, size), dtype=jnp.float32)


def numbers(draw: Draw, noise: jax.Array, size: int) -> jax.Array:
    """The noise `[…, size]` itself, of what `numbers_or_keys` gave for the same `draw` and `size`."""
    if not jnp.issubdtype(noise.dtype, jax.dtypes.prng_key):
        return noise
    drawn = jax.vmap(lambda key: draw(key, (size,), dtype=jnp.float32))(noise.reshape(-1))
    return drawn.reshape(*noise.shape, size)
