"""Residual networks for reinforcement learning: SimBa and SimBaV2.

Both are meant for observations that running statistics have normalised (RSNorm in the papers), which is the
hyperparameter `normalize_observations` of the algorithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.networks.layers import ACTIVATIONS, LayerNorm, Linear
from operant.networks.unit_linear import UnitLinear

EXPANSION = 4  # a block's hidden layer, in widths of the network
SHIFT = 3.0  # c of SimBaV2: the input's constant element, without which its length would be lost


class ResidualBlock(eqx.Module):
    """x + W₂ f(W₁ norm(x)), with a hidden layer four times as wide."""

    norm: LayerNorm
    wide: Linear
    narrow: Linear
    activation: str = eqx.field(static=True)

    @classmethod
    def build(cls, width: int, key: jax.Array, *, activation: str, initialization: str) -> ResidualBlock:
        keys = jax.random.split(key)
        gain = math.sqrt(2)
        return cls(
            LayerNorm.build(width),
            Linear.build(width, EXPANSION * width, keys[0], initialization, gain),
            Linear.build(EXPANSION * width, width, keys[1], initialization, gain),
            activation,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.narrow(ACTIVATIONS[self.activation](self.wide(self.norm(x))))


class Simba(eqx.Module):
    """A linear layer, residual blocks, layer normalisation, and a linear output layer where one is asked for.

    Lee et al. 2024, arXiv:2410.09754, section 4. Its activation is relu, and its hidden layers start from normal
    numbers of variance 2/inputs, where these are orthogonal with gain √2, or uniform.
    """

    embedding: Linear
    blocks: tuple[ResidualBlock, ...]
    norm: LayerNorm
    output: Linear | None

    @classmethod
    def build(
        cls,
        size_in: int,
        width: int,
        blocks: int,
        size_out: int | None,
        key: jax.Array,
        *,
        activation: str = "relu",
        initialization: str = "orthogonal",
        gain: float = 1.0,
    ) -> Simba:
        """`gain` is the output layer's."""
        first, last, *keys = jax.random.split(key, blocks + 2)
        return cls(
            Linear.build(size_in, width, first, initialization),
            tuple(
                ResidualBlock.build(width, k, activation=activation, initialization=initialization)
                for k in keys
            ),
            LayerNorm.build(width),
            None if size_out is None else Linear.build(width, size_out, last, initialization, gain),
        )

    @property
    def size(self) -> int:
        """Of what it puts out."""
        return (self.output or self.embedding).bias.shape[-1]

    @property
    def layers(self) -> tuple[Any, ...]:
        """Its layers that may be noisy: none."""
        return ()

    def __call__(
        self, x: jax.Array, *, key: jax.Array | None = None, noise: Sequence[jax.Array] = ()
    ) -> jax.Array:
        """`[..., in]` to `[..., out]`; nothing is dropped, and no layer is noisy."""
        x = self.embedding(x)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x if self.output is None else self.output(x)


class Scaler(eqx.Module):
    """`x [..., n]` times s, which begins at `initial` and is learnt as a vector that begins at `unit`.

    So that the optimiser's step, which has one size for all parameters, moves s by `initial / unit` of it.
    """

    vector: jax.Array  # [n]
    factor: float = eqx.field(static=True)  # initial / unit

    @classmethod
    def build(cls, size: int, initial: float, unit: float) -> Scaler:
        return cls(jnp.full(size, unit, jnp.float32), initial / unit)

    def __call__(self, x: jax.Array) -> jax.Array:
        return x * jnp.broadcast_to(self.vector * self.factor, x.shape)


class SphereBlock(eqx.Module):
    """From x on the unit sphere towards another point of it, norm(W₂ max(s · W₁ x, 0)), and back onto it.

    norm(x + α · (norm(W₂ max(s · W₁ x, 0)) − x)).
    """

    wide: UnitLinear
    scaler: Scaler  # s
    narrow: UnitLinear
    step: Scaler  # α

    @classmethod
    def build(cls, width: int, blocks: int, key: jax.Array, *, initialization: str) -> SphereBlock:
        """One of `blocks` in the network."""
        keys = jax.random.split(key)
        hidden, scale = EXPANSION * width, math.sqrt(2 / width) / math.sqrt(EXPANSION)
        return cls(
            UnitLinear.build(width, hidden, keys[0], initialization, bias=False),
            Scaler.build(hidden, scale, scale),
            UnitLinear.build(hidden, width, keys[1], initialization, bias=False),
            Scaler.build(width, 1 / (blocks + 1), 1 / math.sqrt(width)),
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        # A unit of which nothing passes the activation would have no direction: 1e-8 of all.
        hidden = jax.nn.relu(self.scaler(self.wide(x))) + 1e-8
        towards = on_sphere(self.narrow(hidden))
        return on_sphere(x + self.step(towards - x))


class SimbaV2(eqx.Module):
    """Features and weights of length 1 (Lee et al. 2025, arXiv:2502.15280, section 4).

    The input, with a constant element, is put onto the unit sphere, embedded, and moved along it by blocks; the output
    is linear in s · W x of the features x. All W have columns of length 1, at the start and after every step of an
    optimiser; the only biases are the output's. The activation is relu. In the paper a policy's mean and deviation have
    one such output each; here they have it together.
    """

    embedding: UnitLinear
    scaler: Scaler
    blocks: tuple[SphereBlock, ...]
    last: UnitLinear
    last_scaler: Scaler
    output: UnitLinear | None

    @classmethod
    def build(
        cls,
        size_in: int,
        width: int,
        blocks: int,
        size_out: int | None,
        key: jax.Array,
        *,
        initialization: str = "orthogonal",
    ) -> SimbaV2:
        first, second, third, *keys = jax.random.split(key, blocks + 3)
        scale = math.sqrt(2 / width)
        output = None
        if size_out is not None:
            weight = UnitLinear.build(width, size_out, third, initialization, bias=False).weight
            output = UnitLinear(weight, jnp.zeros(size_out, jnp.float32))
        return cls(
            UnitLinear.build(size_in + 1, width, first, initialization, bias=False),
            Scaler.build(width, scale, scale),
            tuple(SphereBlock.build(width, blocks, k, initialization=initialization) for k in keys),
            UnitLinear.build(width, width, second, initialization, bias=False),
            Scaler.build(width, 1.0, 1.0),
            output,
        )

    @property
    def size(self) -> int:
        """Of what it puts out."""
        return (self.output or self.last).weight.shape[-1]

    @property
    def layers(self) -> tuple[Any, ...]:
        """Its layers that may be noisy: none."""
        return ()

    def __call__(
        self, x: jax.Array, *, key: jax.Array | None = None, noise: Sequence[jax.Array] = ()
    ) -> jax.Array:
        """`[..., in]` to `[..., out]`; nothing is dropped, and no layer is noisy."""
        constant = jnp.full((*x.shape[:-1], 1), SHIFT, x.dtype)
        x = on_sphere(jnp.concatenate([x, constant], -1))
        x = on_sphere(self.scaler(self.embedding(x)))
        for block in self.blocks:
            x = block(x)
        x = self.last_scaler(self.last(x))
        return x if self.output is None else self.output(x)


def on_sphere(x: jax.Array) -> jax.Array:
    """`x [..., n]` divided by its length."""
    length = jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x), -1, keepdims=True), 1e-16))
    return x / jnp.broadcast_to(length, x.shape)
