"""Targets of temporal-difference learning, and the error against them.

Each function is one equation about one transition (s, a, r, s'), as in rlax; `jax.vmap` makes it one about a
minibatch. Everywhere `q` is Q(s, ·) and `next_q` is Q(s', ·), both `[A]`, and `discount` is a number: γ, γ^k after k
steps, or 0 where nothing follows. A `selector` holds the values that decide which action is taken, −∞ for an impossible
one; they may be another network's than those that count.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

Scalar = jax.Array | float


def td_error(value: jax.Array, target: jax.Array) -> jax.Array:
    """δ = target − Q(s, a). Sutton & Barto 2018, equation 6.5. Any two arrays of one shape.

    Raises ValueError for two shapes, which would otherwise make a difference of every pair.
    """
    if jnp.shape(value) != jnp.shape(target):
        raise ValueError(
            f"value has shape {jnp.shape(value)} and target {jnp.shape(target)}: must be one shape."
        )
    return target - value


def q_target(reward: Scalar, discount: Scalar, next_q: jax.Array) -> jax.Array:
    """r + γ max_a Q(s', a). Watkins 1989; Mnih et al. 2015, doi:10.1038/nature14236, algorithm 1."""
    _of_one_transition((reward, discount), (next_q,))
    return reward + discount * jnp.max(next_q)


def double_q_target(
    reward: Scalar, discount: Scalar, next_q: jax.Array, next_q_selector: jax.Array
) -> jax.Array:
    """r + γ Q(s', argmax_a Q_selector(s', a)). Van Hasselt et al. 2016, arXiv:1509.06461, equation 4."""
    _of_one_transition((reward, discount), (next_q, next_q_selector))
    return reward + discount * greedy_value(next_q, next_q_selector)


def munchausen_target(
    reward: Scalar,
    discount: Scalar,
    next_q: jax.Array,
    next_q_selector: jax.Array,
    q_selector: jax.Array,
    action: jax.Array,
    alpha: Scalar,
    temperature: Scalar,
    clip: Scalar,
) -> jax.Array:
    """r + α [τ log π(a|s)] + γ Σ_b π(b|s') (Q(s', b) − τ log π(b|s')), with π = softmax(Q_selector / τ).

    [·] is clipped to [clip, 0]. Vieillard et al. 2020, arXiv:2007.14430, equation 1 and section 3.1.
    """
    reward = munchausen_reward(
        reward, discount, next_q_selector, q_selector, action, alpha, temperature, clip
    )
    return reward + discount * soft_value(next_q, next_q_selector, temperature)


def greedy_value(q: jax.Array, selector: jax.Array) -> jax.Array:
    """Q(s, argmax_a Q_selector(s, a)); max_a Q(s, a) where the selector is Q itself."""
    _of_one_transition((), (q, selector))
    return q[jnp.argmax(selector)]


def soft_value(q: jax.Array, selector: jax.Array, temperature: Scalar) -> jax.Array:
    """Σ_a π(a|s) Q(s, a) with π = softmax(Q_selector / τ)."""
    _of_one_transition((temperature,), (q, selector))
    return jnp.sum(jax.nn.softmax(selector / temperature) * q)


def munchausen_reward(
    reward: Scalar,
    discount: Scalar,
    next_q_selector: jax.Array,
    q_selector: jax.Array,
    action: jax.Array,
    alpha: Scalar,
    temperature: Scalar,
    clip: Scalar,
) -> jax.Array:
    """r + α [τ log π(a|s)] + γ τ H(π(·|s')): what of `munchausen_target` is known before Q(s', ·) is."""
    _of_one_transition((reward, discount, action, alpha, temperature, clip), (next_q_selector, q_selector))
    next_policy = jax.nn.softmax(next_q_selector / temperature)
    entropy = temperature * jnp.sum(jax.scipy.special.entr(next_policy))
    log_policy = temperature * jax.nn.log_softmax(q_selector / temperature)[action]
    return reward + alpha * jnp.clip(log_policy, clip, 0.0) + discount * entropy


def _of_one_transition(numbers: tuple[Scalar, ...], vectors: tuple[jax.Array, ...]) -> None:
    """Raise ValueError for arrays of a minibatch: a maximum over all of it would pass for that of one state."""
    for rank, arrays in ((0, numbers), (1, vectors)):
        for array in arrays:
            if jnp.ndim(array) != rank:
                expected = "a vector [A]" if rank else "a number"
                raise ValueError(
                    f"Got an array of shape {jnp.shape(array)}: one transition has {expected} there. "
                    "Use jax.vmap for a minibatch."
                )
