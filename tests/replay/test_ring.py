"""Replay: whatever can be sampled is a transition that happened, whole, and each is as likely as any other.

Observations say which environment and which step they belong to, so whatever is mixed up shows.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from operant.plans import Replay
from operant.replay import ring
from operant.types import Transition

N = 3
UNIFORM = Replay(capacity=1, batch_size=1)
insert = jax.jit(partial(ring.insert, UNIFORM))


@jax.jit
def sample(replay, bits):
    """Uniformly drawn transitions."""
    return ring.sample(UNIFORM, replay, bits)[0].transition


def tape(first, steps, num_envs=N):
    """Steps `first` to `first + steps` of every environment; each leaf follows from environment and step."""
    t, env = np.meshgrid(np.arange(first, first + steps), np.arange(num_envs), indexing="ij")
    ends = (t + env) % 5 == 4

    def seen(t):
        return {
            "where": np.stack([env, t], -1).astype(np.float32),
            "image": np.broadcast_to((16 * env + t)[..., None, None] % 256, (*t.shape, 2, 2)).astype(
                np.uint8
            ),
        }

    rows = Transition(
        observation=seen(t),
        action=(t % 7).astype(np.int32),
        reward=(100 * env + t).astype(np.float32),
        terminated=ends,
        truncated=~ends & (t % 3 == 0),
        next_observation=seen(t + 1),
        next_action_mask=np.stack([t % 2 == 0, t % 2 == 1], -1),
    )
    return jax.tree.map(jnp.asarray, rows)


def ring_after(capacity, per_insertion, insertions, num_envs=N):
    plan = Replay(capacity=capacity, batch_size=8, collect_steps=per_insertion)
    first = jax.tree.map(lambda x: x[0], tape(0, 1, num_envs))
    replay = ring.init(plan, first)
    for i in range(insertions):
        replay = insert(replay, tape(i * per_insertion, per_insertion, num_envs))
    return replay


FILLINGS = {  # capacity 24 = 8 rows of 3 environments
    "one insertion": (24, 2, 1),
    "part-full": (24, 2, 3),
    "exactly full": (24, 2, 4),
    "wrapped once": (24, 2, 5),
    "wrapped several times": (24, 2, 23),
    "one row at a time, part-full": (24, 1, 7),
    "one row at a time, wrapped": (24, 1, 29),
    "insertions as long as the ring": (24, 8, 3),
    "a ring of one row": (3, 1, 4),
}


@pytest.mark.parametrize("filling", FILLINGS.values(), ids=FILLINGS)
def test_ring_sample_is_of_every_transition_inserted_last_and_of_nothing_else(filling):
    capacity, per_insertion, insertions = filling
    replay, steps = ring_after(*filling), per_insertion * insertions
    kept = min(steps, capacity // N)
    assert int(replay.size) == kept
    assert 0 <= int(replay.position) < capacity // N
    bits = jnp.arange(10 * kept * N, dtype=jnp.uint32)  # each index ten times
    got = sample(replay, bits)
    env, t = np.asarray(got.observation["where"], int).T
    expected = {(e, s) for e in range(N) for s in range(steps - kept, steps)}
    assert set(zip(env.tolist(), t.tolist(), strict=True)) == expected
    whole = jax.tree.map(np.asarray, tape(0, steps))
    for name in ("action", "reward", "terminated", "truncated", "next_action_mask"):
        np.testing.assert_array_equal(getattr(got, name), getattr(whole, name)[t, env], err_msg=name)
    for part in ("where", "image"):
        np.testing.assert_array_equal(got.observation[part], whole.observation[part][t, env])
        np.testing.assert_array_equal(got.next_observation[part], whole.next_observation[part][t, env])
    assert got.action_mask is None
    assert got.valid is None


def test_ring_sample_is_uniform():
    replay = ring_after(24, 2, 3)
    bits = jax.random.bits(jax.random.key(0), (20_000,), jnp.uint32)
    got = sample(replay, bits)
    env, t = np.asarray(got.observation["where"], int).T
    assert stats.chisquare(np.bincount(env * 6 + t, minlength=18)).pvalue > 1e-3


def test_ring_insert_and_ring_sample_keep_dtypes():
    replay = ring_after(24, 2, 1)
    got = sample(replay, jnp.arange(4, dtype=jnp.uint32))
    assert got.observation["image"].dtype == replay.rows.observation["image"].dtype == jnp.uint8
    assert got.observation["where"].dtype == jnp.float32
    assert got.action.dtype == jnp.int32
    assert got.terminated.dtype == got.next_action_mask.dtype == jnp.bool_
    assert got.reward.shape == (4,)
    assert got.observation["image"].shape == (4, 2, 2)


@pytest.mark.parametrize(
    ("capacity", "collect_steps", "num_envs", "rows"),
    [(24, 2, 3, 8), (29, 2, 3, 8), (30, 2, 3, 10), (1_000_000, 4, 1, 1_000_000), (10, 4, 1, 8), (3, 2, 3, 2)],
)
def test_ring_capacity_rows_is_a_whole_number_of_insertions(capacity, collect_steps, num_envs, rows):
    """Rounded down, so that memory is never more than was asked for; one insertion always fits."""
    plan = Replay(capacity=capacity, batch_size=1, collect_steps=collect_steps)
    assert ring.capacity_rows(plan, num_envs) == rows
    shapes = jax.eval_shape(partial(ring.init, plan), jax.tree.map(lambda x: x[0], tape(0, 1, num_envs)))
    assert shapes.rows.reward.shape == (rows, num_envs)
