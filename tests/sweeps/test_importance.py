"""What a hyperparameter explains by itself: one-way analysis of variance by SciPy, and sums by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from operant.sweeps.importance import importances, share_of
from operant.sweeps.space import Choice, Range, Space
from operant.sweeps.trial import Score, Trial


def test_share_of_is_that_of_a_one_way_analysis_of_ranks():
    generator = np.random.default_rng(0)
    groups = generator.integers(4, size=60)
    scores = generator.normal(size=60) + 0.8 * groups
    ranks = stats.rankdata(scores)
    f, p = stats.f_oneway(*(ranks[groups == group] for group in range(4)))
    k, n = 4, 60
    share, p_value = share_of(groups, scores)
    assert share == pytest.approx((f - 1) * (k - 1) / (f * (k - 1) + n - k), rel=1e-6)
    assert p_value == pytest.approx(p, abs=0.01)


def test_share_of_what_explains_all_and_of_what_explains_nothing():
    groups = np.repeat([0, 1], 10)
    # Ranks 1…20 in two groups: between 500, within 165, in all 665; (500 − 165/18) / 665
    assert share_of(groups, np.arange(20.0))[0] == pytest.approx((500 - 165 / 18) / 665)
    assert share_of(groups, np.ones(20)) == (0.0, 1.0)
    shares = [share_of(np.random.default_rng(i).permutation(groups), np.arange(20.0)) for i in range(200)]
    assert np.mean([p < 0.05 for _, p in shares]) < 0.1
    assert np.mean([share for share, _ in shares]) < 0.05


def trial(number: int, point, *scores: Score) -> Trial:
    return Trial(number, 0, point, (0,), "finished", scores)


def test_importances_of_an_additive_score_are_in_its_order():
    space = Space({"much": Range(0, 1), "little": Choice(("a", "b")), "nothing": Range(1e-4, 1e-2, log=True)})
    generator = np.random.default_rng(0)
    trials = []
    for number in range(100):
        point = {name: each.at(generator.random()) for name, each in space.dimensions.items()}
        score = 10 * point["much"] + 3 * (point["little"] == "b")
        trials.append(trial(number, point, Score(100, (score,))))
    step, found = importances(space, trials)
    assert step == 100
    assert [each.name for each in found] == ["much", "little", "nothing"]
    assert found[0].share > 0.7
    assert 0.01 < found[1].share < 0.2
    assert found[2].share < 0.05
    assert [each.p_value < 0.05 for each in found] == [True, True, False]


def test_importances_are_of_the_steps_at_which_most_were_scored():
    space = Space({"a": Choice((0, 1))})
    trials = [
        trial(i, {"a": i % 2}, Score(100, (float(i % 2),)), *([Score(300, (float(-i),))] * (i < 4)))
        for i in range(12)
    ]
    step, found = importances(space, trials)
    assert step == 100
    assert found[0].share == pytest.approx(1.0)


def test_importances_take_what_diverged_for_the_worst():
    space = Space({"a": Choice((0, 1))})
    trials = [trial(i, {"a": i % 2}, Score(100, (math.nan if i % 2 else float(i),))) for i in range(12)]
    assert importances(space, trials)[1][0].share > 0.6


def test_importances_of_few_trials_are_none():
    space = Space({"a": Choice((0, 1))})
    assert importances(space, [trial(i, {"a": 0}, Score(1, (0.0,))) for i in range(7)]) == (0, [])
