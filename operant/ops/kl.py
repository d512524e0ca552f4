"""The KL divergence of a policy from a reference, estimated from the actions that the policy took.

    KL(π ‖ π_ref) = E_π[ d ],   d = log π(a|s) − log π_ref(a|s)

| estimate | of one action | |
|---|---|---|
| k1 | d | unbiased; negative where the reference finds an action likelier |
| k2 | d² / 2 | biased, little where the policies are near each other |
| k3 | e^(−d) − 1 + d | unbiased and never negative |

(Schulman 2020, http://joschu.net/blog/kl-approx.html.) As rewards, −β k1 alone is right: a policy gradient knows
nothing of the way in which k2 and k3 depend on π themselves. As losses, differentiated as they are, k1 has a gradient
of mean 0, and k3 that of KL(π_ref ‖ π), the other way round; `kl_loss` mends both.
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

Estimator = Literal["k1", "k2", "k3"]
ESTIMATORS = get_args(Estimator)
LARGEST_ERROR = (
    0.2  # of the share by which the divergence misses its target (Ziegler et al. 2019, section 2.2)
)


def kl_estimate(log_prob: jax.Array, reference_log_prob: jax.Array, estimator: Estimator) -> jax.Array:
    """The estimate of each action, of one shape with `log_prob`."""
    difference = log_prob - reference_log_prob
    match estimator:
        case "k1":
            return difference
        case "k2":
            return 0.5 * jnp.square(difference)
        case "k3":
            return jnp.exp(-difference) - 1 + difference


def kl_loss(
    log_prob: jax.Array,
    reference_log_prob: jax.Array,
    estimator: Estimator,
    old_log_prob: jax.Array,
) -> jax.Array:
    """The estimate of each action as a loss whose mean gradient, by `log_prob`, is that of KL(π ‖ π_ref).

    Actions were taken by the policy of `old_log_prob`, so that each is weighed by ρ = π/π_old. In
    E_old[ ρ k ] = E_π[ k ] both ρ and k depend on π, and with k1 and k3 that is the divergence itself. The gradient of
    k2 is right as it is, d ∇log π, so that there ρ is a mere weight.

    Source: DeepSeek-AI 2025, arXiv:2512.02556, section 3.1, for k3; Tang & Munos 2025, arXiv:2506.09477.
    """
    ratio = jnp.exp(log_prob - jax.lax.stop_gradient(old_log_prob))
    if estimator == "k2":
        ratio = jax.lax.stop_gradient(ratio)
    return ratio * kl_estimate(log_prob, jax.lax.stop_gradient(reference_log_prob), estimator)


def adapted_coefficient(
    coefficient: jax.Array | float,
    kl: jax.Array,
    target: jax.Array | float,
    gain: jax.Array | float,
) -> jax.Array:
    """β (1 + K e) with e = clip(kl / target − 1, ±0.2): larger where the divergence is above its target.

    Source: Ziegler et al. 2019, arXiv:1909.08593, section 2.2; K is 0.1 there.
    """
    error = jnp.clip(kl / target - 1, -LARGEST_ERROR, LARGEST_ERROR)
    return coefficient * (1 + gain * error)
