"""Optimisers, built inside traced functions from traced numbers; only their state is kept."""

from __future__ import annotations

import jax
import optax


def adam(
    learning_rate: jax.Array | float, max_grad_norm: jax.Array | float, eps: float
) -> optax.GradientTransformation:
    """Adam (Kingma & Ba 2015) on gradients shortened to `max_grad_norm`.

    It works on all parameters as one vector: a dozen small arrays, each with its own handful of kernels, would cost as
    much as the gradient of a small network.
    """
    return optax.flatten(
        optax.chain(optax.clip_by_global_norm(max_grad_norm), optax.adam(learning_rate, eps=eps))
    )
