"""Random numbers from NumPy, because compiling JAX's generators and initializers takes seconds a shape."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

_rng = np.random.default_rng(0)


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(_rng.normal(size=shape), jnp.float32)


def filled(build: Callable):
    """What `build(key)` makes, with weights of its shapes but not of its numbers."""
    made = eqx.filter_eval_shape(build, jax.random.key(0))
    return jax.tree.map(lambda x: 0.5 * normal(*x.shape) if isinstance(x, jax.ShapeDtypeStruct) else x, made)


@jax.jit
def call(module, *inputs):
    """`module(*inputs)`, compiled as one program."""
    return module(*inputs)
