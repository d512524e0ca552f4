"""REDQ: the values that make it of SAC, and the minimum over a subset in its actual target."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from off_policy_samples import SMALL, B, minibatch, state_of

from operant.algorithms import registry
from operant.algorithms.actor_critic.sac import SAC
from operant.types import Batch


def test_redq_has_the_papers_values_and_its_name():
    redq = registry.build(SAC, registry.defaults("redq"))
    assert (redq.n_critics, redq.critic_subset, redq.gradient_steps) == (10, 2, 20)  # N, M, G of algorithm 1
    # Lines 12 to 14: once a step, by the mean of all.
    assert (redq.policy_delay, redq.policy_q) == (20, "mean")
    assert redq.name == "REDQ"
    assert registry.name_of(redq) == "redq"
    assert SAC(critic_subset=2).name == "SAC"


def test_redq_target_is_the_least_of_two_different_critics_each_two_as_likely():
    """Critics of the target say 1, 2, 4 and 8 everywhere, so that a minimum tells who was drawn."""
    algorithm = registry.build(SAC, {"n_critics": 4, "critic_subset": 2, "network": SMALL, "gamma": 0.5})
    state = state_of(algorithm)

    def constant(critics, values):
        """These numbers, whatever is seen."""
        zeros = jax.tree.map(jnp.zeros_like, critics)
        bias = jnp.asarray(values, jnp.float32)[:, None]
        return eqx.tree_at(lambda made: made.heads.output.bias, zeros, bias)

    target, online = constant(state.target, [1, 2, 4, 8]), constant(state.critics, [0, 0, 0, 0])
    nothing = jnp.zeros(B, bool)
    batch = Batch(minibatch(terminated=nothing, reward=jnp.zeros(B)), jnp.ones(B))

    @jax.jit
    @jax.vmap
    def errors(key):
        sample = algorithm.sample(batch, state)
        _, (_, td_error) = algorithm.critic_loss(online, target, state.actor, jnp.asarray(0.0), sample, key)
        return td_error

    found = np.asarray(errors(jax.random.split(jax.random.key(0), 600)))
    assert (found == found[:, :1]).all()  # one subset for a minibatch
    counts = Counter((2 * found[:, 0]).tolist())
    pairs = [min(pair) for pair in combinations([1, 2, 4, 8], 2)]
    assert set(counts) == set(pairs)
    for value in counts:
        expected = 600 * pairs.count(value) / len(pairs)
        assert abs(counts[value] - expected) < 5 * np.sqrt(expected)
