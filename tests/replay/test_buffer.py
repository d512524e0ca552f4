"""The replay buffer for loops in Python, against the engine's own replay and against the tape it was given."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.plans import Replay
from operant.replay import ring
from tests.replay.tape import N, tape


def filled_buffer(steps=25, capacity=N * 12, **values):
    buffer, steps_of = operant.ReplayBuffer(capacity, **values), tape(steps)
    for begin, end in (
        (0, 7),
        (7, 8),
        (8, steps),
    ):  # any number of steps at once, also more than there is room for
        buffer.add(jax.tree.map(lambda x, b=begin, e=end: x[b:e], steps_of))
    return buffer


@pytest.mark.parametrize(
    "values", [{}, {"n_step": 3}, {"priority": True}], ids=["uniform", "n-step", "priority"]
)
def test_replay_buffer_sample_draws_what_ring_sample_draws(values):
    buffer = filled_buffer(**values)
    plan = Replay(N * 12, 16, **values)
    steps = replace(tape(25), valid=np.ones((25, N), bool))
    held = ring.init(plan, jax.tree.map(lambda x: x[0], steps))
    insert = jax.jit(lambda held, row: ring.insert(plan, held, row))
    for t in range(25):
        held = insert(held, jax.tree.map(lambda x, t=t: x[t : t + 1], steps))
    random = np.random.default_rng(0)
    for _ in range(2):
        bits = random.integers(0, 2**32, (16, 2) if plan.priority else (16,), np.uint32)
        expected, drawn = ring.sample(plan, held, jnp.asarray(bits), 0.5)
        jax.tree.map(np.testing.assert_array_equal, buffer.sample(16, beta=0.5), expected)
        if plan.priority:
            priority = jnp.arange(1.0, 17.0)
            assert held.priorities is not None
            held = replace(held, priorities=held.priorities.update(drawn, priority))
            buffer.update_priorities(priority)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_replay_buffer_sample_sequences_is_steps_in_a_row_of_one_environment(length):
    buffer = filled_buffer()
    batch = buffer.sample_sequences(200, length=length)
    env, t = np.moveaxis(np.asarray(batch.transition.observation), -1, 0)
    assert env.shape == (length, 200)
    np.testing.assert_array_equal(env, np.broadcast_to(env[0], env.shape))
    np.testing.assert_array_equal(t, t[0] + np.arange(length)[:, None])
    assert t.min() == 25 - 12  # the oldest that is held
    assert t.max() == 24
    given = tape(25)
    for name in ("reward", "terminated", "truncated", "action"):
        at = (t.astype(int), env.astype(int))
        np.testing.assert_array_equal(getattr(batch.transition, name), np.asarray(getattr(given, name))[at])
    assert (np.asarray(batch.weight) == 1).all()


def test_replay_buffer_sample_gives_no_weight_to_a_step_that_never_happened():
    buffer, given = operant.ReplayBuffer(N * 25), tape(25, dummies=True)
    buffer.add(given)
    batch = buffer.sample(500)
    env, t = np.moveaxis(np.asarray(batch.transition.observation).astype(int), -1, 0)
    happened = np.asarray(given.valid)[t, env]
    np.testing.assert_array_equal(batch.weight, happened)
    assert 0 < happened.mean() < 1


def test_replay_buffer_add_observes_collect():
    buffer = operant.ReplayBuffer(1_000)
    operant.collect(
        "random", "CartPole-v1", steps=40, num_envs=2, observers=[buffer.add], backend="gymnasium"
    )
    assert len(buffer) >= 40
    step = buffer.sample_sequences(8, length=2).transition
    follows = ~np.asarray(step.done)[0]
    np.testing.assert_array_equal(
        np.asarray(step.next_observation)[0][follows], np.asarray(step.observation)[1][follows]
    )


def test_replay_buffer_refuses_what_cannot_be():
    buffer = operant.ReplayBuffer(10)
    with pytest.raises(ValueError, match="0 steps of each environment are held, and 1 are asked for"):
        buffer.sample(4)
    with pytest.raises(ValueError, match=r"rewards are \[3\]; must be \[T, N\]"):
        buffer.add(jax.tree.map(lambda x: x[0], tape(2)))
    buffer.add(tape(2))
    with pytest.raises(ValueError, match="2 steps of each environment are held, and 3 are asked for"):
        buffer.sample_sequences(4, length=3)
    with pytest.raises(ValueError, match="steps of 2 environments; it holds those of 3"):
        buffer.add(jax.tree.map(lambda x: x[:, :2], tape(2)))
    with pytest.raises(ValueError, match="Take priority=True"):
        buffer.update_priorities([1.0])
    with pytest.raises(ValueError, match="capacity=0: must be at least 1"):
        operant.ReplayBuffer(0)
    with pytest.raises(ValueError, match="capacity=2: must be at least a step of 3"):
        operant.ReplayBuffer(2).add(tape(2))
