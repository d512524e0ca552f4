"""From a seed to the key that all randomness derives from."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

LARGEST = 2**63 - 1


def key_of(seed: int) -> jax.Array:
    """The random key of a seed from 0 to `LARGEST`; different seeds have different keys.

    JAX keeps the lower 32 bits of a seed unless it works with 64-bit numbers. Where there are more, the upper half goes
    where JAX would write it then: into every other word of the key's data.
    """
    return keys_of([seed])[0]


def keys_of(seeds: Sequence[int]) -> jax.Array:
    """Those of several, `[S]`, made at once: one by one, thousands would take minutes."""
    like = jax.random.key(0)
    given = np.array([int(seed) for seed in seeds], np.uint64)
    words = np.array(jax.random.key_data(like))  # zeros, and as many as the generator takes
    words = np.repeat(words[None], len(given), 0)
    words[:, 0::2], words[:, 1::2] = given[:, None] >> 32, given[:, None] & (2**32 - 1)
    return jax.random.wrap_key_data(jnp.asarray(words), impl=jax.random.key_impl(like))
