"""JAX environments of other libraries, given as objects. They are known by their interfaces: nothing is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant import spaces
from operant.envs.base import Environment
from operant.lazy import load
from operant.types import PyTree

KEY = "threefry2x32"  # the kind of keys whose bits are a step's noise


class Held:
    """Objects that a compiled program is made for: each is equal to itself alone, so that it need not be hashable."""

    def __init__(self, *objects: Any) -> None:
        self.objects = objects

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and [*map(id, self.objects)] == [*map(id, other.objects)]

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.objects)))


def adopted(given: Any) -> Any:
    """The native environment that does what an object of another library does; anything else unchanged.

    Recognised are gymnax's interface, as `env` or as `(env, params)`, and Brax's.

    Raises ValueError where an object has the interface and cannot be used, naming it and what to do.
    """
    env, params = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if isinstance(env, type | str | Environment | gym.Env | gym.vector.VectorEnv):
        return given
    cls = type(env)
    # Looked for in the class: wrappers of gymnax hand on what they do not have, and what they do would be lost.
    if all(hasattr(cls, name) for name in ("reset_env", "step_env", "action_space", "default_params")):
        return load("operant.envs.gymnax_interface:adopt")(env, params)
    if env is given and all(
        hasattr(cls, name) for name in ("reset", "step", "observation_size", "action_size")
    ):
        return load("operant.envs.brax_interface:adopt")(env)
    return given


def name_of(env: Any, name: str) -> str:
    """An id that is none of Gymnasium's: the package it is from, and its name."""
    return f"{type(env).__module__.partition('.')[0]}/{name}"


def bits(key: jax.Array) -> jax.Array:
    """The noise of one step, `[2]` uint32: the bits of a key."""
    return jax.random.bits(key, (2,), jnp.uint32)


def key_of(noise: jax.Array) -> jax.Array:
    return jax.random.wrap_key_data(noise, impl=KEY)


def settled(tree: PyTree) -> PyTree:
    """The tree with arrays of a definite type as leaves: Python's numbers are of none, and a loop's state must be."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf)), tree)


def as_space(name: str, space: Any) -> spaces.Space:
    """operant's space for one with the attributes of gymnax's Discrete, Box, Dict or Tuple.

    Raises ValueError for others.
    """
    parts = getattr(space, "spaces", None)
    if isinstance(parts, Mapping):
        return spaces.Dict.of({key: as_space(name, part) for key, part in parts.items()})
    if isinstance(parts, list | tuple):
        return spaces.Tuple(tuple(as_space(name, part) for part in parts))
    if all(hasattr(space, part) for part in ("low", "high", "shape")):
        shape = tuple(map(int, space.shape))
        dtype = np.dtype(getattr(space, "dtype", np.float32))
        kind = "uint8" if dtype == np.uint8 else "int32" if dtype.kind in "iu" else "float32"
        low, high = (
            tuple(np.broadcast_to(np.asarray(bound, np.float64), shape).ravel().tolist())
            for bound in (space.low, space.high)
        )
        return spaces.Box(low, high, shape, kind)
    if hasattr(space, "n"):
        return spaces.Discrete(int(space.n))
    raise ValueError(
        f"{name}: operant cannot take the space {space!r}: give one with low, high and shape, or with n."
    )


def as_observation(name: str, space: spaces.Space, value: PyTree) -> PyTree:
    """An observation in the types of its space. Raises ValueError where its structure or shapes are others."""
    shapes = jax.tree.map(lambda leaf: np.zeros(jnp.shape(leaf), np.float32), value)
    reason = spaces.mismatch(space, shapes)
    if reason is not None:
        raise ValueError(f"{name}: {reason}")
    if isinstance(space, spaces.Dict):
        return {key: as_observation(name, part, value[key]) for key, part in space.items}
    if isinstance(space, spaces.Tuple):
        return tuple(as_observation(name, part, one) for part, one in zip(space.items, value, strict=True))
    return jnp.asarray(value, space.dtype)
