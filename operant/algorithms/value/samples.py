"""What a minibatch tells DQN's loss: single steps, n steps ahead, or sequences for a network with memory."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from operant.networks import QNetwork
from operant.networks.q_head import QHead
from operant.ops.normalization import Normalizer
from operant.ops.returns import n_step
from operant.types import Batch, PyTree


class Sample(NamedTuple):
    """What was done, and what came of it within n steps; leaves `[B]`, or `[L, B]` for sequences."""

    action: jax.Array
    action_mask: PyTree
    next_action_mask: PyTree  # where the target looks
    reward: jax.Array  # Σ_{i<k} γ^i r_i
    discount: jax.Array  # γ^k; 0 where nothing follows
    weight: jax.Array
    ahead: tuple[jax.Array, jax.Array] | None  # of sequences: which row the target looks from

    @classmethod
    def of(
        cls, batch: Batch, normalizer: Normalizer, gamma: jax.Array | float, n: int, burn_in: int | None
    ) -> Sample:
        """`burn_in` is None for a network without memory; n steps ahead are then replay's business."""
        ahead = None
        if burn_in is not None:
            batch = jax.tree.map(lambda x: x[burn_in:], Batch(batch.transition, batch.weight))
        first = last = batch.transition
        if burn_in is not None:
            reward, steps = n_step(normalizer.rewards(first.reward), first.done, gamma, n)
            length, count = reward.shape
            ahead = (
                jnp.arange(length)[:, None] + steps - 1,
                jnp.broadcast_to(jnp.arange(count), steps.shape),
            )
            last = jax.tree.map(lambda x: x[ahead], first)
            discount = (gamma**steps).astype(jnp.float32)
        elif batch.rewards is not None and batch.steps is not None:
            powers = (gamma ** jnp.arange(n)[:, None]).astype(jnp.float32)
            reward = jnp.sum(powers * normalizer.rewards(batch.rewards), 0)
            discount = (gamma**batch.steps).astype(jnp.float32)
        else:
            reward = normalizer.rewards(first.reward)
            discount = jnp.broadcast_to(jnp.asarray(gamma, jnp.float32), reward.shape)
        ends = last.terminated
        if last.next_action_mask is not None:  # where no action is possible nothing follows either
            ends = ends | ~jnp.any(last.next_action_mask, -1)
        return cls(
            first.action,
            first.action_mask,
            last.next_action_mask,
            reward,
            jnp.where(ends, 0.0, discount),
            batch.weight,
            ahead,
        )


class View(NamedTuple):
    """What a network makes of a minibatch: its head, and what that takes."""

    head: QHead
    now: jax.Array  # […, F] for the observations
    following: jax.Array  # […, F] for those that targets look at

    @classmethod
    def of(
        cls,
        network: QNetwork,
        batch: Batch,
        sample: Sample,
        normalizer: Normalizer,
        burn_in: int,
        key: jax.Array | None = None,
    ) -> View:
        """`key` turns dropout on, for the observations."""
        now, following = network.unroll(
            normalizer.observations(batch.transition.observation),
            normalizer.observations(batch.transition.next_observation),
            batch.carry,
            batch.transition.done,
            burn_in,
            key=key,
        )
        return cls(network.head, now, following if sample.ahead is None else following[sample.ahead])


def sequence_priority(surprise: jax.Array, weight: jax.Array) -> jax.Array:
    """η max_t |δ_t| + (1 − η) mean_t |δ_t| of sequences `[L, B]`, `[B]`, with η = 0.9.

    Kapturowski et al. 2019, "Recurrent experience replay in distributed reinforcement learning", section 2.3.
    """
    eta, happened = 0.9, weight > 0
    total = jnp.sum(jnp.where(happened, surprise, 0.0), 0)
    mean = total / jnp.maximum(jnp.sum(happened, 0), 1)
    return eta * jnp.max(jnp.where(happened, surprise, 0.0), 0) + (1 - eta) * mean
