"""Losses of preferences between responses.

With r the reward of a response, or with h the logarithm of π/π_ref of a whole one:

| loss | of a pair | |
|---|---|---|
| Bradley–Terry | −log σ(r_w − r_l − m) | Bradley & Terry 1952, doi:10.2307/2334029 |
| sigmoid (DPO) | −log σ(β(h_w − h_l)) | Rafailov et al. 2023, arXiv:2305.18290, equation 7 |
| hinge | max(0, 1 − β(h_w − h_l)) | Zhao et al. 2023, arXiv:2305.10425, equation 5 |
| ipo | (h_w − h_l − 1/(2β))² | Azar et al. 2023, arXiv:2310.12036, equation 17 |

w is the response that was chosen and l the one that was rejected.
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

Preference = Literal["sigmoid", "hinge", "ipo"]
PREFERENCES = get_args(Preference)


def bradley_terry_loss(chosen: jax.Array, rejected: jax.Array, margin: jax.Array | float = 0.0) -> jax.Array:
    """−log P(the chosen one wins) for rewards `[B]`; with a margin m the reward must be larger by that."""
    return -jax.nn.log_sigmoid(chosen - rejected - margin)


def centering_loss(chosen: jax.Array, rejected: jax.Array) -> jax.Array:
    """(r_w + r_l)², which is least where rewards are 0 on average: Bradley–Terry knows differences alone.

    Source: Eisenstein et al. 2023, arXiv:2312.09244, section 2.
    """
    return jnp.square(chosen + rejected)


def preference_loss(
    chosen: jax.Array,
    rejected: jax.Array,
    beta: jax.Array | float,
    kind: Preference,
    label_smoothing: jax.Array | float = 0.0,
) -> jax.Array:
    """The loss of pairs by the log-ratios `h [B]` of their responses.

    With `label_smoothing` ε a judgement is taken to be wrong with this probability: (1 − ε) L(w, l) + ε L(l, w)
    (Mitchell 2023, "A note on DPO with noisy preferences"). IPO's has no such thing.
    """
    difference = chosen - rejected
    match kind:
        case "sigmoid":
            right, wrong = -jax.nn.log_sigmoid(beta * difference), -jax.nn.log_sigmoid(-beta * difference)
        case "hinge":
            right, wrong = jax.nn.relu(1 - beta * difference), jax.nn.relu(1 + beta * difference)
        case "ipo":
            return jnp.square(difference - 1 / (2 * beta))
    return (1 - label_smoothing) * right + label_smoothing * wrong


def kto_loss(
    log_ratio: jax.Array,
    desirable: jax.Array,
    baseline: jax.Array,
    beta: jax.Array | float,
    desirable_weight: jax.Array | float = 1.0,
    undesirable_weight: jax.Array | float = 1.0,
) -> jax.Array:
    """λ_y − v(x, y), what a response is worth less than it could be, by prospect theory.

    v = λ_D σ(β(h − z)) for desirable responses and λ_U σ(β(z − h)) for others.

    Source: Ethayarajh et al. 2024, arXiv:2402.01306, equation 8.

    Args:
        log_ratio: h `[B]`.
        desirable: `[B]`, 1 or 0.
        baseline: z: the divergence of π from π_ref, at least 0; no gradient passes it.
    """
    distance = beta * (log_ratio - jax.lax.stop_gradient(baseline))
    loss = jnp.where(
        desirable > 0,
        desirable_weight * (1 - jax.nn.sigmoid(distance)),
        undesirable_weight * (1 - jax.nn.sigmoid(-distance)),
    )
    return loss
