"""Frames stored once: every stack that can be sampled is the one that was seen, whatever was overwritten since."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tape import N, filled_ring, sampling, tape

from operant.plans import Replay
from operant.replay import ring
from operant.replay.frames import Frames

K = 3


def frame(env, episode, step, t):
    return np.array([[100 * env + episode, step], [env, t]], np.int16)


def stacks(rows):
    """`(observations, next observations)` `[T, N, 2, 2K]` of a tape: frames that name environment, episode and step."""
    seen, shown = [], []
    last = [None] * N
    episode, step = np.zeros(N, int), np.zeros(N, int)
    for t in range(len(rows.reward)):
        seen.append([]), shown.append([])
        for e in range(N):
            if last[e] is None:
                last[e] = [frame(e, episode[e], step[e], t)] * K
            seen[-1].append(np.concatenate(last[e], -1))
            step[e] += 1
            last[e] = [*last[e][1:], frame(e, episode[e], step[e], t)]
            shown[-1].append(np.concatenate(last[e], -1))
            dummy_follows = rows.valid is not None and t + 1 < len(rows.reward) and not rows.valid[t + 1, e]
            if (rows.done[t, e] and not dummy_follows) or (rows.valid is not None and not rows.valid[t, e]):
                last[e] = None
                episode[e] += 1
                step[e] = 0
    return np.array(seen), np.array(shown)


def stacked_tape(steps, **how):
    rows = tape(steps, **how)
    seen, shown = stacks(rows)
    return replace(rows, observation={"view": seen}, next_observation={"view": shown})


PLANS = {
    "uniform": {},
    "n-step": {"n_step": 3},
    "priority": {"priority": True, "n_step": 3},
    "sequences": {"sequence": 4},
    "priority of sequences": {"sequence": 4, "priority": True},
}


@pytest.mark.parametrize("longest", [1, 2, 8], ids=lambda n: f"episodes of up to {n}")
@pytest.mark.parametrize("dummies", [False, True], ids=["", "dummies"])
@pytest.mark.parametrize("kind", PLANS)
def test_ring_sample_of_frames_is_the_stack_that_was_seen(kind, dummies, longest):
    plan = Replay(20 * N, batch_size=8, collect_steps=2, **PLANS[kind])
    rows = stacked_tape(90, dummies=dummies, longest=longest)
    for steps in (2, 14, 20, 44, 90):
        replay = filled_ring(plan, jax.tree.map(lambda x, steps=steps: x[:steps], rows), steps, K)
        shape = (300, 2) if plan.priority else (300,)
        batch, _ = sampling(plan)(replay, jax.random.bits(jax.random.key(steps), shape, jnp.uint32))
        got, happened = jax.tree.map(np.asarray, (batch.transition, batch.weight > 0))
        if plan.sequence == 1:
            got, happened = jax.tree.map(lambda x: x[None], (got, happened))
        elif steps < plan.sequence:
            assert not happened.any()
            continue
        env, t = np.divmod(got.reward.astype(int), 100)
        np.testing.assert_array_equal(t - t[:1], np.broadcast_to(np.arange(len(t))[:, None], t.shape))
        np.testing.assert_array_equal(got.observation["view"], rows.observation["view"][t, env])
        # A step that never happened has the reset as its successor, which nobody learns from.
        last = t if batch.steps is None else t + np.asarray(batch.steps)[None] - 1
        successor = rows.next_observation["view"][last, env]
        np.testing.assert_array_equal(got.next_observation["view"][happened], successor[happened])

        kept = int(replay.size)
        drawable = np.arange(steps - kept, steps - plan.sequence + 1)
        if plan.priority and plan.sequence == 1 and dummies:
            drawable = drawable[rows.valid[drawable].any(1)]
        assert set(t[0]) == set(drawable)
        # As many as there can be: a frame for each step and one more for each episode.
        assert min(steps, 20, (replay.frames.length - K) // 2 - 2) <= kept <= min(steps, 20)
        if longest == 8 and not dummies:
            assert kept >= min(steps, 18)


def test_ring_init_with_frames_needs_little_more_than_a_frame_a_step():
    plan = Replay(1_000_000, batch_size=32, collect_steps=4, priority=True)
    like = replace(
        jax.tree.map(lambda x: x[0], tape(1)),
        observation=jax.ShapeDtypeStruct((1, 84, 84, 4), np.uint8),
        next_observation=jax.ShapeDtypeStruct((1, 84, 84, 4), np.uint8),
        action_mask=None,
        next_action_mask=None,
    )
    like = jax.tree.map(lambda x: jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype), like)
    shapes = jax.eval_shape(lambda x: ring.init(plan, x, frame_stack=4), like)
    assert sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(shapes)) <= 7.6e9
    assert shapes.rows.reward.shape == (1_000_000, 1)


def test_frames_init_refuses_what_is_no_stack():
    with pytest.raises(
        ValueError, match=r"frame_stack=3: an observation \(2\) is not a stack of this many frames"
    ):
        ring.init(Replay(30, 8), jax.tree.map(lambda x: x[0], tape(1)), frame_stack=3)


def test_frames_of_before_truncate_open_episodes_are_not_shown_after_it():
    plan = Replay(10 * N, batch_size=8)
    never = np.zeros((8, N), bool)
    rows = tape(8)
    seen, shown = stacks(replace(rows, terminated=never, truncated=never))
    again = stacks(replace(rows, terminated=never, truncated=never))[0][:1]
    rows = replace(rows, terminated=never, truncated=never, observation=seen, next_observation=shown)
    replay = filled_ring(plan, jax.tree.map(lambda x: x[:7], rows), 7, K)
    fresh = replace(jax.tree.map(lambda x: x[7:8], rows), observation=again)
    replay = ring.insert(plan, ring.truncate_open_episodes(replay), jax.tree.map(jnp.asarray, fresh))
    batch, _ = ring.sample(plan, replay, jnp.arange(21, 24, dtype=jnp.uint32))
    np.testing.assert_array_equal(batch.transition.reward % 100, 7)
    np.testing.assert_array_equal(batch.transition.observation, again[0])


def test_frames_insert_takes_stacks_of_more_frames_than_a_byte_counts():
    size, steps = 300, 400
    frames = Frames.init(jnp.zeros((1, size)), size, steps, steps)
    newest = np.arange(steps + 1)
    shown = np.maximum(newest[:, None] - np.arange(size - 1, -1, -1), 0).astype(np.float32)
    rows = replace(tape(steps), observation=shown[:-1, None], next_observation=shown[1:, None])
    never = jnp.zeros((steps, 1), bool)
    rows = replace(rows, reward=jnp.zeros((steps, 1)), terminated=never, truncated=never, valid=None)
    frames, _ = frames.insert(jnp.asarray(0), jax.tree.map(jnp.asarray, rows))
    index = jnp.arange(steps), jnp.zeros(steps, jnp.int32)
    np.testing.assert_array_equal(frames.observation(*index), shown[:-1])
    np.testing.assert_array_equal(frames.next_observation(*index), shown[1:])


def test_a_million_frames_of_atari_take_little_more_than_their_pixels():
    """Catches stacks that are stored whole, and a ring that is much longer than it has to be."""
    seen = jax.ShapeDtypeStruct((1, 84, 84, 4), jnp.uint8)
    ring_of_frames = jax.eval_shape(lambda x: Frames.init(x, 4, 1_000_000, 4), seen)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(ring_of_frames))
    assert size < 1.02 * 84 * 84 * 1_000_000
