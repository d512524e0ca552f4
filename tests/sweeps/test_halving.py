"""Successive halving by hand, on made-up scores."""

from __future__ import annotations

import math

import pytest

from operant.sweeps.halving import kept, ranked, rungs, steps_of, survivors


def test_rungs_are_at_powers_of_the_factor():
    assert rungs(900, 9, 3, 1) == [100, 300]
    assert rungs(900, 27, 3, 1) == [34, 100, 300]
    assert rungs(900, 26, 3, 1) == [100, 300]  # of 26, 26 // 27 would be none
    assert rungs(900, 27, 3, 100) == [100, 300]
    assert rungs(800, 64, 4, 1) == [13, 50, 200]
    assert rungs(900, 2, 3, 1) == []


def test_kept_is_a_share_of_those_that_began():
    assert [kept(64, 3, rung) for rung in range(3)] == [21, 7, 2]
    assert [kept(16, 4, rung) for rung in range(3)] == [4, 1, 1]


def test_survivors_are_the_best_and_of_equals_the_earlier():
    scores = {0: 3.0, 1: 5.0, 2: math.nan, 3: 5.0, 4: -math.inf, 5: 1.0}
    assert ranked(scores) == [1, 3, 0, 5, 2, 4]
    assert survivors(scores, 1) == [1]
    assert survivors(scores, 3) == [0, 1, 3]
    assert survivors({7: 1.0}, 5) == [7]


@pytest.mark.parametrize(("trials", "spent"), [(9, 9 * 100 + 3 * 200 + 600), (3, 3 * 300 + 600), (1, 900)])
def test_steps_of_all_trials_together(trials, spent):
    assert steps_of(900, trials, 3, rungs(900, trials, 3, 1)) == spent
