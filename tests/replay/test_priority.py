"""Prioritised replay: the sum tree, and exact priorities, probabilities and weights."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from tape import N, filled_ring, sampling, tape

from operant.plans import Replay
from operant.replay import ring, sum_tree
from operant.replay.prioritized import Drawn, Priorities, importance_weights

set_, set_range, find = jax.jit(sum_tree.set), jax.jit(sum_tree.set_range), jax.jit(sum_tree.find)


def tree_of(numbers) -> sum_tree.Levels:
    return set_range(sum_tree.init(len(numbers)), jnp.asarray(0), jnp.asarray(numbers, jnp.float32))


def grid(strata):
    """Random numbers that fall evenly into every stratum."""
    return jnp.broadcast_to(jnp.uint32(2**31), (strata, 2))


# The tree


@pytest.mark.parametrize("size", [1, 16, 17, 300])
def test_sum_tree_set_and_set_range_keep_every_sum_that_of_its_parts(size):
    rng = np.random.default_rng(size)
    numbers, levels = np.zeros(size, np.float32), sum_tree.init(size)
    for i in range(60):
        if i % 2:
            index = rng.choice(size, min(size, 7), replace=False)
            new = rng.random(len(index)).astype(np.float32)
            levels = set_(levels, jnp.asarray(index), jnp.asarray(new))
        else:
            first = int(rng.integers(max(size - 20, 0) + 1))
            index = np.arange(first, min(first + 20, size))
            new = rng.random(len(index)).astype(np.float32)
            levels = set_range(levels, jnp.asarray(first), jnp.asarray(new))
        numbers[index] = new
        now = jax.tree.map(np.asarray, levels)
        np.testing.assert_array_equal(now[0][:size], numbers)
        np.testing.assert_array_equal(now[0][size:], 0)
        for parts, sums in itertools.pairwise(now):
            expected = parts.reshape(-1, sum_tree.FAN_OUT).sum(1)
            np.testing.assert_allclose(sums[: len(expected)], expected, rtol=1e-6)
        np.testing.assert_allclose(now[-1].sum(), numbers.sum(dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(sum_tree.total(levels), numbers.sum(dtype=np.float64), rtol=1e-6)


def test_sum_tree_set_does_not_accumulate_rounding_at_a_million():
    """A hundred thousand changes by factors of a million leave the sum of all as exact as a fresh one."""
    size = 1_000_000
    key = jax.random.key(0)
    levels = tree_of(np.ones(size, np.float32))

    @jax.jit
    def disturb(levels):
        def body(i, levels):
            order, scale = jax.random.split(jax.random.fold_in(key, i))
            index = jax.random.permutation(order, size // 1024)[:512] * 1024 + i
            return sum_tree.set(levels, index, 10.0 ** jax.random.uniform(scale, (512,), minval=-3, maxval=3))

        return jax.lax.fori_loop(0, 200, body, levels)

    levels = disturb(levels)
    exact = np.asarray(levels[0], np.float64).sum()
    assert abs(float(sum_tree.total(levels)) - exact) < 1e-6 * exact


def test_sum_tree_find_at_the_sum_of_all_is_the_last_that_is_not_0():
    numbers = np.zeros(40, np.float32)
    numbers[[3, 21]] = 1.0, 2.0
    index, number = find(tree_of(numbers), jnp.full((300, 2), 2**32 - 1, jnp.uint32))
    assert set(np.asarray(index).tolist()) == {3, 21}
    assert (index[-1], number[-1]) == (21, 2.0)


def test_sum_tree_find_is_in_proportion_and_never_of_0():
    rng = np.random.default_rng(0)
    numbers = rng.random(700) * (rng.random(700) < 0.7)
    drawn, found = find(tree_of(numbers), jax.random.bits(jax.random.key(0), (100_000, 2), jnp.uint32))
    np.testing.assert_array_equal(found, np.asarray(numbers, np.float32)[drawn])
    counts = np.bincount(drawn, minlength=700)
    assert counts[numbers == 0].sum() == 0
    # Stratified draws are closer to their expectation than independent ones.
    np.testing.assert_allclose(counts / 1e5, numbers / numbers.sum(), atol=3e-5)


def test_sum_tree_find_stays_inside_at_both_ends_of_the_range():
    numbers = [0.0, 0.3, 0.0, 1e-20, 0.7, 0.0]
    for bits, index in ((0, 1), (2**32 - 1, 4)):
        assert find(tree_of(numbers), jnp.full((1, 2), bits, jnp.uint32))[0][0] == index


def test_sum_tree_find_of_small_numbers_among_a_million_is_in_proportion():
    """Each is a twelfth of the distance between two random numbers, were they drawn from 24 bits."""
    numbers = np.full(1_000_000, 1.0, np.float32)
    numbers[500_000:500_512] = 5e-3
    levels = tree_of(numbers)
    near = (500_000 + np.arange(0, 2.56, 1e-4)) / numbers.sum(dtype=np.float64)
    coarse = (near * 2**24).astype(np.uint32) << 8
    fine = jax.random.bits(jax.random.key(1), coarse.shape, jnp.uint32)
    drawn = jax.vmap(lambda b: find(levels, b[None])[0][0])(jnp.stack([jnp.asarray(coarse), fine], -1))
    counts = np.bincount(np.clip(np.asarray(drawn) - 500_000, 0, 511), minlength=512)[1:-1]
    assert (counts > 0).all()
    np.testing.assert_allclose(counts.mean(), 50, rtol=0.05)


# Priorities

EIGHT = np.array([1.0, 2.0, 3.0, 4.0, 0.5, 0.25, 8.0, 16.0])


def eight() -> Priorities:
    priorities = Priorities.init(8).insert_range(jnp.asarray(0), jnp.ones(8, bool))
    return priorities.update(Drawn(jnp.arange(8), jnp.ones(8)), jnp.asarray(EIGHT, jnp.float32) ** 0.6)


def test_priorities_sample_and_importance_weights_of_eight_items():
    priorities = eight()
    probability = EIGHT**0.6 / (EIGHT**0.6).sum()
    drawn = jax.jit(Priorities.sample)(
        priorities, jax.random.bits(jax.random.key(0), (100_000, 2), jnp.uint32)
    )
    np.testing.assert_allclose(np.bincount(drawn.index, minlength=8) / 1e5, probability, atol=3e-5)
    weight = (8 * probability) ** -0.4
    weights = importance_weights(drawn.priority, 0.4)
    np.testing.assert_allclose(weights, (weight / weight.max())[drawn.index], rtol=1e-5)
    # With β = 1 what is learnt from is as if drawn uniformly.
    full = np.asarray(importance_weights(drawn.priority, 1.0), np.float64)
    np.testing.assert_allclose((full * EIGHT[drawn.index]).sum() / full.sum(), EIGHT.mean(), rtol=1e-4)


def test_priorities_insert_gives_the_largest_priority_so_far():
    priorities = eight()
    assert priorities.largest == pytest.approx(16**0.6)
    lower = priorities.update(Drawn(jnp.array([7]), priorities.tree[0][jnp.array([7])]), jnp.array([0.1]))
    drawable = jnp.array([True, False])
    for new in (lower.insert_range(jnp.asarray(2), drawable), lower.insert(jnp.array([2, 3]), drawable)):
        np.testing.assert_allclose(new.tree[0][jnp.array([2, 3, 7])], [16**0.6, 0.0, 0.1], rtol=1e-6)


def test_priorities_update_keeps_the_larger_of_two_for_one_item():
    for values in ([0.5, 3.0, 2.0], [3.0, 0.5, 2.0]):
        drawn = Drawn(jnp.array([4, 4, 1]), jnp.ones(3))
        assert eight().update(drawn, jnp.array(values)).tree[0][4] == 3.0


def test_priorities_sample_with_exponent_0_is_uniform():
    priorities = eight()
    priorities = priorities.update(Drawn(jnp.arange(8), jnp.ones(8)), jnp.asarray(EIGHT, jnp.float32) ** 0.0)
    drawn = priorities.sample(jax.random.bits(jax.random.key(3), (4_000, 2), jnp.uint32))
    np.testing.assert_array_equal(importance_weights(drawn.priority, 0.4), 1.0)
    single = jax.vmap(lambda b: priorities.sample(b[None]).index[0])  # without strata
    indices = single(jax.random.bits(jax.random.key(4), (20_000, 2), jnp.uint32))
    assert stats.chisquare(np.bincount(indices, minlength=8)).pvalue > 1e-3


@pytest.mark.parametrize("steps", [2, 6, 10, 34])
def test_ring_sample_by_priority_is_of_every_step_that_happened_and_of_nothing_else(steps):
    plan = Replay(10 * N, batch_size=8, collect_steps=2, priority=True)
    rows = tape(40, dummies=True)
    replay, kept = filled_ring(plan, rows, steps), min(steps, 10)
    happened = rows.valid[steps - kept : steps]
    batch, _ = sampling(plan)(replay, grid(int(happened.sum())))
    env, t = np.asarray(batch.transition.observation, int).T
    expected = {(e, steps - kept + s) for s, e in np.argwhere(happened)}
    assert set(zip(env, t, strict=True)) == expected
    np.testing.assert_array_equal(batch.weight, 1.0)


def test_priorities_update_changes_nothing_where_nothing_could_be_drawn():
    plan = Replay(4, batch_size=2, priority=True, sequence=3)
    replay = filled_ring(Replay(30, batch_size=2, priority=True, sequence=3), tape(40), 2)
    batch, drawn = ring.sample(plan, replay, jax.random.bits(jax.random.key(0), (2, 2), jnp.uint32))
    np.testing.assert_array_equal(batch.weight, 0.0)
    assert sum_tree.total(replay.priorities.update(drawn, jnp.ones(2)).tree) == 0
