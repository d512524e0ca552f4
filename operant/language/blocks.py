"""The blocks of a transformer, and the cache of what they read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

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


class Seen(NamedTuple):
    """What queries may look back on."""

    keys: (
        jax.Array
    )  # [M, heads of keys, S, d]: a row for each text, or one for several texts in a row, which share it
    values: jax.Array  # the same
    visible: jax.Array  # [N, T, S]: which of it each of T queries of N texts does see; T may be 1


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

    def attend(self, queries: jax.Array, *seen: Seen, key: jax.Array | None = None) -> jax.Array:
        """`softmax(Q Kᵀ / √d) V` over all that is seen by `queries [N, heads, T, d]`, through the output matrix:
        `[N, T, D]`.

        `key` turns dropout on.
        """
        texts, heads, length, size = queries.shape
        scores = [self._scores(queries / math.sqrt(size), each) for each in seen]
        weights = jax.nn.softmax(jnp.concatenate(scores, axis=-1), axis=-1)
        weights = dropout(weights, self.config.dropout, key)
        ends = np.cumsum([each.keys.shape[2] for each in seen])[:-1]
        parts = zip(jnp.split(weights, ends, axis=-1), seen, strict=True)
        mixed = sum(self._mixed(part, each.values) for part, each in parts)
        return self.output(jnp.moveaxis(mixed, 1, 2).reshape(texts, length, heads * size))

    def _scores(self, queries: jax.Array, seen: Seen) -> jax.Array:
        """`Q Kᵀ [N, heads, T, S]`, and where nothing is visible the least number there is: a softmax of −∞ alone, as
        that of padding, would be NaN.
        """
        scores = jnp.einsum("ngqd,ngsd->ngqs", self._by_source(queries, seen.keys), seen.keys)
        scores = self._by_text(scores, queries)
        visible = jnp.broadcast_to(seen.visible[:, None], scores.shape)
        return jnp.where(visible, scores, jnp.finfo(jnp.float32).min)

    def _mixed(self, weights: jax.Array, values: jax.Array) -> jax.Array:
        """Means of values `[N, heads, T, d]` by weights `[N, heads, T, S]`."""
        mixed = jnp.einsum("ngqs,ngsd->ngqd", self._by_source(weights, values), values)
        return self._by_text(mixed, weights)

    def _by_source(self, x: jax.Array, source: jax.Array) -> jax.Array:
        """`[N, heads, T, n]`, a row of each query, by whose keys it sees: `[M, heads of keys, queries, n]`."""
        (texts, heads, length, size), (sources, groups) = x.shape, source.shape[:2]
        each, queries = texts // sources, heads // groups * length
        rows = x.reshape(sources, each, groups, queries, size)
        return jnp.moveaxis(rows, 1, 2).reshape(sources, groups, each * queries, size)

    def _by_text(self, x: jax.Array, like: jax.Array) -> jax.Array:
        """The inverse of `_by_source`, to the texts of `like [N, heads, T, …]`."""
        texts, heads, length, _ = like.shape
        sources, groups = x.shape[:2]
        rows = x.reshape(sources, groups, texts // sources, heads // groups * length, x.shape[3])
        return jnp.moveaxis(rows, 2, 1).reshape(texts, heads, length, x.shape[3])


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
        attended = self.attention.attend(queries, Seen(own_keys, values, visible), key=keys[0])
        x = x + dropout(attended, rate, keys[1])
        x = x + dropout(self.feed_forward(self.feed_forward_norm(x)), rate, keys[2])
        return x, (own_keys, values)

    def read_after(self, x: jax.Array, positions: jax.Array, before: Seen, visible: jax.Array) -> jax.Array:
        """The same of what goes on from texts that were read, `x [N, T, D]`."""
        queries, keys, values = self.attention.project(self.attention_norm(x), positions)
        x = x + self.attention.attend(queries, before, Seen(keys, values, visible))
        return x + self.feed_forward(self.feed_forward_norm(x))

    def step(
        self, x: jax.Array, keys: jax.Array, values: jax.Array, cache: Cache, visible: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """`(x, keys, values)` after one token more, `x [N, 1, D]`, in slot `cache.length`."""
        positions = cache.positions
        queries, new_keys, new_values = self.attention.project(self.attention_norm(x), positions)
        keys, values = _put(keys, new_keys, cache.length), _put(values, new_values, cache.length)
        x = x + self.attention.attend(queries, Seen(keys, values, visible))
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
