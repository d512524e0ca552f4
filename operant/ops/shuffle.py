"""Random permutations that do not cost more than the learning they serve."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from operant.ops.devices import gathered, spread
from operant.types import PyTree

# Random bits above, the index below, sorted as one integer: ten permutations of 2,048 take 0.7 ms on a CPU where
# jax.random.permutation, which sorts (key, value) pairs through a comparator, takes 8.2 ms.
_INDEX_BITS = 14


def permutations(key: jax.Array, count: int, size: int) -> jax.Array:
    """`count` independent uniform permutations of 0…size−1, as int32 `[count, size]`.

    Two rows of a permutation are ordered by 18 or more random bits; equal ones (about one pair in a permutation of 700)
    keep their order.
    """
    if size > 1 << _INDEX_BITS:
        return jax.vmap(lambda k: jax.random.permutation(k, size))(jax.random.split(key, count))
    bits = max(1, (size - 1).bit_length())
    low = jnp.uint32((1 << bits) - 1)
    packed = (jax.random.bits(key, (count, size)) & ~low) | jax.lax.broadcasted_iota(
        jnp.uint32, (count, size), 1
    )
    return (jax.lax.sort(packed, dimension=1, is_stable=False) & low).astype(jnp.int32)


def minibatches(key: jax.Array, epochs: int, count: int, size: int) -> jax.Array:
    """The samples of each minibatch, `[epochs · ⌊count / size⌋, size]`: every epoch goes through `count` samples anew.

    What is left over after dividing them sits out the epoch. The devices of a learner have a part of each minibatch.
    """
    order = permutations(key, epochs, count)[:, : count // size * size].reshape(-1, size)
    return spread(gathered(order), 1)


def sequences(rollout: PyTree, *, whole: bool) -> PyTree:
    """Leaves `[T, N, …]` as `[L, B, …]`, B sequences of L steps.

    With `whole` that is one of each environment, which a network with memory needs; otherwise every step by itself.
    Each device of a learner has all of them, since it may have any in its part of a minibatch.
    """
    rollout = gathered(rollout)
    return rollout if whole else jax.tree.map(lambda x: x.reshape(1, -1, *x.shape[2:]), rollout)
