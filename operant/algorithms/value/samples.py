"""What a minibatch tells DQN's loss: single steps, n steps ahead, or sequences for a network with memory."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp

from operant.networks import QNetwork
from operant.networks.q_head import QHead
from operant.ops.normalization import Normalizer
from operant.ops.returns import bootstrap, carried, n_step
from operant.types import Batch, PyTree


class TDSample(NamedTuple):
    """What was done, and what came of it within n steps; leaves `[B]`, or `[L, B]` for sequences."""

    action: jax.Array
    action_mask: PyTree
    next_action_mask: PyTree  # of the state that the target bootstraps from
    reward: jax.Array  # Σ_{i<k} γ^i r_i
    discount: jax.Array  # γ^k; 0 where nothing follows
    weight: jax.Array
    next_rows: tuple[jax.Array, jax.Array] | None  # of sequences: whose successors targets bootstrap from

    @classmethod
    def of(
        cls, batch: Batch, normalizer: Normalizer, gamma: jax.Array | float, n: int, burn_in: int | None
    ) -> TDSample:
        """`burn_in` is None for a network without memory; n steps ahead are then replay's business."""
        next_rows = None
        if burn_in is not None:
            batch = jax.tree.map(lambda x: x[burn_in:], Batch(batch.transition, batch.weight))
        first = last = batch.transition
        if burn_in is not None:
            rewards = normalizer.rewards(first.reward)
            reward, steps, own = n_step(rewards, first.done, gamma, n, first.discount)
            length, count = reward.shape
            next_rows = (
                jnp.arange(length)[:, None] + steps - 1,
                jnp.broadcast_to(jnp.arange(count), steps.shape),
            )
            last = replace(jax.tree.map(lambda x: x[next_rows], first), discount=own)
            discount = (gamma**steps).astype(jnp.float32)
        elif batch.rewards is not None and batch.steps is not None:
            powers = (gamma ** jnp.arange(n)[:, None]).astype(jnp.float32)
            reward = jnp.sum(powers * carried(normalizer.rewards(batch.rewards), batch.discounts), 0)
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
            bootstrap(discount, ends, last.discount),
            batch.weight,
            next_rows,
        )


class Encoded(NamedTuple):
    """A minibatch as one network encodes it, and the head that its features are for."""

    head: QHead
    features: jax.Array  # […, F] of s
    next_features: jax.Array  # […, F] of the s' that targets bootstrap from

    @classmethod
    def of(
        cls,
        network: QNetwork,
        batch: Batch,
        sample: TDSample,
        normalizer: Normalizer,
        burn_in: int,
        key: jax.Array | None = None,
    ) -> Encoded:
        """`burn_in` is 0 for a network without memory. `key` turns dropout on, for s."""
        features, next_features = network.torso.unroll(
            normalizer.observations(batch.transition.observation),
            normalizer.observations(batch.transition.next_observation),
            batch.carry,
            batch.transition.done,
            burn_in,
            key=key,
        )
        if sample.next_rows is not None:
            next_features = next_features[sample.next_rows]
        return cls(network.head, features, next_features)
