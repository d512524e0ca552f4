"""Hindsight against a loop in plain Python over the episodes that were stored."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from operant.envs.goals import Goals
from operant.plans import Replay
from operant.replay import ring
from operant.types import Transition

N, ROWS, STEPS = 3, 12, 40
FILLINGS = {"one step": 1, "part-full": 7, "full": 12, "wrapped once": 13, "wrapped often": 40}
STRATEGIES = ("future", "final", "episode")
RNG = np.random.default_rng(0)

# Episodes of all lengths from 1 on; the longest outlives the ring.
ENDS = RNG.random((STEPS, N)) < np.array([0.3, 0.15, 0.0])
TERMINATED = ENDS & (RNG.random((STEPS, N)) < 0.5)
EPISODE = np.concatenate([np.zeros((1, N), int), np.cumsum(ENDS, 0)[:-1]])
ENV, TIME = np.meshgrid(np.arange(N), np.arange(STEPS))  # each [STEPS, N]


def observed(time):
    """What says where it is from: the goal is that of the episode."""
    place = np.stack([ENV, time], -1).astype(np.float32)
    wanted = np.stack([ENV, -1 - EPISODE], -1).astype(np.float32)
    return {"observation": place, "achieved_goal": 2 * place, "desired_goal": wanted}


TAPE = Transition(
    observation=observed(TIME),
    action=(TIME % 7).astype(np.int32),
    reward=(100 * ENV + TIME).astype(np.float32),
    terminated=TERMINATED,
    truncated=ENDS & ~TERMINATED,
    next_observation=observed(TIME + 0.5),  # not what the next step sees
)


def reward(achieved, desired):
    """Another number for every pair."""
    return 10_000.0 + 100 * achieved[..., 1] - desired[..., 1]


GOALS = Goals(reward, lambda achieved, desired: jnp.all(achieved == desired, -1), None)


def plan(strategy="future", collect_steps=1, **values):
    return Replay(ROWS * N, 8, collect_steps, hindsight=strategy, **values)


insert = jax.jit(ring.insert, static_argnums=0)


def filled(made, steps, tape=TAPE):
    held = ring.init(made, jax.tree.map(lambda x: x[0], tape))
    for t in range(0, steps, made.collect_steps):
        held = insert(made, held, jax.tree.map(lambda x, t=t: x[t : t + made.collect_steps], tape))
    return held


@partial(jax.jit, static_argnums=(0, 4))
def sampled(made, held, bits, goal_bits, goals=GOALS):
    return ring.sample(made, held, bits, 1.0, (goals, goal_bits))[0]


def allowed(strategy, t, env, steps):
    """The steps whose achieved goals a transition may be given, from what the ring still holds."""
    same = [s for s in range(max(steps - ROWS, 0), steps) if EPISODE[s, env] == EPISODE[t, env]]
    return {"future": [s for s in same if s >= t], "final": same[-1:], "episode": same}[strategy]


def all_draws(steps, choices):
    """Bits that draw every transition, own goal and another, with each of as many choices."""
    index, other, choice = np.meshgrid(
        np.arange(min(steps, ROWS) * N), np.arange(2), np.arange(choices), indexing="ij"
    )
    goals = np.stack([other, choice], -1).reshape(-1, 2)
    return jnp.asarray(index.reshape(-1), jnp.uint32), jnp.asarray(goals, jnp.uint32)


@pytest.mark.parametrize("steps", FILLINGS.values(), ids=FILLINGS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ring_sample_in_hindsight_is_a_loop_over_the_stored_episodes(strategy, steps):
    made = plan(strategy)
    held = filled(made, steps)
    choices = 2520  # a multiple of all numbers of steps up to 10
    bits, goal_bits = all_draws(steps, choices)
    got = jax.tree.map(np.asarray, sampled(made, held, bits, goal_bits).transition)
    env, t = got.observation["observation"].astype(int).T
    goal = got.observation["desired_goal"]
    np.testing.assert_array_equal(goal, got.next_observation["desired_goal"])
    for name in ("observation", "achieved_goal"):
        np.testing.assert_array_equal(got.observation[name], TAPE.observation[name][t, env])
        np.testing.assert_array_equal(got.next_observation[name], TAPE.next_observation[name][t, env])
    np.testing.assert_array_equal(got.action, TAPE.action[t, env])

    own = np.asarray(goal_bits[:, 0]) == 0  # those that keep their goal stay as they were
    np.testing.assert_array_equal(goal[own], TAPE.observation["desired_goal"][t, env][own])
    for name in ("reward", "terminated", "truncated"):
        np.testing.assert_array_equal(getattr(got, name)[own], getattr(TAPE, name)[t, env][own])

    pairs = {(e, s) for e in range(N) for s in range(max(steps - ROWS, 0), steps)}
    assert set(zip(env, t, strict=True)) == pairs
    for e, s in pairs:
        these = (env == e) & (t == s) & ~own
        of = (goal[these] / 2 - [0, 0.5]).astype(int)  # where it was achieved
        assert (of[:, 0] == e).all()
        where, times = np.unique(of[:, 1], return_counts=True)
        assert where.tolist() == allowed(strategy, s, e, steps)
        if 2520 % len(where) == 0:
            assert (times == times[0]).all()  # each as often
        expected = [10_000 + 200 * (s + 0.5) - g for g in goal[these][:, 1]]
        np.testing.assert_array_equal(got.reward[these], np.float32(expected))
        np.testing.assert_array_equal(got.terminated[these], of[:, 1] == s)
        kept = TAPE.truncated[s, e] & (of[:, 1] != s)
        np.testing.assert_array_equal(got.truncated[these], kept)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ring_insert_in_hindsight_of_several_steps_at_once_is_that_of_one_after_the_other(strategy):
    once, together = plan(strategy), plan(strategy, collect_steps=4)
    bits, goal_bits = all_draws(STEPS, 60)
    one, four = (sampled(made, filled(made, STEPS), bits, goal_bits) for made in (once, together))
    # The write head of 40 rows is at the same place, so equal indices are equal transitions.
    jax.tree.map(np.testing.assert_array_equal, one, four)


@pytest.mark.parametrize("k", [1, 4])
def test_ring_sample_gives_k_of_k_plus_one_transitions_goals_that_are_uniform(k):
    made = plan("future", n_sampled_goal=k)
    held = filled(made, STEPS)
    key, draws = jax.random.key(k), 30_000
    bits = jax.random.bits(key, (draws,), jnp.uint32)
    goal_bits = jax.random.bits(jax.random.fold_in(key, 1), (draws, 2), jnp.uint32)
    got = jax.tree.map(np.asarray, sampled(made, held, bits, goal_bits).transition)
    env, t = got.observation["observation"].astype(int).T
    other = got.observation["desired_goal"][:, 1] >= 0
    assert stats.binomtest(int(other.sum()), draws, 1 - 1 / (k + 1)).pvalue > 1e-3
    counts, expected = [], []
    for e in range(N):
        for s in range(STEPS - ROWS, STEPS):
            these = (env == e) & (t == s) & other
            where = (got.observation["desired_goal"][these][:, 1] / 2).astype(int)
            choices = allowed("future", s, e, STEPS)
            counts += [int((where == choice).sum()) for choice in choices]
            expected += [these.sum() / len(choices)] * len(choices)
    freedom = N * ROWS - 1  # the sizes of the groups are those that were drawn
    assert stats.chisquare(counts, expected, ddof=freedom).pvalue > 1e-3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ring_sample_of_n_steps_in_hindsight_computes_all_rewards_on_the_way(strategy):
    n = 3
    made = plan(strategy, n_step=n)
    bits, goal_bits = all_draws(STEPS, 12)
    batch = jax.tree.map(np.asarray, sampled(made, filled(made, STEPS), bits, goal_bits))
    got = batch.transition
    env, t = got.observation["observation"].astype(int).T
    other = np.asarray(goal_bits[:, 0]) == 1
    for b in range(len(t)):
        e, goal = env[b], got.observation["desired_goal"][b]
        rewards, terminated = np.zeros(n, np.float32), False
        for i in range(n):
            s = t[b] + i
            achieved = TAPE.next_observation["achieved_goal"][s, e]
            rewards[i] = reward(achieved, goal) if other[b] else TAPE.reward[s, e]
            terminated = (achieved == goal).all() if other[b] else TAPE.terminated[s, e]
            if terminated or ENDS[s, e] or s + 1 == STEPS:
                break
        np.testing.assert_array_equal(batch.rewards[:, b], rewards)
        assert batch.steps[b] == i + 1
        assert got.terminated[b] == terminated
        assert got.reward[b] == rewards[0]
        np.testing.assert_array_equal(
            got.next_observation["observation"][b], TAPE.next_observation["observation"][s, e]
        )
        np.testing.assert_array_equal(got.next_observation["desired_goal"][b], goal)


def test_ring_sample_leaves_ends_as_they_are_where_goals_end_no_episode():
    made = plan()
    bits, goal_bits = all_draws(STEPS, 12)
    got = sampled(made, filled(made, STEPS), bits, goal_bits, GOALS._replace(terminated=None)).transition
    env, t = np.asarray(got.observation["observation"], int).T
    for name in ("terminated", "truncated"):
        np.testing.assert_array_equal(getattr(got, name), getattr(TAPE, name)[t, env])


def test_ring_sample_never_takes_goals_across_a_resumed_run_or_a_step_that_never_happened():
    never = np.zeros((STEPS, N), bool)
    unbroken = replace(TAPE, terminated=never, truncated=never)
    made = plan("episode")
    held = ring.truncate_open_episodes(filled(made, 5, unbroken))
    for t in range(5, 9):
        held = insert(made, held, jax.tree.map(lambda x, t=t: x[t : t + 1], unbroken))
    bits, goal_bits = all_draws(9, 60)
    got = jax.tree.map(np.asarray, sampled(made, held, bits, goal_bits).transition)
    t, other = got.observation["observation"][:, 1], np.asarray(goal_bits[:, 0]) == 1
    of = got.observation["desired_goal"][:, 1] / 2
    assert ((t < 5) == (of < 5))[other].all()
    assert set(of[other]) == {s + 0.5 for s in range(9)}

    valid = np.ones((STEPS, N), bool)
    valid[5] = False  # as a step after an end that only resets
    ends = np.zeros((STEPS, N), bool)
    ends[4:6] = True
    dummies = replace(TAPE, terminated=never, truncated=ends, valid=valid)
    batch = sampled(made, filled(made, 9, dummies), bits, goal_bits)
    t = np.asarray(batch.transition.observation["observation"][:, 1])
    of = np.asarray(batch.transition.observation["desired_goal"][:, 1]) / 2
    happened = np.asarray(batch.weight) > 0
    assert (happened == (t != 5)).all()
    assert not np.isin(of[other & happened], [5.5]).any()
    assert ((t < 5) == (of < 5))[other & happened].all()


def test_ring_init_refuses_hindsight_in_sequences_and_stacks():
    first = jax.tree.map(lambda x: x[0], TAPE)
    with pytest.raises(
        ValueError, match=r"hindsight='future' gives single transitions other goals.*sequence=3"
    ):
        ring.init(plan(sequence=3), first)
    with pytest.raises(ValueError, match=r"frame_stack=2"):
        ring.init(plan(), first, frame_stack=2)
    held = filled(plan(), 2)
    with pytest.raises(ValueError, match="nobody said what rewards goals give"):
        ring.sample(plan(), held, jnp.zeros(4, jnp.uint32))
