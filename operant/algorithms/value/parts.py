"""What DQN is put together from: small values that say in one place what belongs together.

They are made from its flat hyperparameters (`DQNHyperparameters.parts`); see docs/decisions/0008-families.md.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.value.heads import Head
from operant.algorithms.value.samples import TDSample
from operant.ops import td
from operant.ops.schedules import Linear, at
from operant.types import Clock

PRIORITY_EPS = 1e-6  # so that everything may be replayed again (Schaul et al. 2016, section 3.3)


# The equations of one transition for every sample, and for every one of the M numbers that describe a return.
greedy_return = jnp.vectorize(jax.vmap(td.greedy_value, (-1, None)), signature="(a,m),(a)->(m)")
_soft_return = jnp.vectorize(jax.vmap(td.soft_value, (-1, None, None)), signature="(a,m),(a),()->(m)")
_munchausen_reward = jnp.vectorize(td.munchausen_reward, signature="(),(),(a),(a),(),(),(),()->()")


class Munchausen(eqx.Module):
    """Soft values, and a reward for probable actions (Vieillard et al. 2020): see `ops.td.munchausen_target`.

    Selectors `[…, A]` are the Q-values of which the policy π is the softmax.
    """

    alpha: float  # α
    temperature: float  # τ
    clip: float  # l₀ ≤ 0

    def reward(self, sample: TDSample, next_q_selector: jax.Array, q_selector: jax.Array | None) -> jax.Array:
        """r + α [τ log π(a|s)] + γ τ H(π(·|s')), `[…]`."""
        return _munchausen_reward(
            *(sample.reward, sample.discount, next_q_selector, q_selector, sample.action),
            *(self.alpha, self.temperature, self.clip),
        )

    def next_return(self, next_returns: jax.Array, next_q_selector: jax.Array) -> jax.Array:
        """Σ_a π(a|s') Z(s', a), `[…, M]`, of returns `[…, A, M]`."""
        return _soft_return(next_returns, next_q_selector, self.temperature)


class Prioritized(eqx.Module):
    """Replay in proportion to (|δ| + 1e-6)^ζ, and losses weighted by P^−β (Schaul et al. 2016, arXiv:1511.05952)."""

    exponent: float  # ζ
    beta: float  # β at the start; 1 at the end

    def priority(self, td_error: jax.Array) -> jax.Array:
        """(|δ| + 1e-6)^ζ of errors' sizes |δ|, of their shape."""
        return (td_error + PRIORITY_EPS) ** self.exponent

    def importance(self, clock: Clock) -> jax.Array:
        """β at this moment of training."""
        return at(Linear(self.beta, 1.0), clock)


class Parts(NamedTuple):
    """Each changes one thing of DQN, and combines with the others; None leaves that as it is in plain DQN."""

    head: Head
    munchausen: Munchausen | None
    priority: Prioritized | None


def sequence_td_error(td_error: jax.Array, weight: jax.Array) -> jax.Array:
    """η max_t |δ_t| + (1 − η) mean_t |δ_t| of sequences `[L, B]`, `[B]`, with η = 0.9; steps of weight 0 do not count.

    Kapturowski et al. 2019, "Recurrent experience replay in distributed reinforcement learning", section 2.3.
    """
    eta, mask = 0.9, weight > 0
    total = jnp.sum(jnp.where(mask, td_error, 0.0), 0)
    mean = total / jnp.maximum(jnp.sum(mask, 0), 1)
    return eta * jnp.max(jnp.where(mask, td_error, 0.0), 0) + (1 - eta) * mean
