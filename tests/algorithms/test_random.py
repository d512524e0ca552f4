"""The random policy: every possible action as often as every other, inside its space, and nothing learnt."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from operant.algorithms.random import Random
from operant.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, mismatch
from operant.types import Clock, EnvSpec

N = 6_000
CLOCK = Clock(jnp.zeros((), jnp.int32), jnp.ones((), jnp.int32))


def actions(space, mask=None, seed=0):
    spec = EnvSpec("Test", Box(-1.0, 1.0, (1,)), space, num_envs=N)
    random = Random()

    @jax.jit
    def act(key):
        state, noise = random.init(spec, key), random.sample_noise(spec, key)
        return random.act(state, jnp.zeros((N, 1)), mask, (), noise, CLOCK, explore=True)[0]

    taken = np.asarray(act(jax.random.key(seed)))
    assert mismatch(space, taken, (N,)) is None
    assert taken.dtype == space.dtype
    return taken


def test_random_discrete_actions_are_uniform():
    taken = actions(Discrete(5))
    assert stats.chisquare(np.bincount(taken, minlength=5)).pvalue > 1e-3
    assert not np.array_equal(taken, actions(Discrete(5), seed=1))
    np.testing.assert_array_equal(taken, actions(Discrete(5)))


def test_random_combinations_are_uniform():
    taken = actions(MultiDiscrete((2, 3)))
    assert stats.chisquare(np.bincount(3 * taken[:, 0] + taken[:, 1], minlength=6)).pvalue > 1e-3
    taken = actions(MultiBinary(3))
    assert stats.chisquare(np.bincount(taken @ [4, 2, 1], minlength=8)).pvalue > 1e-3


def test_random_actions_in_a_box_are_uniform_between_its_bounds():
    taken = actions(Box((-1.0, 0.0), (3.0, 10.0), (2,)))
    for i, (low, high) in enumerate(((-1, 3), (0, 10))):
        assert stats.kstest(taken[:, i], "uniform", (low, high - low)).pvalue > 1e-3


def test_random_never_takes_masked_actions_and_the_others_equally():
    mask = jnp.broadcast_to(jnp.array([True, False, True, True]), (N, 4))
    counts = np.bincount(actions(Discrete(4), mask), minlength=4)
    assert counts[1] == 0
    assert stats.chisquare(counts[[0, 2, 3]]).pvalue > 1e-3


def test_random_learns_nothing_and_says_what_it_cannot_do():
    random, spec = Random(), EnvSpec("Test", Box(-1.0, 1.0, (1,)), Discrete(2))
    state = random.init(spec, jax.random.key(0))
    assert jax.tree.leaves(state) == []
    with pytest.raises(ValueError, match="no best action"):
        random.act(state, None, None, (), None, CLOCK, explore=False)
    with pytest.raises(ValueError, match="No policy head for the action space Dict"):
        random.check(EnvSpec("Test", Box(-1.0, 1.0, (1,)), Dict.of({"a": Discrete(2)})))
