"""Advantages within groups and means over episodes, by loops in plain Python."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from operant.ops.groups import (
    AGGREGATIONS,
    BASELINES,
    EPSILON,
    SCALES,
    aggregated,
    episode_returns,
    group_advantages,
)

RANDOM = np.random.default_rng(0)
RETURNS = np.array([1.0, 0.0, 0.5, 2.0, 2.0, 2.0, -1.0, 3.0, 0.25])  # three groups of three
WEIGHT = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0]], np.float32)  # lengths 3, 1, 3 and nothing


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("scale", SCALES)
def test_group_advantages_by_hand(baseline, scale):
    expected = []
    for first in (0, 3, 6):
        group = RETURNS[first : first + 3].tolist()
        for i, own in enumerate(group):
            others = group[:i] + group[i + 1 :]
            base = sum(others) / 2 if baseline == "leave_one_out" else sum(group) / 3
            deviations = {
                "none": 1.0,
                "group": np.std(group, ddof=1) + EPSILON,
                "batch": np.std(RETURNS, ddof=1) + EPSILON,
            }
            expected.append((own - base) / deviations[scale])
    advantage, differ = group_advantages(jnp.asarray(RETURNS, jnp.float32), 3, baseline, scale)
    np.testing.assert_allclose(advantage, expected, atol=1e-5)
    assert differ.tolist() == [True] * 3 + [False] * 3 + [True] * 3


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("group", [3, 7])
def test_group_advantages_of_equal_returns_are_exactly_0(scale, group):
    """Where the mean of equal numbers is not quite that number, too."""
    returns = jnp.concatenate([jnp.full(group, 0.1), jnp.arange(group) / 3.0]).astype(jnp.float32)
    advantage, _ = group_advantages(returns, group, "mean", scale)
    assert (np.asarray(advantage[:group]) == 0).all()
    assert (np.asarray(advantage[group:]) != 0).any()


def test_episode_returns_are_of_what_happened():
    reward = RANDOM.normal(size=(3, 4)).astype(np.float32)
    expected = [sum(0.9**t * reward[t, n] for t in range(3) if WEIGHT[t, n]) for n in range(4)]
    np.testing.assert_allclose(
        episode_returns(jnp.asarray(reward), jnp.asarray(WEIGHT), 0.9), expected, atol=1e-6
    )


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_aggregated_by_hand(aggregation):
    values = RANDOM.normal(size=(3, 4)).astype(np.float32)
    rows = [
        [values[t, n] for t in range(3) if WEIGHT[t, n]] for n in range(3)
    ]  # the last episode is left out
    expected = {
        "sequence": np.mean([np.mean(row) for row in rows]),
        "token": np.mean([x for row in rows for x in row]),
        "constant": sum(map(sum, rows)) / (3 * 3),
    }
    found = aggregated(jnp.asarray(values), jnp.asarray(WEIGHT), aggregation)
    assert float(found) == pytest.approx(expected[aggregation], abs=1e-6)
