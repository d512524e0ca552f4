"""Processes of exploration against closed forms and slow loops."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from operant.ops.exploration_noise import (
    LONGEST_REPEAT,
    GaussianNoise,
    HeldNoise,
    Independent,
    Joint,
    OrnsteinUhlenbeck,
    RepeatedActions,
)
from operant.ops.schedules import Linear
from operant.types import Clock


def clock(step: int = 0) -> Clock:
    return Clock(jnp.array(step), jnp.array(100))


def run(process, noise: jax.Array) -> np.ndarray:
    """What is explored with over T steps, from noise `[T, N, …]`."""
    _, explored = jax.lax.scan(
        lambda state, row: process.step(state, row, clock())[::-1], process.init(noise[0]), noise
    )
    return np.asarray(explored)


def test_ornstein_uhlenbeck_has_its_stationary_variance_and_autocorrelation():
    process, n = OrnsteinUhlenbeck(sigma=0.5, theta=2.0, dt=0.05), 20_000
    explored = run(process, jax.random.normal(jax.random.key(0), (100, n)))
    a = 1 - 2.0 * 0.05
    variance = 0.5**2 * 0.05 / (1 - a**2)
    # The variance of n normals is known to within √(2/n), and a correlation to within 1/√n.
    np.testing.assert_allclose(explored[-1].var(), variance, rtol=4 * np.sqrt(2 / n))
    for k in (1, 5, 20):
        correlation = np.corrcoef(explored[-1], explored[-1 - k])[0, 1]
        assert correlation == pytest.approx(a**k, abs=4 / np.sqrt(n))
    assert explored[0].var() == pytest.approx(0.5**2 * 0.05, rel=4 * np.sqrt(2 / n))  # it begins at 0


def test_ornstein_uhlenbeck_is_a_loop_over_steps():
    noise = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    x, expected = np.zeros(3), []
    for row in noise:
        x = x - 0.15 * x * 0.01 + 0.2 * np.sqrt(0.01) * row
        expected.append(x)
    np.testing.assert_allclose(run(OrnsteinUhlenbeck(), jnp.asarray(noise)), expected, rtol=1e-5, atol=1e-7)


def test_gaussian_noise_follows_its_schedule():
    noise, process = jnp.ones((2, 3)), GaussianNoise(Linear(1.0, 0.0))
    explored, state = process.step(process.init(noise), noise, clock(25))
    np.testing.assert_allclose(explored, 0.75)
    assert state == ()


@pytest.mark.parametrize(
    ("process", "changes"),
    [
        (Independent(), range(1, 12)),
        (HeldNoise(), ()),
        (HeldNoise(1), range(1, 12)),
        (HeldNoise(3), (3, 6, 9)),
        (HeldNoise(3, source=GaussianNoise(0.5)), (3, 6, 9)),
    ],
)
def test_held_noise_changes_every_so_many_steps_and_independent_noise_at_each(process, changes):
    noise = jax.random.normal(jax.random.key(1), (12, 2, 4))
    explored = run(process, noise)
    for t in range(1, 12):
        same = (explored[t] == explored[t - 1]).all(-1)
        assert not same.any() if t in changes else same.all()
    np.testing.assert_allclose(explored[0], noise[0] * (0.5 if explored[0, 0, 0] != noise[0, 0, 0] else 1))
    assert (explored[0, 0] != explored[0, 1]).all()


def test_held_noise_holds_keys_like_numbers():
    keys = jax.vmap(lambda key: jax.random.split(key, 3))(jax.random.split(jax.random.key(2), 4))
    process = HeldNoise(2)
    state, explored = process.init(keys[0]), []
    assert not any(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in jax.tree.leaves(state))
    for row in keys:
        used, state = process.step(state, row, clock())
        explored.append(jax.random.key_data(used))
    expected = jax.random.key_data(keys[jnp.array([0, 0, 2, 2])])
    np.testing.assert_array_equal(explored, expected)


@pytest.mark.parametrize("each_rollout", [False, True])
def test_held_noise_may_end_with_a_rollout(each_rollout):
    process = HeldNoise(each_rollout=each_rollout)
    noise = jax.random.normal(jax.random.key(3), (2, 4))
    first, state = process.step(process.init(noise), noise, clock())
    second, _ = process.step(process.next_rollout(state), noise + 1, clock())
    np.testing.assert_array_equal(second, noise + 1 if each_rollout else first)


def test_held_noise_and_ornstein_uhlenbeck_give_their_first_step_after_training():
    noise = jax.random.normal(jax.random.key(4), (2, 4))
    np.testing.assert_array_equal(HeldNoise(5).fresh(noise, clock()), noise)
    np.testing.assert_allclose(OrnsteinUhlenbeck().fresh(noise, clock()), 0.02 * noise, rtol=1e-6)


class Choice(NamedTuple):
    uniform: jax.Array
    option: jax.Array


def test_repeated_actions_have_the_lengths_of_the_zeta_distribution():
    n = 20_000
    lengths = np.asarray(RepeatedActions(exponent=2.0).steps(jax.random.uniform(jax.random.key(5), (n,))))
    assert lengths.min() == 1
    assert lengths.max() <= LONGEST_REPEAT
    expected = 1 / np.arange(1, LONGEST_REPEAT + 1) ** 2
    expected /= expected.sum()
    counts = [*(np.sum(lengths == k) for k in range(1, 8)), np.sum(lengths >= 8)]
    p = [*expected[:7], expected[7:].sum()]
    assert stats.chisquare(counts, n * np.array(p)).pvalue > 1e-3


@pytest.mark.parametrize("keys", [False, True])
def test_repeated_actions_are_those_of_a_loop(keys):
    rng, process, epsilon = np.random.default_rng(0), RepeatedActions(Linear(0.6, 0.2), 1.5), 0.6 - 0.25 * 0.4
    t, n = 300, 3
    option = rng.random((t, n)).astype(np.float32)
    uniform = jax.random.split(jax.random.key(6), (t, n)) if keys else jnp.asarray(rng.random((t, n, 2)))
    plain = np.asarray(jax.random.key_data(uniform) if keys else uniform)

    def step(state, row):
        explored, state = process.step(state, row, clock(25))
        data = jax.random.key_data(explored.uniform) if keys else explored.uniform
        return state, (data, explored.option)

    rows = Choice(uniform, jnp.asarray(option))
    _, (used, explores) = jax.lax.scan(step, process.init(jax.tree.map(lambda x: x[0], rows)), rows)
    for i in range(n):
        left, held = 0, None
        for now in range(t):
            if left == 0:
                held = plain[now, i]
                begins = option[now, i] < epsilon
                left = int(process.steps(option[now, i] / jnp.float32(epsilon))) if begins else 0
            assert explores[now, i] == (left > 0)
            np.testing.assert_array_equal(used[now, i], held)
            left = max(left - 1, 0)
    assert 0.6 < explores.mean() < 1  # far more often than ε


def test_repeated_actions_without_epsilon_are_never_random():
    process = RepeatedActions(0.0)
    noise = Choice(jnp.zeros((2, 3)), jnp.zeros(2))
    explored, state = process.step(process.init(noise), noise, clock())
    assert not explored.option.any()
    assert not state.left.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussianNoise(-0.1), "sigma=-0.1: must be at least 0"),
        (lambda: OrnsteinUhlenbeck(dt=0.0), "dt=0.0: must be more than 0"),
        (
            lambda: OrnsteinUhlenbeck(theta=30.0, dt=0.1),
            "theta=30.0, dt=0.1: theta × dt must be between 0 and 2",
        ),
        (lambda: HeldNoise(0), "steps=0: must be at least 1, or None"),
        (lambda: HeldNoise(3, source=OrnsteinUhlenbeck()), "only a process without a state can be held"),
        (lambda: RepeatedActions(exponent=1.0), "exponent=1.0: must be more than 1"),
    ],
)
def test_exploration_noise_refuses_values_that_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_joint_processes_step_each_part_by_itself():
    joint = Joint((HeldNoise(2), OrnsteinUhlenbeck(0.3)))
    rng = np.random.default_rng(0)
    state, own = None, (HeldNoise(2), OrnsteinUhlenbeck(0.3))
    for _ in range(3):
        noise = tuple(jnp.asarray(rng.normal(size=(2, n)), jnp.float32) for n in (3, 1))
        if state is None:
            state = joint.init(noise)
            alone = [process.init(part) for process, part in zip(own, noise, strict=True)]
        given, state = joint.step(state, noise, clock())
        for i, process in enumerate(own):
            expected, alone[i] = process.step(alone[i], noise[i], clock())
            np.testing.assert_array_equal(given[i], expected)
    rolled = joint.next_rollout(state)
    assert jax.tree.structure(rolled) == jax.tree.structure(state)
    held = Joint((HeldNoise(each_rollout=True),))
    state = held.step(held.init((noise[0],)), (noise[0],), clock())[1]
    assert (np.asarray(held.next_rollout(state)[0].age) == 0).all()
