"""n-step transitions: a loop in plain Python says what each must be, whatever the ring's filling.

Rewards are powers of a number that say which step paid them, so a sum would show what it is made of; episodes end both
ways, and some steps never happened.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.replay import ring
from operant.types import Replay, Transition

N, CAPACITY = 3, 10


def tape(steps, *, dummies):
    """`[steps, N]`; episodes of 1 to 6 steps, ending either way, behind each, with `dummies`, one that never was."""
    rng = np.random.default_rng(1)
    t, env = np.meshgrid(np.arange(steps), np.arange(N), indexing="ij")
    end = np.zeros((steps, N), int)  # 1 terminated, 2 truncated
    valid = np.ones((steps, N), bool)
    for e in range(N):
        at = -1
        while (at := at + int(rng.integers(1, 7))) < steps:
            end[at, e] = 1 + rng.integers(2)
            if dummies and at + 1 < steps:
                at += 1
                valid[at, e] = False
    rows = Transition(
        observation=np.stack([env, t], -1).astype(np.float32),
        action=(t % 7).astype(np.int32),
        reward=(100 * env + t).astype(np.float32),
        terminated=end == 1,
        truncated=end == 2,
        next_observation=np.stack([env, t + 0.5], -1).astype(np.float32),
        action_mask=np.stack([t % 2 == 0, t % 3 == 0], -1),
        next_action_mask=np.stack([t % 3 == 1, t % 2 == 1], -1),
        valid=valid if dummies else None,
    )
    return jax.tree.map(jnp.asarray, rows)


def filled(plan, rows, steps):
    replay = ring.init(plan, jax.tree.map(lambda x: x[0], rows))
    insert = jax.jit(ring.insert)
    for first in range(0, steps, plan.collect_steps):
        replay = insert(replay, jax.tree.map(lambda x: x[first : first + plan.collect_steps], rows))  # noqa: B023
    return replay


def expected(rows, n, t, env, steps):
    """`(rewards, k)` of a transition from step t, of `steps` collected: one after another while they follow."""
    rewards = np.zeros(n, np.float32)
    for i in range(n):
        rewards[i] = rows.reward[t + i, env]
        follows = t + i + 1 < steps and (rows.valid is None or rows.valid[t + i + 1, env])
        if rows.done[t + i, env] or not follows:
            break
    return rewards, i + 1


@pytest.mark.parametrize("steps", [2, 6, 10, 12, 34], ids=lambda steps: f"{steps} steps")
@pytest.mark.parametrize("dummies", [False, True], ids=["", "dummies"])
@pytest.mark.parametrize("n", [2, 3, 12])
def test_every_transition_reaches_as_far_as_its_episode_and_no_further(n, dummies, steps):
    plan = Replay(CAPACITY * N, batch_size=8, collect_steps=2, n_step=n)
    rows = tape(40, dummies=dummies)
    replay, kept = filled(plan, rows, steps), min(steps, CAPACITY)
    batch, _ = jax.jit(lambda r, b: ring.sample(plan, r, b))(replay, jnp.arange(kept * N, dtype=jnp.uint32))
    rows, got = jax.tree.map(np.asarray, (rows, batch.transition))
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
