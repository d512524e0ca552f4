"""What DQN makes of a minibatch of sequences, and of the states held out to watch values on."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.value.dqn import DQN
from operant.algorithms.value.held_out import HeldOut
from operant.algorithms.value.parts import sequence_td_error
from operant.algorithms.value.samples import Encoded, TDSample
from operant.ops.normalization import Moments, Normalizer
from operant.plans import Replay
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition

RNG = np.random.default_rng(0)
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (1,)), Discrete(2), num_envs=2, masked=True)
LENGTH, B, BURN_IN, GAMMA = 7, 3, 2, 0.9


def tape(length: int, width: int) -> Transition:
    """Observations number the rows: `t·width + b`."""
    number = jnp.arange(length * width, dtype=jnp.float32).reshape(length, width, 1)
    ends = RNG.integers(0, 5, (length, width))
    return Transition(
        observation=number,
        action=jnp.asarray(RNG.integers(0, 2, (length, width)), jnp.int32),
        reward=jnp.asarray(RNG.normal(size=(length, width)), jnp.float32),
        terminated=jnp.asarray(ends == 1),
        truncated=jnp.asarray(ends == 2),
        next_observation=number + 0.5,
        action_mask=jnp.asarray(RNG.random((length, width, 2)) < 0.8),
        next_action_mask=jnp.asarray(RNG.random((length, width, 2)) < 0.8),
    )


def test_td_sample_of_a_sequence_looks_n_steps_ahead_and_never_past_an_end():
    rows = tape(LENGTH, B)
    weight = jnp.asarray(RNG.random((LENGTH, B)), jnp.float32)
    normalizer = Normalizer.build(SPEC, observations=False, rewards=False)
    sample = TDSample.of(Batch(rows, weight), normalizer, GAMMA, 3, BURN_IN)
    np.testing.assert_array_equal(sample.action, rows.action[BURN_IN:])
    np.testing.assert_array_equal(sample.weight, weight[BURN_IN:])
    successors = (rows.next_observation[BURN_IN:])[sample.next_rows]
    for b in range(B):
        for t in range(BURN_IN, LENGTH):
            last = t
            while not rows.done[last, b] and last < min(t + 2, LENGTH - 1):
                last += 1
            reward = sum(GAMMA ** (i - t) * float(rows.reward[i, b]) for i in range(t, last + 1))
            nothing = bool(rows.terminated[last, b]) or not rows.next_action_mask[last, b].any()
            at = (t - BURN_IN, b)
            np.testing.assert_allclose(sample.reward[at], reward, rtol=1e-5, atol=1e-6)
            expected = 0.0 if nothing else GAMMA ** (last - t + 1)
            np.testing.assert_allclose(sample.discount[at], expected, rtol=1e-6)
            assert successors[at] == rows.next_observation[last, b]
            np.testing.assert_array_equal(sample.next_action_mask[at], rows.next_action_mask[last, b])
            np.testing.assert_array_equal(sample.action_mask[at], rows.action_mask[t, b])


@pytest.mark.parametrize("sequences", [False, True])
def test_td_sample_scales_and_clips_rewards_one_by_one_before_it_sums_them(sequences):
    normalizer = Normalizer.build(SPEC, observations=False, rewards=True, clip_reward=0.5)
    normalizer = replace(normalizer, reward=Moments(*map(jnp.float32, (9.0, 0.0, 4.0))))
    rewards = jnp.array([[3.0, 0.2], [-8.0, 0.4], [0.6, -6.0]])
    one_by_one = np.clip(np.asarray(rewards) / 2, -0.5, 0.5)
    rows = replace(tape(3, 2), reward=rewards, terminated=jnp.zeros((3, 2), bool))
    rows = replace(rows, truncated=jnp.zeros((3, 2), bool))
    if sequences:
        sample = TDSample.of(Batch(rows, jnp.ones((3, 2))), normalizer, GAMMA, 3, 0)
        got = sample.reward[0]
    else:
        first = jax.tree.map(lambda x: x[0], rows)
        batch = Batch(first, jnp.ones(2), rewards=rewards, steps=jnp.full(2, 3))
        got = TDSample.of(batch, normalizer, GAMMA, 3, None).reward
    np.testing.assert_allclose(got, [1, GAMMA, GAMMA**2] @ one_by_one, rtol=1e-5)


def test_dqn_bootstraps_with_the_memory_of_the_same_episode():
    rows = tape(LENGTH, B)
    algorithm = DQN(
        n_step=3,
        network={"memory": "gru", "memory_size": 4, "hidden_sizes": (), "initialization": "uniform"},
    )
    shapes = jax.eval_shape(lambda key: algorithm.init(SPEC, key).network, jax.random.key(0))
    network = jax.tree.map(lambda x: jnp.asarray(RNG.normal(size=x.shape), jnp.float32), shapes)
    normalizer = Normalizer.build(SPEC, observations=False, rewards=False)
    rows = replace(rows, observation=rows.observation / 10, next_observation=rows.next_observation / 10)
    batch = Batch(rows, jnp.ones((LENGTH, B)), network.initial_carry(B))
    sample = TDSample.of(batch, normalizer, GAMMA, 3, BURN_IN)
    encoded = jax.jit(lambda network: Encoded.of(network, batch, sample, normalizer, BURN_IN)[1:])(network)
    step = jax.jit(lambda network, seen, carry: network.features(seen, carry))
    for b in range(B):
        carry, successors, now = network.initial_carry(1), [], []
        for t in range(LENGTH):
            features, carry = step(network, rows.observation[t, b : b + 1], carry)
            now.append(features[0])
            successors.append(step(network, rows.next_observation[t, b : b + 1], carry)[0][0])
            if rows.done[t, b]:
                carry = network.initial_carry(1)
        for t in range(BURN_IN, LENGTH):
            last = t
            while not rows.done[last, b] and last < min(t + 2, LENGTH - 1):
                last += 1
            np.testing.assert_allclose(encoded[0][t - BURN_IN, b], now[t], atol=1e-5)
            np.testing.assert_allclose(encoded[1][t - BURN_IN, b], successors[last], atol=1e-5)


def test_sequence_td_error_is_mostly_the_greatest_one():
    td_error = jnp.array([[1.0, 0.0], [2.0, 5.0], [6.0, 100.0]])
    weight = jnp.array([[0.3, 1.0], [0.2, 1.0], [1.0, 0.0]])  # the last row of the second never happened
    np.testing.assert_allclose(sequence_td_error(td_error, weight), [0.9 * 6 + 0.1 * 3, 0.9 * 5 + 0.1 * 2.5])


def test_dqn_with_memory_has_a_plan_of_sequences():
    values = {"n_step": 3, "priority": True, "burn_in": 4, "sequence_length": 6, "buffer_size": 50}
    plan = Replay(50, 32, collect_steps=4, learning_starts=100, priority=True)
    assert DQN(**values).experience == replace(plan, n_step=3)
    recurrent = DQN(**values, network={"memory": "gru"})
    assert recurrent.experience == replace(plan, sequence=10)
    recurrent.check(replace(SPEC, num_envs=10))
    with pytest.raises(ValueError, match=r"learning_starts=100: must be at least .* = 110"):
        recurrent.check(replace(SPEC, num_envs=11))
    with pytest.raises(ValueError, match="sequence_length=1: must be at least 2 with burn_in=0"):
        replace(recurrent, sequence_length=1, burn_in=0).check(SPEC)


# Held-out states


def test_held_out_are_the_first_states_and_no_more():
    held = HeldOut.build(SPEC, 5, 2)
    rows = tape(4, 2)
    for t in range(4):
        row = jax.tree.map(lambda x, t=t: x[t : t + 1], rows)
        if t == 1:  # a step that never happened in one of the environments
            row = replace(row, valid=jnp.array([[True, False]]))
        held = held.add(row)
        assert held.count == [2, 3, 5, 5][t]
    np.testing.assert_array_equal(held.observation[:, 0], [0, 1, 2, 4, 5])
    mask = rows.action_mask.reshape(8, 2)[np.array([0, 1, 2, 4, 5])]
    np.testing.assert_array_equal(held.action_mask, mask)


def test_held_out_averages_over_those_there_are_and_possible_actions():
    held = HeldOut(
        jnp.zeros((3, 1)),
        jnp.array([[True, True], [True, False], [True, True]]),
        jnp.asarray(2, jnp.int32),
    )
    average = held.average_max(jnp.array([[1.0, 2.0], [3.0, 9.0], [50.0, 50.0]]))
    assert (float(average.value), bool(average.mask)) == (2.5, True)
    assert not replace(held, count=jnp.zeros((), jnp.int32)).average_max(jnp.ones((3, 2))).mask  # of none


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"held_out_states": 101}, "held_out_states=101: must be at most learning_starts=100"),
        ({"dueling": "median"}, "dueling='median': must be none, mean or max"),
        ({"distributional": "c51"}, "distributional='c51': must be none, categorical, quantile or implicit"),
        ({"v_min": 3.0, "v_max": 3.0}, "v_max=3.0: must be more than v_min=3.0"),
        ({"n_atoms": 1}, "n_atoms=1: must be at least 2"),
        ({"priority_exponent": 1.5}, r"priority_exponent=1.5: must be a number in \[0, 1\]"),
        ({"n_step": 0}, "n_step=0: must be at least 1"),
        ({"optimizer": "lion"}, "optimizer='lion': must be one of adam, adamw, radam, rmsprop"),
        ({"kappa": 0.0}, "kappa=0.0: must be more than 0"),
        ({"munchausen_temperature": 0.0}, "munchausen_temperature=0.0: must be more than 0"),
    ],
)
def test_dqn_refuses_wrong_values_of_sequences(wrong, message):
    with pytest.raises(ValueError, match=message):
        DQN(**wrong)
