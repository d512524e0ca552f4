"""Differences and probabilities against their definitions, closed forms, and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from operant.ops.comparison import difference, performance_profile, probability_of_improvement
from operant.ops.intervals import iqm, mean_interval

GENERATOR = np.random.default_rng(1)
A, B = GENERATOR.normal(110.0, 20.0, 12), GENERATOR.normal(100.0, 20.0, 9)


def test_probability_of_improvement_is_its_definition():
    a, b = np.array([1.0, 2.0, 2.0]), np.array([2.0, 0.0])
    pairs = [(x > y) + 0.5 * (x == y) for x, y in itertools.product(a, b)]
    assert probability_of_improvement(a, b)[0] == np.mean(pairs) == pytest.approx(4 / 6)
    whole = scipy.stats.mannwhitneyu(A, B).statistic
    assert probability_of_improvement(A, B)[0] == pytest.approx(whole / (len(A) * len(B)))


def test_probability_of_improvement_both_ways_adds_to_one():
    forth, back = probability_of_improvement(A, B), probability_of_improvement(B, A)
    assert forth[0] + back[0] == pytest.approx(1.0)
    assert forth[1] + back[2] == pytest.approx(1.0, abs=0.03)


def test_probability_of_improvement_has_the_interval_of_resampled_scores():
    generator = np.random.default_rng(5)
    drawn = [
        np.mean(generator.choice(A, len(A))[:, None] > generator.choice(B, len(B))[None])
        for _ in range(20_000)
    ]
    _, low, high = probability_of_improvement(A, B)
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_probability_of_improvement_is_1_where_every_score_is_higher():
    assert probability_of_improvement(A + 1000, B) == (1.0, 1.0, 1.0)


def test_difference_agrees_with_scipys_bootstrap_of_two_samples():
    value, low, high = difference(A, B, np.mean)
    theirs = scipy.stats.bootstrap(
        (A, B),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        method="percentile",
        n_resamples=20_000,
        vectorized=True,
        rng=1,
    ).confidence_interval
    width = theirs.high - theirs.low
    assert value == pytest.approx(A.mean() - B.mean())
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.04 * width)


def test_difference_of_interquartile_means_trims_a_quarter():
    value, low, high = difference(A, B, iqm)
    assert value == pytest.approx(scipy.stats.trim_mean(A, 0.25) - scipy.stats.trim_mean(B, 0.25))
    assert low < value < high


def test_difference_resamples_pairs_together():
    b = A - 5.0  # worse by exactly 5 in every episode
    assert difference(A, b, np.mean, paired=True) == pytest.approx((5.0, 5.0, 5.0))
    _, low, high = difference(A, b, np.mean)
    assert high - low > 10
    c = np.random.default_rng(3).normal(size=12)
    expected = mean_interval(A - c)
    assert difference(A, c, np.mean, paired=True) == pytest.approx(expected, rel=0.01)


def test_difference_has_an_interval_that_covers_the_truth():
    generator, covered = np.random.default_rng(0), []
    for _ in range(60):
        a, b = generator.normal(1.0, 1.0, 20), generator.normal(0.0, 2.0, 20)
        _, low, high = difference(a, b, np.mean)
        covered.append(low <= 1.0 <= high)
    assert 0.85 <= np.mean(covered) <= 1.0


def test_difference_probability_of_improvement_and_performance_profile_of_one_score_have_no_interval():
    assert np.isnan(difference(A[:1], B, np.mean)[1:]).all()
    assert np.isnan(probability_of_improvement(A, B[:1])[1:]).all()
    fraction, low, high = performance_profile(A[:1], np.array([-1e3, 1e3]))
    assert fraction.tolist() == [1.0, 0.0]
    assert np.isnan([low, high]).all()


def test_difference_probability_of_improvement_and_performance_profile_of_two_scores_have_an_interval():
    a, b = A[:2], B[:2]
    assert np.isfinite(difference(a, b, np.mean)).all()
    assert np.isfinite(probability_of_improvement(a, b)).all()
    assert np.isfinite(performance_profile(a, np.zeros(3))).all()


def test_performance_profile_is_the_fraction_above_each_threshold():
    thresholds = np.array([0.0, 100.0, 115.0, 1000.0])
    fraction, low, high = performance_profile(A, thresholds)
    assert fraction.tolist() == [np.mean(threshold < A) for threshold in thresholds]
    assert ((low <= fraction) & (fraction <= high)).all()
    deviation = np.sqrt(fraction * (1 - fraction) / len(A))
    assert (high - low) == pytest.approx(2 * 1.96 * deviation, abs=0.12)
