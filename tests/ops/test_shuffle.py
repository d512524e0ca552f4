"""Permutations are permutations, and every one of them is as likely as every other."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from operant.ops.shuffle import _INDEX_BITS, minibatches, permutations, sequences


@pytest.mark.parametrize("size", [1, 2, 3, 8, 1000, 1 << _INDEX_BITS, (1 << _INDEX_BITS) + 1])
def test_permutations_have_every_index_once_a_row(size):
    rows = np.asarray(permutations(jax.random.key(0), 3, size))
    assert rows.dtype == np.int32
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.broadcast_to(np.arange(size), (3, size)))
    if size >= 8:
        assert not np.array_equal(rows[0], rows[1])
        assert not np.array_equal(rows, permutations(jax.random.key(1), 3, size))
    np.testing.assert_array_equal(rows, permutations(jax.random.key(0), 3, size))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_permutations_are_all_equally_likely(size):
    rows = np.asarray(permutations(jax.random.key(1), 24_000, size))
    kinds = {order: i for i, order in enumerate(itertools.permutations(range(size)))}
    counts = np.bincount([kinds[tuple(row)] for row in rows.tolist()], minlength=len(kinds))
    assert stats.chisquare(counts).pvalue > 1e-3


def test_permutations_of_many_put_an_index_at_every_place_equally_often():
    rows = np.asarray(permutations(jax.random.key(2), 20, 10_000))
    first_quarter = rows[:, :2_500] // 1_000  # which tenth of the indices went to the first quarter of places
    assert stats.chisquare(np.bincount(first_quarter.reshape(-1), minlength=10)).pvalue > 1e-3


def test_minibatches_of_an_epoch_are_a_permutation_without_its_rest():
    rows = np.asarray(minibatches(jax.random.key(0), 3, 11, 4))
    assert rows.shape == (6, 4)
    for epoch in rows.reshape(3, 8):
        assert len(set(epoch.tolist())) == 8
        assert set(epoch.tolist()) <= set(range(11))
    np.testing.assert_array_equal(rows.reshape(3, 8), permutations(jax.random.key(0), 3, 11)[:, :8])


def test_sequences_are_those_of_environments_or_single_steps():
    rollout = {"step": jnp.arange(6).reshape(3, 2), "seen": jnp.arange(24).reshape(3, 2, 4)}
    assert sequences(rollout, whole=True) is rollout
    single = sequences(rollout, whole=False)
    np.testing.assert_array_equal(single["step"], [[0, 1, 2, 3, 4, 5]])
    np.testing.assert_array_equal(single["seen"][0, 5], rollout["seen"][2, 1])
