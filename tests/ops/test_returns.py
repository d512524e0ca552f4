"""Returns and advantages against published numbers, rlax, and float64 loops over one episode at a time."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import rlax

from operant.algorithms.random import Random
from operant.engine.device import DeviceLoop
from operant.envs.probes import DelayedReward, TwoStates
from operant.ops.returns import (
    bootstrap,
    carried,
    discounted_returns,
    explained_variance,
    generalized_advantages,
    n_step,
    standardize,
    vtrace,
    weighted_mean,
    weighted_variance,
)

RNG = np.random.default_rng(0)

gae = jax.jit(generalized_advantages)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)  # tests write into these


# Returns


def test_bootstrap_is_the_discounted_value_and_0_where_an_episode_terminated():
    value, terminated = jnp.array([2.0, 3.0, 4.0]), jnp.array([False, True, False])
    np.testing.assert_array_equal(bootstrap(value, terminated), [2, 0, 4])
    np.testing.assert_array_equal(bootstrap(value, terminated, jnp.array([0.5, 0.5, 0.0])), [1, 0, 0])


def test_carried_over_a_step_is_multiplied_by_its_discount():
    value = jnp.array([2.0, 3.0])
    np.testing.assert_array_equal(carried(value, jnp.array([0.5, 0.0])), [1, 0])
    np.testing.assert_array_equal(carried(value, None), value)


def test_discounted_returns_of_hand_computed_rewards():
    done = jnp.array([False, False, True])
    returns = discounted_returns(jnp.array([10.0, 0.0, -50.0]), done, 0.8)
    np.testing.assert_allclose(returns, [-22, -40, -50], rtol=1e-6)


def test_discounted_returns_of_several_episodes_are_standardized_together():
    reward = jnp.array([[10.0, 10.0], [0.0, 20.0], [-50.0, 0.0]])
    done = jnp.array([[False, False], [False, True], [True, False]])
    happened = jnp.array([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    normalised = standardize(discounted_returns(reward, done, 0.8), happened)
    np.testing.assert_allclose(
        normalised[:, 0], [-0.2843507149652278, -0.8659771773941027, -1.1891029898545886], rtol=1e-5
    )
    np.testing.assert_allclose(normalised[:2, 1], [1.2666531848451055, 1.072777697368814], rtol=1e-5)


def test_discounted_returns_restart_after_every_done():
    reward, done = normal(7, 5), RNG.random((7, 5)) < 0.4
    expected = np.zeros((7, 5))
    for column in range(5):
        for t in range(7):
            for later in range(t, 7):
                expected[t, column] += 0.9 ** (later - t) * reward[later, column]
                if done[later, column]:
                    break
    np.testing.assert_allclose(discounted_returns(reward, done, 0.9), expected, rtol=1e-5, atol=1e-5)


# Advantages


def advantages_by_episode(reward, value, next_value, terminated, done, gamma, lambda_):
    """One column `[T]` in float64: cut into episodes first, and then the sum of equation 16, term by term."""
    ends = [*(np.flatnonzero(done) + 1).tolist(), len(reward)]
    advantage, begin = [], 0
    for end in dict.fromkeys(ends):
        delta = [
            reward[t] + (0.0 if terminated[t] else gamma * next_value[t]) - value[t]
            for t in range(begin, end)
        ]
        for t in range(len(delta)):
            advantage.append(sum((gamma * lambda_) ** k * d for k, d in enumerate(delta[t:])))
        begin = end
    return advantage


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 6])
def test_generalized_advantages_for_every_pattern_of_ends(steps):
    patterns = np.array(list(itertools.product((0, 1, 2), repeat=steps))).T  # [T, 3^T]
    terminated, truncated = patterns == 1, patterns == 2
    reward, value, next_value = (normal(*patterns.shape) for _ in range(3))
    # A successor's value is the next row's, except where the next row is another episode.
    next_value[:-1] = np.where((terminated | truncated)[:-1], next_value[:-1], value[1:])
    got = gae(reward, value, next_value, terminated, terminated | truncated, 0.9, 0.8)
    for column in range(patterns.shape[1]):
        rows = (reward, value, next_value, terminated, terminated | truncated)
        expected = advantages_by_episode(*(x[:, column].astype(np.float64) for x in rows), 0.9, 0.8)
        np.testing.assert_allclose(got[:, column], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("gamma", "lambda_"), [(0.99, 0.95), (1.0, 1.0), (0.9, 0.0), (0.0, 0.9)])
def test_generalized_advantages_agree_with_rlax_where_episodes_terminate(gamma, lambda_):
    reward, values, terminated = normal(32), normal(33), RNG.random(32) < 0.2
    got = gae(reward, values[:-1], values[1:], terminated, terminated, gamma, lambda_)
    discount = gamma * (1.0 - terminated)
    expected = rlax.truncated_generalized_advantage_estimation(reward, discount, lambda_, values)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_generalized_advantages_of_lambda_1_are_returns_and_of_lambda_0_temporal_differences():
    reward, value, next_value = normal(6, 2), normal(6, 2), normal(6, 2)
    ends = np.zeros((6, 2), bool)
    ends[-1] = True
    returns = discounted_returns(reward, ends, 0.9)
    value[1:] = next_value[:-1]
    np.testing.assert_allclose(
        gae(reward, value, next_value, ends, ends, 0.9, 1.0), returns - value, rtol=1e-4, atol=1e-5
    )
    difference = reward + 0.9 * np.where(ends, 0, next_value) - value
    np.testing.assert_allclose(
        gae(reward, value, next_value, ends, ends, 0.9, 0.0), difference, rtol=1e-4, atol=1e-5
    )


# V-trace


def vtrace_by_episode(log_ratio, reward, value, next_value, terminated, done, gamma, clip_rho, clip_c):
    """One column `[T]` in float64: equation 1 term by term, and the advantages of section 4.2."""
    ratio, steps = np.exp(log_ratio), len(reward)
    rho, c = np.minimum(clip_rho, ratio), np.minimum(clip_c, ratio)
    bootstrap = np.where(terminated, 0.0, next_value)
    target = np.zeros(steps)
    for s in range(steps):
        target[s], trace = value[s], 1.0
        for t in range(s, steps):
            target[s] += trace * rho[t] * (reward[t] + gamma * bootstrap[t] - value[t])
            trace *= gamma * c[t]
            if done[t]:
                break
    next_target = [bootstrap[t] if done[t] or t + 1 == steps else target[t + 1] for t in range(steps)]
    return target, rho * (reward + gamma * np.array(next_target) - value)


@pytest.mark.parametrize(("clip_rho", "clip_c"), [(1.0, 1.0), (2.0, 0.7)])
def test_vtrace_is_its_definition_term_by_term(clip_rho, clip_c):
    shape = (9, 7)
    terminated, truncated = RNG.random((2, *shape)) < 0.15
    truncated &= ~terminated
    log_ratio, reward, value, next_value = (normal(*shape) for _ in range(4))
    done = terminated | truncated
    next_value[:-1] = np.where(done[:-1], next_value[:-1], value[1:])
    rows = (log_ratio, reward, value, next_value, terminated, done)
    target, advantage = jax.jit(vtrace)(*rows, 0.9, clip_rho=clip_rho, clip_c=clip_c)
    for column in range(shape[1]):
        mine = (x[:, column].astype(np.float64) for x in rows[:4])
        ends = (x[:, column] for x in rows[4:])
        expected = vtrace_by_episode(*mine, *ends, 0.9, clip_rho, clip_c)
        np.testing.assert_allclose(target[:, column], expected[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(advantage[:, column], expected[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lambda_", [1.0, 0.8])
def test_vtrace_agrees_with_rlax_where_episodes_terminate(lambda_):
    log_ratio, reward, values, terminated = normal(32), normal(32), normal(33), RNG.random(32) < 0.2
    target, advantage = vtrace(
        log_ratio, reward, values[:-1], values[1:], terminated, terminated, 0.9, lambda_
    )
    expected = rlax.vtrace_td_error_and_advantage(
        values[:-1], values[1:], reward, 0.9 * (1.0 - terminated), np.exp(log_ratio), lambda_
    )
    np.testing.assert_allclose(target, values[:-1] + expected.errors, rtol=1e-4, atol=1e-5)
    # What another episode begins with is multiplied by 0 in rlax, and cut here.
    np.testing.assert_allclose(advantage, expected.pg_advantage, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n", [1, 3, 10])
def test_n_step_returns_end_with_the_episode_and_with_the_sequence(n):
    reward, done = normal(6, 8), RNG.random((6, 8)) < 0.3
    total, steps, _ = jax.jit(n_step, static_argnums=3)(jnp.asarray(reward), jnp.asarray(done), 0.9, n)
    for b in range(8):
        for t in range(6):
            expected, k = 0.0, 0
            while k < n and t + k < 6:
                expected += 0.9**k * reward[t + k, b]
                k += 1
                if done[t + k - 1, b]:
                    break
            assert steps[t, b] == k
            np.testing.assert_allclose(total[t, b], expected, rtol=1e-5, atol=1e-6)


def test_vtrace_on_policy_is_the_n_step_return():
    reward, value, next_value = normal(6, 2), normal(6, 2), normal(6, 2)
    terminated = RNG.random((6, 2)) < 0.3
    truncated = (RNG.random((6, 2)) < 0.3) & ~terminated
    done = terminated | truncated
    next_value[:-1] = np.where(done[:-1], next_value[:-1], value[1:])
    target, advantage = vtrace(jnp.zeros((6, 2)), reward, value, next_value, terminated, done, 0.9)
    n_step = gae(reward, value, next_value, terminated, done, 0.9, 1.0)
    np.testing.assert_allclose(target, n_step + value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(advantage, n_step, rtol=1e-4, atol=1e-5)


# The truncation probe: five values of state B, only one of which is right


@pytest.fixture(scope="module")
def tapes():
    """Twelve steps of two probes: `(A or B, reward, terminated, truncated, successor)`, each `[12]`."""

    def record(environment, terminal):
        loop = DeviceLoop(Random(), environment, num_envs=1, seeds=None, return_experience=True)
        tape = loop.step(loop.init(jax.random.key(0)), 12, 12)[2]
        state, successor = (
            np.asarray(x).reshape(12).astype(int) for x in (tape.observation, tape.next_observation)
        )
        rows = (state, *(x.reshape(12) for x in (tape.reward, tape.terminated, tape.truncated)), successor)
        assert rows[2].any() == terminal
        assert rows[3].any() != terminal
        return rows

    return {"truncated": record(TwoStates(), False), "terminal": record(DelayedReward(), True)}


def learned_value(state, reward, terminated, done, successor, lambda_):
    """V(B) of expected TD(λ) iteration, γ = 0.9."""
    value = np.zeros(2)
    for _ in range(400):
        now, next_value = value[state].astype(np.float32), value[successor].astype(np.float32)
        target = now + np.asarray(gae(reward, now, next_value, terminated, done, 0.9, lambda_))
        value = np.array([target[state == s].mean() for s in (0, 1)])
    return value[1]


@pytest.mark.parametrize("lambda_", [0.0, 0.95])
def test_generalized_advantages_bootstrap_at_a_truncation(tapes, lambda_):
    state, reward, terminated, truncated, successor = tapes["truncated"]
    value = learned_value(state, reward, terminated, terminated | truncated, successor, lambda_)
    assert value == pytest.approx(10.0, abs=0.01)


def test_generalized_advantages_do_not_bootstrap_at_a_termination(tapes):
    state, reward, terminated, truncated, successor = tapes["terminal"]
    assert learned_value(state, reward, terminated, terminated | truncated, successor, 0.95) == pytest.approx(
        1.0
    )


def test_generalized_advantages_with_each_bug_at_an_end_learn_another_value(tapes):
    """What each bug would have learnt: the probe's two right values are not right by accident."""
    state, reward, terminated, truncated, successor = tapes["truncated"]
    done, next_state = terminated | truncated, np.roll(state, -1)  # the next row's observation: the reset one
    assert learned_value(state, reward, done, done, successor, 0.0) == pytest.approx(1.82, abs=0.01)
    assert learned_value(state, reward, terminated, done, next_state, 0.0) == pytest.approx(6.90, abs=0.01)
    state, reward, terminated, _, _ = tapes["terminal"]
    nowhere = np.zeros_like(terminated)
    leaked = learned_value(state, reward, nowhere, nowhere, np.roll(state, -1), 0.0)
    assert leaked == pytest.approx(5.26, abs=0.01)


