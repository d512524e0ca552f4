"""Generating text: prompts are read at once, and then one token after another in a single compiled loop.

Prompts of different lengths are padded on the left, and lengths are rounded up to powers of two, so that a program is
compiled for each of a few sizes and not for every length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from operant.language.blocks import Cache
from operant.language.model import LanguageModel
from operant.language.sampling import Sampling
from operant.language.tokenizers.base import Tokenizer, padded
from operant.ops.seeds import key_of

SHORTEST = 16  # tokens, of rounded lengths


class Generated(NamedTuple):
    """Responses of up to T tokens, padded on the right."""

    tokens: jax.Array  # [N, T] int32, the one that ended it included
    log_probs: jax.Array  # [N, T] of each by the model itself, whatever it was drawn from; 0 for padding
    lengths: jax.Array  # [N] int32
    ended: jax.Array  # [N] bool: by the token that ends a text


@dataclass(frozen=True)
class Response:
    """What was generated after one prompt."""

    text: str
    tokens: np.ndarray  # int32, the one that ended it included
    log_probs: np.ndarray  # of each, by the model itself
    ended: bool  # by the token that ends a text rather than by the limit


class _Loop(NamedTuple):
    drawn: jax.Array  # [] int32: tokens of each row, so far
    token: jax.Array  # [N] the last ones
    ended: jax.Array  # [N] bool
    cache: Cache
    tokens: jax.Array  # [N, T]
    log_probs: jax.Array  # [N, T]


@partial(jax.jit, static_argnames="room")
def generate_tokens(
    model: LanguageModel,
    tokens: jax.Array,
    start: jax.Array,
    key: jax.Array,
    sampling: Sampling,
    limit: jax.Array,
    pad: jax.Array,
    eos: jax.Array,
    *,
    room: int,
) -> Generated:
    """Up to `limit` ≤ `room` tokens after each prompt.

    Args:
        tokens: Prompts `[N, P]`, padded on the left; `start [N]` is where each begins.
        key: Row i's t-th token is drawn from `fold_in(fold_in(key, t), i)`, however many rows there are.
        pad: Fills up rows that ended.
        eos: The token that ends a text.
        room: T, static: how many tokens there is room for.
    """
    rows = tokens.shape[0]
    hidden, cache = model.prefill(tokens, start, tokens.shape[1] + room)

    def draw(hidden: jax.Array, t: jax.Array, loop: _Loop) -> _Loop:
        """The t-th tokens, after what the model made of all before them."""
        logits = model.logits(hidden)
        keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.fold_in(key, t), i))(jnp.arange(rows))
        uniform = jax.vmap(lambda key: jax.random.uniform(key, (), jnp.float32))(keys)
        drawn = sampling.draw(logits, uniform)
        own = jnp.take_along_axis(logits, drawn[:, None], -1)[:, 0] - jax.nn.logsumexp(logits, axis=-1)
        token = jnp.where(loop.ended, pad, drawn)
        return _Loop(
            t + 1,
            token,
            loop.ended | (token == eos),
            loop.cache,
            loop.tokens.at[:, t].set(token),
            loop.log_probs.at[:, t].set(jnp.where(loop.ended, 0.0, own)),
        )

    def going(loop: _Loop) -> jax.Array:
        return (loop.drawn < limit) & ~loop.ended.all()

    def body(loop: _Loop) -> _Loop:
        hidden, cache = model.step(loop.token, loop.cache)
        return draw(hidden, loop.drawn, loop._replace(cache=cache))

    zero = jnp.zeros((), jnp.int32)
    nobody = jnp.zeros(rows, bool)
    empty = jnp.full((rows, room), pad, jnp.int32), jnp.zeros((rows, room), jnp.float32)
    loop = _Loop(zero, jnp.zeros(rows, jnp.int32), nobody, cache, *empty)
    loop = draw(hidden[:, -1], zero, loop)
    loop = jax.lax.while_loop(going, body, loop)
    written = jnp.arange(room)[None] < loop.drawn
    over = jnp.cumsum(loop.tokens == eos, axis=1) - (loop.tokens == eos) > 0  # after the first end
    lengths = jnp.sum(written & ~over, axis=1, dtype=jnp.int32)
    return Generated(loop.tokens, loop.log_probs, lengths, loop.ended)


def bucket(length: int) -> int:
    """The power of two that a length is rounded up to."""
    return max(SHORTEST, 1 << (length - 1).bit_length())


def generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
) -> list[Response]:
    """A response to each prompt, all generated together; the same seed gives the same ones.

    Args:
        prompts: Texts. An empty one needs a token that begins texts (`tokenizer.special.bos`).
        max_new_tokens: After which a response is cut off.
        temperature: 0 takes the likeliest token each time. For `top_k` and `top_p` see `Sampling`.

    Raises ValueError where prompts and responses together are longer than the model's context, or a value cannot be.
    """
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens={max_new_tokens}: must be at least 1.")
    if isinstance(prompts, str):
        raise ValueError("generate takes a list of prompts: put the text into one, [text].")
    if not prompts:
        return []
    special, context = tokenizer.special, model.config.context
    rows = [_begun(tokenizer, prompt, i) for i, prompt in enumerate(prompts)]
    longest = max(map(len, rows))
    if longest + max_new_tokens > context:
        raise ValueError(
            f"The longest prompt has {longest} tokens; with max_new_tokens={max_new_tokens} these are more than the "
            f"model's context={context}. Shorten the prompt, or lower max_new_tokens."
        )
    if tokenizer.vocab_size > model.config.vocab_size:
        raise ValueError(
            f"The tokeniser has {tokenizer.vocab_size} tokens, and the model {model.config.vocab_size}: they do not "
            "belong together."
        )
    tokens, start = padded(rows, special.pad, min(bucket(longest), context))
    made = generate_tokens(
        model,
        tokens,
        start,
        key_of(seed),
        Sampling(*(jnp.asarray(x) for x in _checked(temperature, top_k, top_p))),
        np.int32(max_new_tokens),
        np.int32(special.pad),
        np.int32(special.eos),
        room=bucket(max_new_tokens),
    )
    made = jax.tree.map(np.asarray, made)
    return [
        Response(
            tokenizer.decode(made.tokens[i, : made.lengths[i]]),
            made.tokens[i, : made.lengths[i]],
            made.log_probs[i, : made.lengths[i]],
            bool(made.ended[i]),
        )
        for i in range(len(rows))
    ]


def _checked(temperature: float, top_k: int, top_p: float) -> tuple[float, int, float]:
    Sampling(temperature, top_k, top_p)
    return float(temperature), int(top_k), float(top_p)


def _begun(tokenizer: Tokenizer, prompt: str, number: int) -> list[int]:
    tokens = tokenizer.encode(prompt)
    if tokens:
        return tokens
    if tokenizer.special.bos is None:
        raise ValueError(
            f"Prompt {number} is empty, and no token begins a text: give it something to go on from."
        )
    return [tokenizer.special.bos]
