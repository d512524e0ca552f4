"""Torsos: a sequence is its steps one by one, and the burn-in only makes the memory."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from random_weights import filled, normal

from operant.networks import Network, QNetwork, Torso
from operant.networks.encoder import Flatten
from operant.spaces import Box, Discrete
from operant.types import EnvSpec

SPEC = EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(2))
LENGTH, BATCH, BURN_IN = 6, 3, 2


def test_torso_unrolls_step_by_step_and_the_burn_in_only_makes_the_memory():
    config = Network(hidden_sizes=(5,), memory="lstm", memory_size=6, initialization="uniform")
    torso = filled(lambda key: QNetwork.build(config, SPEC, key).torso)
    assert torso.size == 6
    seen, after = normal(LENGTH, BATCH, 4), normal(LENGTH, BATCH, 4)
    done = jnp.zeros((LENGTH, BATCH), bool).at[1, 0].set(True).at[3, 1].set(True)
    carry = jax.tree.map(lambda x: normal(*x.shape), torso.initial_carry(BATCH))
    now, successors = jax.jit(lambda torso: torso.unroll(seen, after, carry, done, BURN_IN))(torso)

    step = jax.jit(lambda torso, o, c: torso(o, c))
    for b in range(BATCH):
        memory = jax.tree.map(lambda x, b=b: x[b : b + 1], carry)
        for t in range(LENGTH):
            features, memory = step(torso, seen[t, b : b + 1], memory)
            if t >= BURN_IN:
                np.testing.assert_allclose(now[t - BURN_IN, b], features[0], atol=1e-5)
                successor, _ = step(torso, after[t, b : b + 1], memory)
                np.testing.assert_allclose(successors[t - BURN_IN, b], successor[0], atol=1e-5)
            if done[t, b]:
                memory = torso.initial_carry(1)

    def first(seen):
        return jnp.sum(torso.unroll(seen, after, carry, done, BURN_IN)[0])

    gradient = jax.jit(jax.grad(first))(seen)
    assert (gradient[:BURN_IN] == 0).all()
    assert (gradient[BURN_IN:] != 0).any()


def test_torso_without_a_core_encodes_what_comes_after_the_burn_in():
    torso = Torso(Flatten(SPEC.observation_space), None)
    seen, after, done = normal(LENGTH, BATCH, 4), normal(LENGTH, BATCH, 4), jnp.zeros((LENGTH, BATCH), bool)
    now, successors = torso.unroll(seen, after, (), done, BURN_IN)
    np.testing.assert_array_equal(now, seen[BURN_IN:])
    np.testing.assert_array_equal(successors, after[BURN_IN:])
    assert torso.initial_carry(3) == ()
