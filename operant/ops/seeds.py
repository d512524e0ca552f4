"""From a seed to the key that all randomness derives from."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

LARGEST = 2**63 - 1


def key_of(seed: int) -> jax.Array:
    """The random key of a seed from 0 to `LARGEST`; different seeds have different keys.

    JAX keeps the lower 32 bits of a seed unless it works with 64-bit numbers. Where there are more, the upper half goes
    where JAX would write it then: into every other word of the key's data.
    """
    high, low = divmod(int(seed), 2**32)
    key = jax.random.key(low)
    if not high:
        return key
    words = np.array(jax.random.key_data(key))
    words[0::2] = high
    return jax.random.wrap_key_data(jnp.asarray(words), impl=jax.random.key_impl(key))
