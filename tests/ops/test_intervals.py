"""Intervals against scipy's bootstrap, closed forms, and their promised coverage."""

import numpy as np
import pytest
import scipy.stats

from operant.ops.intervals import bootstrap_interval, iqm, iqm_interval, mean_interval

RETURNS = np.random.default_rng(3).gamma(2.0, 60.0, size=40)


def test_mean_interval_agrees_with_scipys_percentile_bootstrap():
    mean, low, high = mean_interval(RETURNS)
    theirs = scipy.stats.bootstrap((RETURNS,), np.mean, method="percentile", n_resamples=20_000, rng=1)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert mean == pytest.approx(RETURNS.mean())
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.04 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.04 * width)


def test_bootstrap_interval_covers_the_truth_about_as_often_as_it_says():
    samples = np.random.default_rng(0).normal(5.0, 2.0, size=(60, 300))  # 300 experiments of 60 scores
    low, high = bootstrap_interval(samples, np.mean)
    assert 0.90 <= np.mean((low <= 5.0) & (high >= 5.0)) <= 0.98


def test_mean_interval_is_the_same_every_time():
    assert mean_interval(RETURNS) == mean_interval(RETURNS.tolist())


def test_mean_interval_stays_within_the_values():
    _, _, high = mean_interval([500.0] * 19 + [80.0])
    assert high <= 500.0


def test_mean_interval_of_equal_scores_has_no_width():
    assert mean_interval([500] * 100) == (500.0, 500.0, 500.0)


def test_mean_interval_of_one_score_has_no_known_spread():
    mean, low, high = mean_interval([7.0])
    assert mean == 7.0
    assert np.isnan([low, high]).all()


def test_mean_interval_of_no_score_is_refused():
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval([])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 20])
def test_iqm_is_the_quarter_trimmed_mean(count):
    values = np.random.default_rng(count).normal(size=(count, 5))
    np.testing.assert_allclose(iqm(values), scipy.stats.trim_mean(values, 0.25, axis=0))
    np.testing.assert_allclose(iqm(values.T, axis=1), iqm(values))


def test_iqm_does_not_hide_a_missing_value():
    values = np.arange(8.0).reshape(4, 2)
    values[1, 0] = np.nan
    assert np.isnan(iqm(values)).tolist() == [True, False]


def test_iqm_interval_holds_column_by_column_whatever_the_blocks(monkeypatch):
    curves = np.random.default_rng(0).normal(size=(8, 30)).cumsum(axis=1)
    centre, low, high = iqm_interval(curves)
    assert centre.shape == low.shape == high.shape == (30,)
    assert np.all(low < centre)
    assert np.all(centre < high)
    alone = iqm_interval(curves[:, 17])
    np.testing.assert_allclose((centre[17], low[17], high[17]), alone, rtol=0.15)
    monkeypatch.setattr("operant.ops.intervals._BLOCK", 1_000)
    np.testing.assert_allclose(iqm_interval(curves)[1:], (low, high), atol=0.12)
