"""Visit counts as a bonus, counted by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.curiosity import Counts
from operant.spaces import Box, Discrete, MultiDiscrete
from operant.types import EnvSpec, Transition


def arrivals(observation) -> Transition:
    nothing = jnp.zeros(observation.shape[:1])
    return Transition(jnp.zeros_like(observation), nothing, nothing, nothing > 0, nothing > 0, observation)


def test_counts_bonus_is_one_over_the_root_of_visits():
    state = Counts().init(EnvSpec("Test", Discrete(5), Discrete(2)), jax.random.key(0))
    weight = jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    state = Counts().update_statistics(state, arrivals(jnp.array([3, 3, 1, 3, 3, 4, 4])), weight)
    reward = Counts().reward(state, arrivals(jnp.array([1, 3, 4, 0])))
    np.testing.assert_allclose(reward, [1.0, 0.5, 1.0, 1.0], rtol=1e-6)
    state = Counts().update_statistics(state, arrivals(jnp.array([1, 1, 1])), jnp.ones(3))
    np.testing.assert_allclose(Counts().reward(state, arrivals(jnp.array([1, 3]))), [0.5, 0.5], rtol=1e-6)


def test_counts_take_several_choices_for_one_state():
    state = Counts().init(EnvSpec("Test", MultiDiscrete((2, 3)), Discrete(2)), jax.random.key(0))
    seen = jnp.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1]])
    state = Counts().update_statistics(state, arrivals(seen), jnp.ones(5))
    reward = Counts().reward(state, arrivals(jnp.array([[1, 0], [0, 1], [1, 1]])))
    np.testing.assert_allclose(reward, [0.5, 1.0, 1.0], rtol=1e-6)


def test_counts_refuse_what_cannot_be_counted():
    with pytest.raises(ValueError, match=r"Test has Box\(2\). Use RND or ICM"):
        Counts().check(EnvSpec("Test", Box(0.0, 1.0, (2,)), Discrete(2)))