# Weighted statistics


def test_weighted_mean_weighted_variance_explained_variance_and_standardize_are_of_rows_that_count():
    value, target = normal(6, 7), normal(6, 7)
    weight = (RNG.random((6, 7)) < 0.6).astype(np.float32)
    kept, kept_target = value[weight > 0], target[weight > 0]
    np.testing.assert_allclose(weighted_mean(value, weight), kept.mean(), rtol=1e-5)
    np.testing.assert_allclose(weighted_variance(value, weight), kept.var(), rtol=1e-5)
    np.testing.assert_allclose(
        explained_variance(value, target, weight).value,
        1 - np.var(kept_target - kept) / np.var(kept_target),
        rtol=1e-4,
    )
    np.testing.assert_allclose(
        standardize(value, weight)[weight > 0], (kept - kept.mean()) / kept.std(), rtol=1e-4, atol=1e-5
    )
    # Fractions weigh in proportion: twice the weight is the row twice.
    np.testing.assert_allclose(weighted_mean(jnp.array([1.0, 4.0]), jnp.array([0.5, 1.0])), 3.0, rtol=1e-6)
    # Importance weights may be small, all together too: the mean does not depend on their scale.
    for scale in (1e-3, 1e-6):
        weights = scale * jnp.array([0.5, 1.0])
        np.testing.assert_allclose(weighted_mean(jnp.array([1.0, 4.0]), weights), 3.0, rtol=1e-5)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 100.0), (1e-3, 0.0), (250.0, -3.0)])
def test_standardize_does_not_know_the_scale_of_advantages(scale, shift):
    value, weight = normal(64), np.ones(64, np.float32)
    weight[::5] = 0
    before, after = standardize(value, weight), standardize(scale * value + shift, weight)
    np.testing.assert_allclose(before, after, atol=1e-3)
    np.testing.assert_allclose(weighted_mean(after, weight), 0.0, atol=1e-6 * max(1, abs(shift)))
    np.testing.assert_allclose(weighted_variance(after, weight), 1.0, rtol=1e-3)


def test_standardize_weighted_mean_and_explained_variance_of_degenerate_batches_stay_finite():
    one, nothing = jnp.array([3.0]), jnp.zeros(1)
    np.testing.assert_array_equal(standardize(one, jnp.ones(1)), [0.0])
    np.testing.assert_array_equal(standardize(jnp.array([3.0, 9.0]), jnp.array([1.0, 0.0]))[0], 0.0)
    assert weighted_mean(one, nothing) == 0
    assert np.isfinite(standardize(one, nothing)).all()
    assert not explained_variance(one, one, jnp.ones(1)).mask  # targets that do not vary cannot be explained
