"""The blocks of a transformer, and the cache of what they read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.language.config import Transformer
from operant.language.layers import Norm, Projection, rotate
from operant.networks.layers import dropout
from operant.networks.recurrent import Emptied

DEVIATION = 0.02  # of initial weights, as in GPT-2
ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu_tanh": lambda x: jax.nn.gelu(x, approximate=True),
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "silu": jax.nn.silu,
    "relu": jax.nn.relu,
}


class Cache(Emptied):
    """The keys and values of texts read so far, in S slots of which the first `length` are filled."""

    keys: tuple[jax.Array, ...]  # one a block: [N, heads of keys, S, size of a head]
    values: tuple[jax.Array, ...]  # the same
    start: jax.Array  # [N] int32: the slot of each text's first token
    length: jax.Array  # [] int32, of all texts, which end at the same slot; or [N]

    @classmethod
    def empty(cls, config: Transformer, texts: int, slots: int, start: jax.Array | None = None) -> Cache:
        """Room for `texts` texts of `slots` tokens each."""
        shape = (texts, config.groups_of_keys, slots, config.size_of_head)
        zeros = tuple(jnp.zeros(shape, jnp.float32) for _ in range(config.layers))
        start = jnp.zeros(texts, jnp.int32) if start is None else start
        return cls(zeros, tuple(map(jnp.zeros_like, zeros)), start, jnp.zeros((), jnp.int32))

    @property
    def slots(self) -> int:
        """S."""
        return self.keys[0].shape[2]

    def emptied(self, done: jax.Array) -> Cache:
        return replace(self, length=jnp.where(done, 0, self.length), start=jnp.where(done, 0, self.start))

    @property
    def positions(self) -> jax.Array:
        """Of the next token of each text, `[N, 1]`."""
        return (jnp.broadcast_to(self.length, self.start.shape) - self.start)[:, None]


class Attention(eqx.Module):
    """Causal attention: each token takes a mean of the values of the tokens up to itself, weighed by how well their
    keys match its query. A head of keys serves `heads ÷ kv_heads` heads of queries.
    """

    query: Projection
    key: Projection
    value: Projection
    output: Projection
    config: Transformer = eqx.field(static=True)

    @classmethod
    def build(cls, config: Transformer, key: jax.Array) -> Attention:
        queries = config.heads * config.size_of_head
        keys = config.groups_of_keys * config.size_of_head
        keys_of = jax.random.split(key, 4)

        def project(size: int, key: jax.Array) -> Projection:
            return Projection.build(config.width, size, key, bias=config.qkv_bias, deviation=DEVIATION)

        output = Projection.build(
            queries, config.width, keys_of[3], bias=config.output_bias, deviation=_of_residual(config)
        )
        return cls(
            project(queries, keys_of[0]), project(keys, keys_of[1]), project(keys, keys_of[2]), output, config
        )

    def project(self, x: jax.Array, positions: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """`(queries, keys, values)` of tokens `x [N, T, D]` at `positions [N, T]`, each `[N, its heads, T, d]`."""
        config = self.config

        def heads(x: jax.Array, count: int, *, turned: bool) -> jax.Array:
            x = x.reshape(*x.shape[:2], count, config.size_of_head)
            if turned and config.positions == "rotary":
                x = rotate(x, positions, config.rotary_base)
            return jnp.moveaxis(x, 2, 1)

        queries = heads(self.query(x), config.heads, turned=True)
        keys = heads(self.key(x), config.groups_of_keys, turned=True)
        return queries, keys, heads(self.value(x), config.groups_of_keys, turned=False)

    def attend(
        self,
        queries: jax.Array,
        keys: jax.Array,
        values: jax.Array,
        visible: jax.Array,
        key: jax.Array | None = None,
    ) -> jax.Array:
        """`softmax(Q Kᵀ / √d) V` over what is `visible [N, T, S]`, through the output matrix: `[N, T, D]`.

        `key` turns dropout on.
        """
        texts, heads, length, size = queries.shape
        groups, slots = keys.shape[1], keys.shape[2]
        queries = queries.reshape(texts, groups, heads // groups * length, size) / math.sqrt(size)
        scores = jnp.einsum("ngqd,ngsd->ngqs", queries, keys)
        scores = scores.reshape(texts, heads, length, slots)
        # Finite, since padding sees nothing: a softmax of −∞ alone would be NaN.
        seen = jnp.broadcast_to(visible[:, None], scores.shape)
        weights = jax.nn.softmax(jnp.where(seen, scores, jnp.finfo(jnp.float32).min), axis=-1)
        weights = dropout(weights, self.config.dropout, key)
        mixed = jnp.einsum("ngqs,ngsd->ngqd", weights.reshape(texts, groups, -1, slots), values)
        mixed = jnp.moveaxis(mixed.reshape(texts, heads, length, size), 1, 2)
        return self.output(mixed.reshape(texts, length, heads * size))


class FeedForward(eqx.Module):
    """Two matrices with an activation between them, or three of which one gates: see `Transformer`."""

    up: Projection
    down: Projection
    gate: Projection | None
    config: Transformer = eqx.field(static=True)

    @classmethod
    def build(cls, config: Transformer, key: jax.Array) -> FeedForward:
        width, units, bias = config.width, config.units, config.mlp_bias
        up, down, gate = jax.random.split(key, 3)
        return cls(
            Projection.build(width, units, up, bias=bias, deviation=DEVIATION),
            Projection.build(units, width, down, bias=bias, deviation=_of_residual(config)),
            Projection.build(width, units, gate, bias=bias, deviation=DEVIATION) if config.gated else None,
            config,
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        activation = ACTIVATIONS[self.config.activation]
        if self.gate is None:
            return self.down(activation(self.up(x)))
        return self.down(activation(self.gate(x)) * self.up(x))


class Block(eqx.Module):
    """Attention, then a feed-forward layer, each on the normalised sum of all before it and added to that sum."""

    attention_norm: Norm
    attention: Attention
    feed_forward_norm: Norm
    feed_forward: FeedForward

    @classmethod
    def build(cls, config: Transformer, key: jax.Array) -> Block:
        attention, feed_forward = jax.random.split(key)
        return cls(
            Norm.build(config.width, config.norm, config.norm_eps),
            Attention.build(config, attention),
            Norm.build(config.width, config.norm, config.norm_eps),
            FeedForward.build(config, feed_forward),
        )

    def read(
        self, x: jax.Array, positions: jax.Array, visible: jax.Array, key: jax.Array | None
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """`(x, (keys, values))` of whole texts `[N, T, D]`."""
        rate, keys = self.attention.config.dropout, split_key(key, 3)
        queries, own_keys, values = self.attention.project(self.attention_norm(x), positions)
        x = x + dropout(self.attention.attend(queries, own_keys, values, visible, keys[0]), rate, keys[1])
        x = x + dropout(self.feed_forward(self.feed_forward_norm(x)), rate, keys[2])
        return x, (own_keys, values)

    def step(
        self, x: jax.Array, keys: jax.Array, values: jax.Array, cache: Cache, visible: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """`(x, keys, values)` after one token more, `x [N, 1, D]`, in slot `cache.length`."""
        positions = cache.positions
        queries, new_keys, new_values = self.attention.project(self.attention_norm(x), positions)
        keys, values = _put(keys, new_keys, cache.length), _put(values, new_values, cache.length)
        x = x + self.attention.attend(queries, keys, values, visible)
        return x + self.feed_forward(self.feed_forward_norm(x)), keys, values


def _of_residual(config: Transformer) -> float:
    return DEVIATION / math.sqrt(2 * config.layers)


def _put(room: jax.Array, new: jax.Array, slot: jax.Array) -> jax.Array:
    """`new [N, heads, 1, d]` in this slot of `room [N, heads, S, d]`; a slot `[N]` is each text's own."""
    if slot.ndim == 0:
        return jax.lax.dynamic_update_slice(room, new, (0, 0, slot, 0))
    return room.at[jnp.arange(len(room)), :, slot].set(new[:, :, 0])


def split_key(key: jax.Array | None, count: int) -> tuple[jax.Array | None, ...]:
    return (None,) * count if key is None else tuple(jax.random.split(key, count))
