"""Random subsets of an ensemble: each is equally likely, and none holds a network twice."""

from __future__ import annotations

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from operant.ops.ensembles import random_subset


def test_random_subset_is_of_different_ones_and_each_is_equally_likely():
    values = jnp.asarray([10, 11, 12, 13])
    draw = jax.jit(jax.vmap(lambda key: random_subset({"a": values}, 2, key)["a"]))
    drawn = np.sort(np.asarray(draw(jax.random.split(jax.random.key(0), 3000))), -1)
    counts = Counter(map(tuple, drawn.tolist()))
    assert len(counts) == 6
    assert all(a != b for a, b in counts)
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_random_subset_of_all_is_all_in_order():
    values = jnp.arange(3)
    for size in (None, 3):
        np.testing.assert_array_equal(random_subset(values, size, jax.random.key(0)), values)
