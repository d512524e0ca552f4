"""What actors and critics see: the memory that each of them has, and a minibatch as losses read it."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.value.samples import TDSample
from operant.distributions.transformed import unscale
from operant.networks import Actor, CriticEnsemble
from operant.networks.torso import Torso
from operant.ops.returns import weighted_mean
from operant.spaces import Box
from operant.types import Batch, PyTree

# With network.critic_memory "own" actor and critics have a recurrent core each, which Ni, Eysenbach & Salakhutdinov
# 2022 (arXiv:2110.05038, section 4.2) find to matter most; the carry is a pair of theirs. With "shared" it is the
# critics' alone, whose core the actor uses but does not learn; with "none" the actor's, and critics have no memory.


def both_remember(actor: Actor, critics: CriticEnsemble) -> bool:
    """Whether actor and critics have a recurrent core each."""
    return actor.core is not None and critics.core is not None


def initial_carry(actor: Actor, critics: CriticEnsemble, num_envs: int) -> PyTree:
    """Their memory at the start of an episode, `[N, …]`; `()` without one."""
    own = actor.torso(critics).initial_carry(num_envs)
    return (own, critics.torso.initial_carry(num_envs)) if both_remember(actor, critics) else own


def carries(actor: Actor, critics: CriticEnsemble, carry: PyTree) -> tuple[PyTree, PyTree]:
    """The actor's and the critics' part of a carry."""
    return carry if both_remember(actor, critics) else (carry, carry)


def step(
    actor: Actor, critics: CriticEnsemble, observation: PyTree, carry: PyTree
) -> tuple[jax.Array, jax.Array, PyTree]:
    """One step's inputs `[N, F]` of the layers of the actor and of the critics, and the carry after it."""
    of_actor, of_critics = carries(actor, critics, carry)
    actor_features, next_of_actor = actor.torso(critics)(observation, of_actor)
    critic_features, next_of_critics = critics.torso(observation, of_critics)
    pair = both_remember(actor, critics)
    return actor_features, critic_features, (next_of_actor, next_of_critics) if pair else next_of_actor


class Sample(eqx.Module):
    """A minibatch as losses read it: B transitions, or with memory all those of sequences after their burn-in."""

    observation: PyTree  # normalised, as is the next one; [B, …], or [burn-in + L, sequences, …]
    next_observation: PyTree
    action: jax.Array  # [B, …]; of a Box in units in which its bounds are −1 and 1
    td: TDSample  # leaves [B, …]
    actor_carry: PyTree = ()  # before the first step of sequences
    critics_carry: PyTree = ()
    done: jax.Array | None = None  # [burn-in + L, sequences]
    next_rows: tuple[jax.Array, jax.Array] | None = None  # of sequences: see `TDSample`
    burn_in: int = eqx.field(static=True, default=0)

    @classmethod
    def of(cls, batch: Batch, td: TDSample, state: Any, burn_in: int | None) -> Sample:
        """Of what a batch tells a state, in its normaliser's units; `burn_in` is None for networks without memory."""
        space, normalizer, transition = state.actor.action_space, state.normalizer, batch.transition
        next_rows = td.next_rows
        if burn_in is not None:
            td = flat(td._replace(next_rows=None))
        return cls(
            normalizer.observations(transition.observation),
            normalizer.observations(transition.next_observation),
            unscale(space, td.action) if isinstance(space, Box) else td.action,
            td,
            *carries(state.actor, state.critics, batch.carry),
            transition.done,
            next_rows,
            burn_in or 0,
        )

    def features(self, torso: Torso, carry: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        """`[B, F]` of s; `key` turns dropout on."""
        if self.next_rows is None:
            return torso.encoder(self.observation, key=key)
        return flat(self._unroll(torso, carry, key)[0])

    def next_features(self, torso: Torso, carry: PyTree) -> jax.Array:
        """`[B, F]` of the s' that targets bootstrap from."""
        if self.next_rows is None:
            return torso.encoder(self.next_observation)
        return flat(self._unroll(torso, carry, None)[1][self.next_rows])

    def _unroll(self, torso: Torso, carry: PyTree, key: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        assert self.done is not None
        seen = self.observation, self.next_observation
        return torso.unroll(*seen, carry, self.done, self.burn_in, key=key)

    @property
    def next_action_mask(self) -> jax.Array | None:
        """Actions that are possible in s', `[B, A]`; all where none is, for nothing follows there."""
        mask = self.td.next_action_mask
        return None if mask is None else mask | ~jnp.any(mask, -1, keepdims=True)

    @property
    def mask(self) -> jax.Array:
        """Where it holds what happened, `[B]`."""
        return self.td.weight > 0

    def mean(self, x: jax.Array) -> jax.Array:
        """The mean of `x` `[B]` over what happened, weighted by importance."""
        return weighted_mean(self.td.weight * x, self.mask)


def flat(rows: PyTree) -> PyTree:
    """Leaves `[L, sequences, …]` as `[L · sequences, …]`."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rows)
