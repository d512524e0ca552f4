"""Optimisers, built inside traced functions from traced numbers; only their state is kept."""

from __future__ import annotations

from typing import Literal

import jax
import optax

from operant.ops.constraints import project
from operant.types import PyTree

LARGEST_VECTOR = 30_000  # parameters
Optimizer = Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"]
DECAYED = ("adamw", "sgd")  # those that take a weight decay


def make(
    name: str,
    learning_rate: jax.Array | float,
    max_grad_norm: jax.Array | float | None,
    *,
    eps: jax.Array | float,
    betas: tuple[float, float],
    decay: jax.Array | float,
    momentum: jax.Array | float,
    weight_decay: jax.Array | float | None,
) -> optax.GradientTransformation:
    """An `Optimizer` by its name, or "rmsprop_centred", on gradients shortened to `max_grad_norm` (None: as they are).

    As PyTorch has them, with its defaults where a value is None: AdamW (Loshchilov & Hutter 2019) shrinks parameters by
    `weight_decay` apart from the step, SGD has the momentum of Sutskever et al. 2013 without dampening. "rmsprop_tf" is
    Stable-Baselines3's RMSpropTFLike: ε inside the root, and a mean square that begins at 1. RAdam (Liu et al. 2020,
    arXiv:1908.03265) is optax's, whose ε is added to the root of the corrected square. A value that a kind does not
    take is not looked at.

    Raises:
        ValueError: there is no such optimiser.
    """
    if name == "adam":
        return adam(learning_rate, max_grad_norm, eps, betas)
    if name == "rmsprop":
        return rmsprop(learning_rate, max_grad_norm, eps, decay)
    if name == "rmsprop_centred":
        return centred_rmsprop(learning_rate, max_grad_norm, eps, decay)
    if name == "rmsprop_tf":
        kind = optax.rmsprop(learning_rate, decay, eps, initial_scale=1.0, eps_in_sqrt=True)
    elif name == "adamw":
        decayed = 0.01 if weight_decay is None else weight_decay
        kind = optax.adamw(learning_rate, *betas, eps=eps, weight_decay=decayed)
    elif name == "radam":
        kind = optax.radam(learning_rate, *betas, eps=eps)
    elif name == "sgd":
        kind = optax.sgd(learning_rate, momentum)
        if weight_decay is not None:
            kind = optax.chain(optax.add_decayed_weights(weight_decay), kind)
    else:
        raise ValueError(f"optimizer={name!r} is unknown.")
    return _on_one_vector(max_grad_norm, kind)


def adam(
    learning_rate: jax.Array | float,
    max_grad_norm: jax.Array | float | None,
    eps: jax.Array | float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> optax.GradientTransformation:
    """Adam (Kingma & Ba 2015) on gradients shortened to `max_grad_norm`; None: as they are."""
    return _on_one_vector(max_grad_norm, optax.adam(learning_rate, *betas, eps=eps))


def rmsprop(
    learning_rate: jax.Array | float,
    max_grad_norm: jax.Array | float | None,
    eps: jax.Array | float,
    decay: jax.Array | float,
) -> optax.GradientTransformation:
    """RMSProp (Tieleman & Hinton 2012) on gradients shortened to `max_grad_norm`.

    As PyTorch has it: the mean square begins at 0, and `eps` is added to its root.
    """
    return _on_one_vector(max_grad_norm, optax.rmsprop(learning_rate, decay, eps, eps_in_sqrt=False))


def centred_rmsprop(
    learning_rate: jax.Array | float,
    max_grad_norm: jax.Array | float | None,
    eps: jax.Array | float,
    decay: jax.Array | float,
) -> optax.GradientTransformation:
    """g / √(E[g²] − E[g]² + ε) on gradients shortened to `max_grad_norm`: the variance instead of the square.

    Graves 2013, arXiv:1308.0850, equations 38 to 40, without momentum, as Mnih et al. 2015 used it.
    """
    return _on_one_vector(
        max_grad_norm, optax.rmsprop(learning_rate, decay, eps, eps_in_sqrt=True, centered=True)
    )


def _on_one_vector(
    max_grad_norm: jax.Array | float | None, optimizer: optax.GradientTransformation
) -> optax.GradientTransformation:
    """The optimiser, on all parameters of a small network as one vector.

    A dozen small arrays, each with its own handful of kernels, would cost as much as the gradient of a small network.
    Putting large ones together, and taking them apart again, costs more than it saves.
    """
    if max_grad_norm is not None:
        optimizer = optax.chain(optax.clip_by_global_norm(max_grad_norm), optimizer)
    flat = optax.flatten(optimizer)

    def suited(parameters: PyTree) -> optax.GradientTransformation:
        size = sum(leaf.size for leaf in jax.tree.leaves(parameters))
        return flat if size <= LARGEST_VECTOR else optimizer

    def init(params: PyTree) -> optax.OptState:
        return suited(params).init(params)

    def update(
        updates: PyTree, state: optax.OptState, params: PyTree | None = None
    ) -> tuple[PyTree, optax.OptState]:
        return suited(updates).update(updates, state, params)

    return optax.GradientTransformation(init, update)


def descend(
    optimizer: optax.GradientTransformation, gradient: PyTree, state: optax.OptState, parameters: PyTree
) -> tuple[PyTree, optax.OptState]:
    """`(parameters, optimiser state)` after one step, and after bringing back what is `Constrained`."""
    updates, state = optimizer.update(gradient, state, parameters)
    return project(optax.apply_updates(parameters, updates)), state
