"""Layers, on arrays with any leading axes. Weights are leaves; everything else is static."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.networks.batch_renorm import BatchRenorm

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
    "leaky_relu": jax.nn.leaky_relu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "identity": lambda x: x,
}


def initial(
    key: jax.Array, size_in: int, size_out: int, initialization: str, gain: float
) -> tuple[jax.Array, jax.Array]:
    """A weight `[in, out]` and bias `[out]`.

    "orthogonal": rows or columns orthonormal times `gain`, bias 0 (Saxe et al. 2014, arXiv:1312.6120).
    "uniform": both uniform in ±1/√in, whatever the gain: what PyTorch's layers start with.
    """
    if initialization == "orthogonal":
        return gain * orthonormal(jax.random.normal(key, (size_in, size_out), dtype=jnp.float32)), jnp.zeros(
            size_out, jnp.float32
        )
    limit = 1 / math.sqrt(size_in)
    key_weight, key_bias = jax.random.split(key)
    weight = jax.random.uniform(
        key_weight, (size_in, size_out), minval=-limit, maxval=limit, dtype=jnp.float32
    )
    return weight, jax.random.uniform(key_bias, (size_out,), minval=-limit, maxval=limit, dtype=jnp.float32)


def orthonormal(x: jax.Array) -> jax.Array:
    """`x [m, n]` with its columns (its rows, if they are fewer) made orthonormal in turn: Q of `x = QR` with R's
    diagonal positive, which is uniform over the orthogonal matrices if `x` is normal (Mezzadri 2007,
    arXiv:math-ph/0609050).

    By Gram and Schmidt, each vector twice (Giraud et al. 2005), because a factorisation by LAPACK loads SciPy, at
    the start of every process (docs/decisions/0005-compiler.md).
    """
    tall = x.shape[0] >= x.shape[1]
    vectors = x.T if tall else x

    def turn(i: jax.Array, vectors: jax.Array) -> jax.Array:
        vector = vectors[i]
        for _ in range(2):
            shadows = jnp.where(jnp.arange(len(vectors)) < i, vectors @ vector, 0)
            vector = vector - shadows @ vectors
        return vectors.at[i].set(vector / jnp.linalg.norm(vector))

    vectors = jax.lax.fori_loop(0, len(vectors), turn, vectors)
    return vectors.T if tall else vectors


@jax.custom_vjp
def affine(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    """`x [..., in] @ weight [in, out] + bias [out]`.

    Its gradient is written out because XLA's own takes three times as long on a CPU: it hands the product of a
    transposed matrix to a slower routine, unless the transposition is an array by itself.
    """
    y = x @ weight
    return y + jnp.broadcast_to(bias, y.shape)


def _affine_forward(x: jax.Array, weight: jax.Array, bias: jax.Array) -> tuple[jax.Array, tuple]:
    return affine(x, weight, bias), (x, weight)


def _affine_backward(residual: tuple, gradient: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, weight = residual
    rows, gradients = x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    transposed = jax.lax.optimization_barrier(rows.T)
    return gradient @ weight.T, transposed @ gradients, jnp.sum(gradients, axis=0)


affine.defvjp(_affine_forward, _affine_backward)


class Linear(eqx.Module):
    """`x [..., in]` to `[..., out]`."""

    weight: jax.Array  # [in, out]
    bias: jax.Array  # [out]

    @classmethod
    def build(
        cls,
        size_in: int,
        size_out: int,
        key: jax.Array,
        initialization: str = "orthogonal",
        gain: float = 1.0,
    ) -> Linear:
        """See `initial` for the two initializations."""
        return cls(*initial(key, size_in, size_out, initialization, gain))

    def __call__(self, x: jax.Array) -> jax.Array:
        return affine(x, self.weight, self.bias)


class LayerNorm(eqx.Module):
    """`x [..., n]` with mean 0 and variance 1 over its last axis, then an affine map (Ba et al. 2016)."""

    scale: jax.Array  # [n]
    shift: jax.Array  # [n]

    @classmethod
    def build(cls, size: int) -> LayerNorm:
        return cls(jnp.ones(size, jnp.float32), jnp.zeros(size, jnp.float32))

    def __call__(self, x: jax.Array) -> jax.Array:
        centred = x - jnp.mean(x, axis=-1, keepdims=True)
        normal = centred * jax.lax.rsqrt(jnp.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
        return normal * jnp.broadcast_to(self.scale, x.shape) + jnp.broadcast_to(self.shift, x.shape)


def dropout(x: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
    """Each element 0 with probability `rate` and otherwise divided by 1 − rate; `x` itself without a key."""
    if key is None or rate == 0:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0.0)


class MLP(eqx.Module):
    """Hidden layers, and a linear output layer where one is asked for."""

    hidden: tuple[Any, ...]  # Linear, or what `build` was told
    norms: tuple[LayerNorm, ...]  # one a hidden layer, or none
    output: Any  # the same, or None
    activation: str = eqx.field(static=True)
    rate: float = eqx.field(static=True)
    renorms: tuple[BatchRenorm, ...] = ()  # one on the input of each hidden layer and of the output, or none

    @classmethod
    def build(
        cls,
        size_in: int,
        hidden_sizes: tuple[int, ...],
        size_out: int | None,
        key: jax.Array,
        *,
        activation: str = "tanh",
        layer_norm: bool = False,
        dropout: float = 0.0,
        initialization: str = "orthogonal",
        gain: float = 1.0,
        linear: Callable[..., Any] = Linear.build,
        hidden_linear: Callable[..., Any] | None = None,
        renorm: Callable[[int], BatchRenorm] | None = None,
    ) -> MLP:
        """`gain` is the output layer's; the hidden ones have √2. `linear` builds all of these layers, unless
        `hidden_linear` builds the hidden ones; `renorm` one on inputs of a size, where there are to be any."""
        keys = jax.random.split(key, len(hidden_sizes) + 1)
        inputs = (size_in, *hidden_sizes)
        hidden = tuple(
            (hidden_linear or linear)(before, after, k, initialization, math.sqrt(2))
            for before, after, k in zip(inputs[:-1], hidden_sizes, keys[:-1], strict=True)
        )
        norms = tuple(LayerNorm.build(size) for size in hidden_sizes) if layer_norm else ()
        output = None if size_out is None else linear(inputs[-1], size_out, keys[-1], initialization, gain)
        renorms = () if renorm is None else tuple(renorm(size) for size in inputs)
        return cls(hidden, norms, output, activation, dropout, renorms)

    @property
    def size(self) -> int:
        """Of what it puts out."""
        return (self.output or self.hidden[-1]).bias.shape[-1]

    @property
    def layers(self) -> tuple[Any, ...]:
        """All linear layers, in order."""
        return self.hidden if self.output is None else (*self.hidden, self.output)

    def __call__(
        self, x: jax.Array, *, key: jax.Array | None = None, noise: Sequence[jax.Array] = ()
    ) -> jax.Array:
        """`[..., in]` to `[..., out]`; `key` turns dropout on, `noise` is what noisy layers take, one each."""
        return self._outputs(x, key, noise, lambda i, x: self.renorms[i](x))

    def learn(
        self, x: jax.Array, *, key: jax.Array | None = None, mask: jax.Array | None = None
    ) -> tuple[jax.Array, MLP]:
        """What it puts out by the statistics of this minibatch, and itself after its running ones have seen it.

        `mask` `[…]` says which rows count for them; None: all do."""
        learnt: list[BatchRenorm] = []

        def renorm(i: int, x: jax.Array) -> jax.Array:
            x, layer = self.renorms[i].learn(x, mask)
            learnt.append(layer)
            return x

        y = self._outputs(x, key, (), renorm)
        return y, replace(self, renorms=tuple(learnt))

    def _outputs(
        self,
        x: jax.Array,
        key: jax.Array | None,
        noise: Sequence[jax.Array],
        renorm: Callable[[int, jax.Array], jax.Array],
    ) -> jax.Array:
        for i, layer in enumerate(self.hidden):
            x = renorm(i, x) if self.renorms else x
            x = layer(x, *noise[i : i + 1])
            key_dropout = None if key is None else jax.random.fold_in(key, i)
            if self.norms:
                x = ACTIVATIONS[self.activation](self.norms[i](dropout(x, self.rate, key_dropout)))
            else:
                x = dropout(ACTIVATIONS[self.activation](x), self.rate, key_dropout)
        x = renorm(len(self.hidden), x) if self.renorms else x
        return x if self.output is None else self.output(x, *noise[len(self.hidden) :])
