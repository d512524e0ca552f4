"""Scores as text: as many decimals as tell them apart."""

from __future__ import annotations

import math

import numpy as np

from operant import decimals
from operant.engine.evaluate import Evaluation


def test_scores_between_minus_1_and_1_have_three_decimals_together():
    assert decimals.scores(0.9722, 0.95, 1.0) == ["0.972", "0.950", "1.000"]
    assert decimals.scores(-0.25, 0.0) == ["-0.250", "0.000"]
    assert decimals.scores(500.0, 0.25) == ["500.0", "0.2"]
    assert decimals.scores(0.0, 1.0) == ["0.0", "1.0"]
    assert decimals.score(0.5, (0.25, 0.75)) == "0.500 [0.250, 0.750]"
    assert decimals.score(21.04, (20.0, math.nan)) == "21.0"


def test_an_evaluation_of_a_share_says_which():
    returns = np.array([1.0] * 39 + [0.0])
    right = Evaluation("Arithmetic", returns, np.ones(40), 0)
    assert str(right).startswith("0.975 [0.9")
    assert str(Evaluation("CartPole-v1", returns * 500, returns, 0)).startswith("487.5 [")
