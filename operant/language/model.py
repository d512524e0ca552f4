"""A decoder-only transformer (Vaswani et al. 2017, arXiv:1706.03762; Radford et al. 2019) as a pytree of arrays.

Texts of different lengths are rows of one array: shorter ones have padding on their left, which no token looks at and
which shifts no position. `start` says where each begins, so that nothing depends on what the padding is.

Reading a text can be split: `prefill` reads its beginning and gives a `Cache` of what later tokens look back on, and
`step` reads one token more. Together they give what reading all at once does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.language.blocks import DEVIATION, Block, Cache, Seen, split_key
from operant.language.config import Transformer
from operant.language.layers import Norm, Projection
from operant.networks.layers import dropout
from operant.types import PyTree


class LanguageModel(eqx.Module):
    """From tokens to the logits of the next one. Every leaf is an array."""

    embedding: jax.Array  # [V, D]
    positions: jax.Array | None  # [context, D]; None with rotary ones
    blocks: tuple[Block, ...]
    norm: Norm
    head: Projection | None  # None: the embedding
    config: Transformer = eqx.field(static=True)

    @classmethod
    def build(cls, config: Transformer, key: jax.Array) -> LanguageModel:
        """Before learning: normal weights of deviation 0.02, divided by √(2 layers) in matrices whose output is added
        to the sum of all layers (Radford et al. 2019, section 2.3).
        """
        embedding, positions, head, *blocks = jax.random.split(key, config.layers + 3)

        def normal(key: jax.Array, rows: int) -> jax.Array:
            return DEVIATION * jax.random.normal(key, (rows, config.width), jnp.float32)

        return cls(
            normal(embedding, config.vocab_size),
            normal(positions, config.context) if config.positions == "learned" else None,
            tuple(Block.build(config, k) for k in blocks),
            Norm.build(config.width, config.norm, config.norm_eps),
            None
            if config.tied
            else Projection.build(config.width, config.vocab_size, head, bias=False, deviation=DEVIATION),
            config,
        )

    @property
    def size(self) -> int:
        """How many parameters it has."""
        return sum(leaf.size for leaf in jax.tree.leaves(self))

    @classmethod
    def like(cls, values: Mapping[str, Any]) -> LanguageModel:
        """The shapes of one with the values of a `Transformer`, without adapters."""
        config = Transformer.from_json(dict(values))
        return jax.eval_shape(lambda: cls.build(config, jax.random.key(0)))

    def described(self) -> dict[str, Any] | None:
        """What `like` takes; None with adapters, which it does not make."""
        values = self.config.to_json()
        return values if jax.tree.structure(self) == jax.tree.structure(self.like(values)) else None

    def __call__(
        self, tokens: jax.Array, start: jax.Array | None = None, *, key: jax.Array | None = None
    ) -> jax.Array:
        """Logits of the token after each, `[N, T, V]`. Arguments as of `hidden`."""
        return self.logits(self.hidden(tokens, start, key=key))

    def hidden(
        self, tokens: jax.Array, start: jax.Array | None = None, *, key: jax.Array | None = None
    ) -> jax.Array:
        """What the logits after each token are computed from, `[N, T, D]`.

        Args:
            tokens: `[N, T]` int32, padded on the left.
            start: `[N]`, where each text begins; None: at 0. Or `[N, T]` where several texts share a row: where that of
                each token begins, which sees no other one.
            key: Turns dropout on.
        """
        return self._read(tokens, start, key)[0]

    def answers_hidden(self, prompts: jax.Array, start: jax.Array, answers: jax.Array) -> jax.Array:
        """What the logits after each prompt, and after each token of its answers, are computed from.

        It is what `hidden` gives of prompts that are each followed by an answer, but each prompt is read once.

        Args:
            prompts: `[M, P]` int32, padded on the left.
            start: `[M]`, where each begins.
            answers: `[M·A, S]` int32: A in a row go on from one prompt.

        Returns `[M·A, 1 + S, D]`.
        """
        (asked, size), (texts, length) = prompts.shape, answers.shape
        self._require_room(size + length)
        place, each = jnp.arange(size), jnp.arange(length)
        positions = jnp.maximum(place[None] - start[:, None], 0)
        known = place[None] >= start[:, None]
        visible = (place[:, None] >= place[None])[None] & known[:, None]
        of_answers = jnp.repeat(size - start, texts // asked)[:, None] + each[None]
        prompt_visible = jnp.repeat(known, texts // asked, axis=0)[:, None]
        causal = (each[:, None] >= each[None])[None]

        def one(x: tuple[jax.Array, jax.Array], row: tuple[Block, None]) -> tuple[tuple, None]:
            prompt, (keys, values) = row[0].read(x[0], positions, visible, None)
            before = Seen(keys, values, prompt_visible)
            return (prompt, row[0].read_after(x[1], of_answers, before, causal)), None

        begun = self._embed(prompts, positions, None), self._embed(answers, of_answers, None)
        (prompt, answer), _ = self._through_blocks(one, begun, None)
        asked_last = jnp.repeat(prompt[:, -1:], texts // asked, axis=0)
        return self.norm(jnp.concatenate([asked_last, answer], axis=1))

    def logits(self, hidden: jax.Array) -> jax.Array:
        """`[..., D]` to `[..., V]`."""
        if self.head is not None:
            return self.head(hidden)
        return jnp.einsum("...d,vd->...v", hidden, self.embedding)

    def prefill(self, tokens: jax.Array, start: jax.Array | None, slots: int) -> tuple[jax.Array, Cache]:
        """`(hidden [N, T, D], cache)` of the beginnings of texts, with room for `slots` tokens in all."""
        texts, length = tokens.shape
        hidden, (keys, values) = self._read(tokens, start, None)
        cache = Cache.empty(self.config, texts, slots, start)

        def filled(room: tuple[jax.Array, ...], new: jax.Array) -> tuple[jax.Array, ...]:
            return tuple(
                jax.lax.dynamic_update_slice(one, new[i], (0, 0, 0, 0)) for i, one in enumerate(room)
            )

        filled_keys, filled_values = filled(cache.keys, keys), filled(cache.values, values)
        return hidden, replace(
            cache, keys=filled_keys, values=filled_values, length=jnp.full((), length, jnp.int32)
        )

    def step(self, tokens: jax.Array, cache: Cache) -> tuple[jax.Array, Cache]:
        """`(hidden [N, D], cache)` after one token more of each text, `tokens [N]`."""
        length = jnp.broadcast_to(cache.length, tokens.shape)[:, None]
        slot = jnp.arange(cache.slots)[None]
        visible = ((slot >= cache.start[:, None]) & (slot <= length))[:, None]
        x = self._embed(tokens[:, None], cache.positions, None)
        # Block by block rather than in a loop, which would copy each block's weights and its part of the cache.
        keys, values = [], []
        for block, own_keys, own_values in zip(self.blocks, cache.keys, cache.values, strict=True):
            x, own_keys, own_values = block.step(x, own_keys, own_values, cache, visible)
            keys.append(own_keys)
            values.append(own_values)
        cache = Cache(tuple(keys), tuple(values), cache.start, cache.length + 1)
        return self.norm(x)[:, 0], cache

    def _read(
        self, tokens: jax.Array, start: jax.Array | None, key: jax.Array | None
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """`(hidden, (keys, values))`, these of all blocks, `[layers, N, heads, T, d]`."""
        texts, length = tokens.shape
        self._require_room(length)
        first = jnp.zeros(texts, jnp.int32) if start is None else start
        first = first if first.ndim == 2 else first[:, None]  # the same for all tokens
        place = jnp.arange(length)
        positions = jnp.maximum(place[None] - first, 0)
        causal = place[:, None] >= place[None]
        visible = causal[None] & (place[None, None] >= first[:, :, None])
        of_embedding, of_blocks = split_key(key, 2)

        def one(x: jax.Array, row: tuple[Block, jax.Array | None]) -> tuple[jax.Array, tuple]:
            block, key = row
            return block.read(x, positions, visible, key)

        keys = None if of_blocks is None else jax.random.split(of_blocks, len(self.blocks))
        x, cached = self._through_blocks(one, self._embed(tokens, positions, of_embedding), keys)
        return self.norm(x), cached

    def _through_blocks(self, one: Callable[..., Any], x: PyTree, keys: jax.Array | None) -> tuple[Any, Any]:
        """What `one(x, (block, its key))` makes of `x`, and gives besides, in one block after another."""
        # One block is compiled, and all are run through it.
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *self.blocks)
        body = jax.checkpoint(one) if self.config.gradient_checkpointing else one
        return jax.lax.scan(body, x, (stacked, keys))

    def _require_room(self, length: int) -> None:
        if length > self.config.context:
            raise ValueError(
                f"{length} tokens; the model looks back on context={self.config.context} at the most. Shorten the "
                "texts."
            )

    def _embed(self, tokens: jax.Array, positions: jax.Array, key: jax.Array | None) -> jax.Array:
        x = self.embedding[tokens]
        if self.positions is not None:
            x = x + self.positions[positions]
        return dropout(x, self.config.dropout, key)
