"""Parameters that are kept somewhere: brought back there after each step of an optimiser."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp

T = TypeVar("T")


class Constrained(eqx.Module):
    """A part of a network whose parameters have a place to be."""

    @abstractmethod
    def projected(self) -> Self:
        """The same, with its parameters brought there."""


def project(parameters: T) -> T:
    """The parameters, with all that is `Constrained` among them brought to its place."""

    def kept(part: object) -> bool:
        return isinstance(part, Constrained)

    return jax.tree.map(
        lambda part: part.projected() if isinstance(part, Constrained) else part, parameters, is_leaf=kept
    )


def unit_columns(weight: jax.Array) -> jax.Array:
    """`weight [..., in, out]` with the weights of each output, a vector of `in` numbers, divided by its length."""
    length = jnp.linalg.norm(weight, axis=-2, keepdims=True)
    return weight / jnp.broadcast_to(jnp.maximum(length, 1e-8), weight.shape)
