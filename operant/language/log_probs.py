"""How likely a model finds the tokens of texts."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from operant.language.model import LanguageModel

MOST = 2**25  # logits that are there at once: 128 MB


def token_log_probs(
    model: LanguageModel, tokens: jax.Array, start: jax.Array | None = None, *, key: jax.Array | None = None
) -> jax.Array:
    """log π(token | those before it), `[N, T]`; of the first column, before which there is nothing, 0.

    The logits of all tokens at once would take more memory than the rest of the model: of large vocabularies they are
    computed in parts, and once more for the gradient.

    Args:
        tokens: `[N, T]` int32, padded on the left.
        start: `[N]`, where each text begins, or `[N, T]`, where that of each token does: see `LanguageModel.hidden`.
        key: Turns dropout on.
    """
    hidden, following = model.hidden(tokens, start, key=key)[:, :-1], tokens[:, 1:]
    rows, length, size = hidden.shape
    flat, targets = hidden.reshape(-1, size), following.reshape(-1)
    parts = -(-rows * length * model.config.vocab_size // MOST)
    if parts == 1:
        found = _log_probs(model, flat, targets)
    else:
        each = -(-rows * length // parts)
        filler = each * parts - rows * length
        flat = jnp.pad(flat, ((0, filler), (0, 0))).reshape(parts, each, size)
        targets = jnp.pad(targets, (0, filler)).reshape(parts, each)
        part = jax.checkpoint(lambda x: _log_probs(model, *x))
        found = jax.lax.map(part, (flat, targets)).reshape(-1)[: rows * length]
    return jnp.pad(found.reshape(rows, length), ((0, 0), (1, 0)))


def response_log_probs(
    model: LanguageModel, tokens: jax.Array, start: jax.Array, learnt: jax.Array
) -> jax.Array:
    """log π(response | prompt) `[…]` of texts `tokens […, T]`: the sum over the tokens that are `learnt […, T]`.

    `start` `[…]` is where each text begins.
    """
    found = token_log_probs(model, tokens.reshape(-1, tokens.shape[-1]), start.reshape(-1))
    return jnp.sum(found.reshape(tokens.shape) * learnt, axis=-1)


def _log_probs(model: LanguageModel, hidden: jax.Array, tokens: jax.Array) -> jax.Array:
    """Of tokens `[M]` after what the model made of those before them, `hidden [M, D]`."""
    logits = model.logits(hidden)
    return jnp.take_along_axis(logits, tokens[:, None], -1)[:, 0] - jax.nn.logsumexp(logits, axis=-1)
