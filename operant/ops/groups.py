"""Advantages of episodes over others that began alike, and means over episodes of different lengths."""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

Baseline = Literal["mean", "leave_one_out"]
Scale = Literal["group", "batch", "none"]
Aggregation = Literal["sequence", "token", "constant"]
BASELINES, SCALES, AGGREGATIONS = (get_args(kinds) for kinds in (Baseline, Scale, Aggregation))
EPSILON = (
    1e-4  # added to a deviation, as TRL does: groups that differ by less have no advantage worth the name
)


def episode_returns(reward: jax.Array, weight: jax.Array, gamma: jax.Array | float = 1.0) -> jax.Array:
    """Σ_t γ^t r_t of each column of `reward [T, N]`, over the steps whose `weight [T, N]` is not 0: `[N]`."""
    discount = jnp.power(jnp.asarray(gamma, jnp.float32), jnp.arange(len(reward), dtype=jnp.float32))
    return jnp.sum(jnp.where(weight > 0, reward * discount[:, None], 0.0), axis=0)


def group_advantages(
    returns: jax.Array, group_size: int, baseline: Baseline = "mean", scale: Scale = "group"
) -> tuple[jax.Array, jax.Array]:
    """`(Â [N], whether returns differ within its group [N])` of episodes of which G in a row began alike.

        Â_i = (R_i − b_i) / σ

    b is the mean of the group's returns, or of all its others (leave_one_out); σ is the deviation of the group, of the
    whole batch, or 1, estimated from a sample (÷ G − 1). Where all returns of a group are equal Â is 0, to the last
    bit.

    Sources: Shao et al. 2024 (GRPO), arXiv:2402.03300, section 4.1.2; Liu et al. 2025 (Dr. GRPO), arXiv:2503.20783,
    without σ; Kool et al. 2019, and Ahmadian et al. 2024 (RLOO), arXiv:2402.14740, with the others' mean.
    """
    groups = returns.reshape(-1, group_size)
    mean = jnp.mean(groups, axis=1, keepdims=True)
    advantage = groups - jnp.broadcast_to(mean, groups.shape)
    if baseline == "leave_one_out":  # R_i − (Σ R − R_i) / (G − 1)
        advantage = advantage * (group_size / (group_size - 1))
    differ = jnp.max(groups, axis=1) > jnp.min(groups, axis=1)
    differ = jnp.broadcast_to(differ[:, None], groups.shape)
    if scale == "group":
        deviation = jnp.std(groups, axis=1, ddof=1, keepdims=True)
        advantage = advantage / jnp.broadcast_to(deviation + EPSILON, groups.shape)
    elif scale == "batch":
        advantage = advantage / (jnp.std(returns, ddof=1) + EPSILON)
    return jnp.where(differ, advantage, 0.0).reshape(-1), differ.reshape(-1)


def aggregated(values: jax.Array, weight: jax.Array, aggregation: Aggregation) -> jax.Array:
    """One number of `values [T, N]` of each step (token) of N episodes (responses), of weight 0 after their end.

    | | | |
    |---|---|---|
    | sequence | the mean of each response's mean | GRPO: a long response counts as much as a short one |
    | token | the mean over all tokens | DAPO (Yu et al. 2025, arXiv:2503.14476, section 3.3) |
    | constant | Σ / (N T) | Dr. GRPO: no length makes a token count more or less |

    Episodes of no step with a weight are in no mean.
    """
    total = jnp.where(weight > 0, values * weight, 0.0)
    happened = jnp.sum(weight, axis=0)
    if aggregation == "token":
        return jnp.sum(total) / jnp.maximum(jnp.sum(weight), 1.0)
    there = jnp.maximum(jnp.sum(happened > 0), 1).astype(jnp.float32)
    if aggregation == "sequence":
        return jnp.sum(jnp.sum(total, axis=0) / jnp.maximum(happened, 1.0)) / there
    return jnp.sum(total) / (there * len(values))
