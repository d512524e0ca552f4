"""Several processes that train together, each the same script: what they must agree on, and what one of them does.

A single process is the usual case, in which nothing here does anything. Several are connected by JAX
(`operant.distributed`); every one of them then sees the devices of all, and calls the same programs in the same order.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from operant.engine.files import is_key
from operant.types import PyTree


def count() -> int:
    """How many there are."""
    return jax.process_count()


def writes() -> bool:
    """Whether this is the one that writes files and talks to people."""
    return jax.process_index() == 0


def any_of(flag: bool) -> bool:
    """Whether it is so in any of them. All must ask."""
    if count() == 1:
        return flag
    from jax.experimental.multihost_utils import process_allgather

    return bool(np.any(process_allgather(np.array(flag))))


def put(x: Any, placed: NamedSharding) -> jax.Array:
    """An array, the same in all of them, as one that lies there."""
    if count() == 1:
        return jax.device_put(x, placed)
    if isinstance(x, jax.Array) and not x.is_fully_addressable:
        return x if x.sharding.is_equivalent_to(placed, x.ndim) else _moved(x, placed)
    if is_key(x):
        return jax.random.wrap_key_data(put(jax.random.key_data(x), placed), impl=jax.random.key_impl(x))
    values = np.asarray(x)
    return jax.make_array_from_callback(values.shape, placed, lambda index: values[index])


def whole(tree: PyTree) -> PyTree:
    """The same arrays on one device of this process, where all of an array was on several, or is divided among
    processes. All of them must ask then.
    """

    def leaf(x: Any) -> Any:
        if not isinstance(x, jax.Array) or len(x.sharding.device_set) == 1:
            return x
        if is_key(x):
            return jax.random.wrap_key_data(leaf(jax.random.key_data(x)), impl=jax.random.key_impl(x))
        if not x.is_fully_addressable and not x.is_fully_replicated:
            assert isinstance(x.sharding, NamedSharding)
            x = _moved(x, NamedSharding(x.sharding.mesh, PartitionSpec()))
        return x.addressable_data(0) if x.is_fully_replicated else x

    return jax.tree.map(leaf, tree)


def _moved(x: jax.Array, placed: NamedSharding) -> jax.Array:
    return jax.jit(lambda x: x, out_shardings=placed)(x)
