"""n-step transitions and sequences: a loop in plain Python says what each must be, whatever the ring's filling."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tape import N, carries, filled_ring, sampling, tape

from operant.plans import Replay
from operant.replay import ring

CAPACITY = 10
FILLINGS = [2, 6, 10, 12, 34]  # steps: part-full, full, wrapped


def expected(rows, n, t, env, steps):
    """`(rewards, k)` of a transition from step t, of `steps` collected: one after another while they follow."""
    rewards = np.zeros(n, np.float32)
    for i in range(n):
        rewards[i] = rows.reward[t + i, env]
        follows = t + i + 1 < steps and (rows.valid is None or rows.valid[t + i + 1, env])
        if rows.done[t + i, env] or not follows:
            break
    return rewards, i + 1


@pytest.mark.parametrize("steps", FILLINGS)
@pytest.mark.parametrize("dummies", [False, True], ids=["", "dummies"])
@pytest.mark.parametrize("n", [2, 3, 12])
def test_ring_sample_of_n_steps_ends_with_the_episode(n, dummies, steps):
    plan = Replay(CAPACITY * N, batch_size=8, collect_steps=2, n_step=n)
    rows = tape(40, dummies=dummies)
    replay, kept = filled_ring(plan, rows, steps), min(steps, CAPACITY)
    batch, _ = sampling(plan)(replay, jnp.arange(kept * N, dtype=jnp.uint32))
    got = jax.tree.map(np.asarray, batch.transition)
    env, t = got.observation.astype(int).T
    assert set(zip(env, t, strict=True)) == {(e, s) for e in range(N) for s in range(steps - kept, steps)}
    for b in range(kept * N):
        rewards, k = expected(rows, n, t[b], env[b], steps)
        np.testing.assert_array_equal(batch.rewards[:, b], rewards)
        assert batch.steps[b] == k
        last = t[b] + k - 1
        assert got.reward[b] == rewards[0]
        for name in ("action", "action_mask", "valid") if dummies else ("action", "action_mask"):
            np.testing.assert_array_equal(getattr(got, name)[b], getattr(rows, name)[t[b], env[b]])
        for name in ("next_observation", "next_action_mask", "terminated", "truncated"):
            np.testing.assert_array_equal(getattr(got, name)[b], getattr(rows, name)[last, env[b]])
        assert batch.weight[b] == (rows.valid[t[b], env[b]] if dummies else 1)


def test_ring_sample_of_n_steps_ends_before_a_step_that_never_happened():
    plan = Replay(CAPACITY * N, batch_size=8, collect_steps=2, n_step=3)
    never = np.zeros((CAPACITY, N), bool)
    rows = replace(tape(CAPACITY, dummies=True), terminated=never, truncated=never)
    batch, _ = sampling(plan)(filled_ring(plan, rows, CAPACITY), jnp.arange(CAPACITY * N, dtype=jnp.uint32))
    env, t = np.asarray(batch.transition.observation, int).T
    for b in range(CAPACITY * N):
        rewards, k = expected(rows, 3, t[b], env[b], CAPACITY)
        np.testing.assert_array_equal(batch.rewards[:, b], rewards)
        assert batch.steps[b] == k


@pytest.mark.parametrize("steps", FILLINGS)
@pytest.mark.parametrize("priority", [False, True], ids=["uniform", "priority"])
@pytest.mark.parametrize("length", [2, 4, 9])
def test_ring_sample_of_sequences_is_consecutive_steps_and_the_carry_before_them(length, priority, steps):
    plan = Replay(CAPACITY * N, batch_size=8, collect_steps=2, sequence=length, priority=priority)
    rows = tape(40, dummies=True)
    replay, kept = filled_ring(plan, rows, steps), min(steps, CAPACITY)
    starts = max(kept - length + 1, 0)
    if priority:  # all are as likely, and stratified: each is drawn once
        bits = jnp.full((N * max(starts, 1), 2), 2**31, jnp.uint32)
    else:
        bits = jnp.arange(2 * N * kept, dtype=jnp.uint32)
    batch, _ = sampling(plan)(replay, bits)
    if starts == 0:
        np.testing.assert_array_equal(batch.weight, 0.0)
        return
    got = jax.tree.map(np.asarray, batch.transition)
    env, t = got.observation[0].astype(int).T
    expected = {(e, s) for e in range(N) for s in range(steps - kept, steps - length + 1)}
    assert set(zip(env, t, strict=True)) == expected
    np.testing.assert_array_equal(batch.carry, carries(steps)[t, env])
    for i in range(length):
        for name in ("observation", "action", "reward", "terminated", "truncated", "next_observation",
                     "action_mask", "next_action_mask", "valid"):  # fmt: skip
            np.testing.assert_array_equal(getattr(got, name)[i], getattr(rows, name)[t + i, env], name)
    np.testing.assert_array_equal(batch.weight, got.valid)


def test_ring_init_refuses_a_capacity_below_the_sequence():
    with pytest.raises(
        ValueError, match=r"buffer_size=30 holds 10 steps of 3 environments.*raise buffer_size to 36"
    ):
        filled_ring(Replay(30, batch_size=8, collect_steps=2, sequence=11), tape(40), 2)
    # What is advised is enough, though rows come in insertions.
    with pytest.raises(ValueError, match="raise buffer_size to 45"):
        filled_ring(Replay(42, batch_size=8, collect_steps=5, sequence=11), tape(40), 5)
    filled_ring(Replay(45, batch_size=8, collect_steps=5, sequence=11), tape(40), 5)


@pytest.mark.parametrize("n", [1, 3])
def test_nothing_sampled_crosses_ring_truncate_open_episodes(n):
    """Where episodes began afresh without having ended, as when a run on the host is resumed."""
    plan = Replay(CAPACITY * N, batch_size=8, n_step=n)
    never = np.zeros((8, N), bool)
    rows = replace(tape(8), terminated=never, truncated=never)
    replay = filled_ring(plan, rows, 7)
    replay = ring.insert(
        plan, ring.truncate_open_episodes(replay), jax.tree.map(lambda x: jnp.asarray(x[7:8]), rows), None
    )
    batch, _ = ring.sample(plan, replay, jnp.arange(8 * N, dtype=jnp.uint32))
    t = batch.transition.observation[:, 1]
    reached = batch.transition.next_observation[:, 1]
    np.testing.assert_array_equal(reached[t < 7], jnp.minimum(t + n - 0.5, 6.5)[t < 7])
    np.testing.assert_array_equal(reached[t == 7], 7.5)
    np.testing.assert_array_equal(batch.transition.truncated, reached == 6.5)
