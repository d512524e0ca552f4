"""Where trials lie: as likely as was said, on the grid by hand, and where Optuna's samplers, told of scores, look."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from operant.sweeps import samplers
from operant.sweeps.samplers import GridSampler, RandomSampler, Told, grid_counts, make
from operant.sweeps.space import Choice, Range, Space

RATES = Range(1e-4, 1e-2, log=True)
SPACE = Space({"learning_rate": RATES, "gamma": Choice((0.9, 0.99))})
SMALL = Space({"a": Choice((1, 2, 3)), "b": Choice(("x", "y"))})


def anything(point) -> bool:
    return True


def told(points, batch=0, score=lambda point: 0.0, finished=True) -> list[Told]:
    return [Told(batch, point, [(100, score(point))], finished) for point in points]


def test_random_sampler_is_uniform_in_every_dimension():
    points = RandomSampler(SPACE, 0).ask(2_000, [], anything)
    rates = np.log10([point["learning_rate"] for point in points])
    assert stats.kstest(rates, stats.uniform(-4, 2).cdf).pvalue > 0.01
    gammas = [point["gamma"] for point in points]
    assert stats.chisquare([gammas.count(0.9), gammas.count(0.99)]).pvalue > 0.01
    high = [rate > -3 for rate in rates]  # independent of each other
    table = [
        [sum(h == is_high and g == gamma for h, g in zip(high, gammas, strict=True)) for gamma in (0.9, 0.99)]
        for is_high in (True, False)
    ]
    assert stats.chi2_contingency(table).pvalue > 0.01


def test_random_sampler_asked_in_parts_gives_the_same():
    sampler = RandomSampler(SPACE, 3)
    whole = sampler.ask(7, [], anything)
    assert sampler.ask(3, [], anything) + sampler.ask(4, told(whole[:3]), anything) == whole
    assert RandomSampler(SPACE, 4).ask(7, [], anything) != whole


def test_random_sampler_of_few_points_gives_each_once():
    sampler = RandomSampler(SMALL, 0)
    first = sampler.ask(4, [], anything)
    rest = sampler.ask(4, told(first), anything)
    assert len(rest) == 2
    assert sorted(map(str, first + rest)) == sorted(map(str, SMALL.product()))
    orders = {str(RandomSampler(SMALL, seed).ask(6, [], anything)) for seed in range(5)}
    assert len(orders) == 5


@pytest.mark.parametrize("space", [SPACE, SMALL], ids=["many", "few"])
def test_random_sampler_gives_what_is_valid(space):
    name = next(iter(space.dimensions))
    middle = space.dimensions[name].at(0.5)
    points = RandomSampler(space, 0).ask(3, [], lambda point: point[name] < middle)
    assert points
    assert all(point[name] < middle for point in points)


def test_random_sampler_says_that_nothing_is_valid():
    with pytest.raises(ValueError, match="no combination"):
        RandomSampler(SPACE, 0).ask(1, [], lambda point: False)


def test_grid_sampler_goes_through_all_in_order():
    space = Space({"learning_rate": RATES, "n": Range(1, 2, whole=True), "gamma": Choice((0.9, 0.99))})
    sampler = GridSampler(space, 12)
    assert grid_counts(space, 12) == {"learning_rate": 2, "n": 2}
    first = sampler.ask(5, [], anything)
    points = first + sampler.ask(99, told(first), anything)
    by_hand = [
        {"learning_rate": rate, "n": n, "gamma": gamma}
        for rate in (1e-4, 1e-2)
        for n in (1, 2)
        for gamma in (0.9, 0.99)
    ]
    assert [{**point, "learning_rate": round(point["learning_rate"], 12)} for point in points] == by_hand
    assert sampler.ask(1, told(points), anything) == []


def test_grid_counts_uses_up_the_trials():
    assert grid_counts(SPACE, 64) == {"learning_rate": 32}
    assert grid_counts(Space({"a": RATES, "b": RATES}), 27) == {"a": 5, "b": 5}
    assert grid_counts(SMALL, None) == {}


@pytest.mark.parametrize(
    ("space", "trials", "said"),
    [
        (SMALL, 5, "the grid has 6 points"),
        (SPACE, 3, "at least 4 points"),
        (SPACE, None, "needs their number"),
    ],
)
def test_grid_counts_refuses_what_does_not_fit(space, trials, said):
    with pytest.raises(ValueError, match=said):
        grid_counts(space, trials)


def test_make_refuses_unknown_samplers_and_says_what_is_missing(monkeypatch):
    with pytest.raises(ValueError, match="sampler='best': must be one of random, grid, tpe"):
        make("best", SPACE, 0, 10)
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    assert samplers.usual() == "random"
    with pytest.raises(ValueError, match=r"needs optuna: pip install 'operant-rl\[sweep\]'"):
        make("tpe", SPACE, 0, 10)


# Optuna's


def is_good(point) -> float:
    """Best at a rate of 1e-3 and γ = 0.99."""
    return -abs(math.log10(point["learning_rate"]) + 3) + (point["gamma"] == 0.99)


def study(sampler, rounds: int, known=(), valid=anything, batch=8) -> list[Told]:
    known = list(known)
    for number in range(len(known) // batch, rounds):
        known += told(sampler.ask(batch, known, valid), number, is_good)
    return known


@pytest.mark.parametrize("name", ["tpe", "qmc", "nsgaii"])
def test_optuna_sampler_that_goes_on_asks_for_the_same(name):
    whole = study(make(name, SPACE, 5, 24), 3)
    again = study(make(name, SPACE, 5, 24), 3, whole[:16])
    assert again == whole
    assert study(make(name, SPACE, 6, 24), 1) != whole[:8]


def test_optuna_sampler_learns_from_what_it_is_told():
    known = study(make("tpe", SPACE, 0, 80), 10)
    first, last = ([is_good(each.point) for each in part] for part in (known[:16], known[-16:]))
    assert np.mean(last) > np.mean(first) + 0.3
    wrong = [Told(each.batch, each.point, [(100, -each.scores[0][1])], True) for each in known]
    sampler = make("tpe", SPACE, 0, 80)
    for number in range(10):
        sampler.ask(8, wrong[: 8 * number], anything)
    against = sampler.ask(16, wrong, anything)
    assert np.mean([is_good(point) for point in against]) < np.mean(last) - 0.3


def test_optuna_sampler_gives_what_is_valid_and_goes_on_with_it():
    def valid(point) -> bool:
        return point["gamma"] == 0.99

    whole = study(make("tpe", SPACE, 0, 24), 3, valid=valid)
    assert all(valid(each.point) for each in whole)
    assert study(make("tpe", SPACE, 0, 24), 3, whole[:8], valid) == whole


def test_optuna_sampler_is_told_of_stopped_and_of_diverged_trials():
    sampler = make("tpe", SPACE, 0, 8)
    points = sampler.ask(3, [], anything)
    known = [
        Told(0, points[0], [(10, 1.0), (30, 2.0)], True),
        Told(0, points[1], [(10, 0.5)], False),
        Told(0, points[2], [(10, math.nan)], False),
    ]
    sampler.ask(1, known, anything)
    trials = sampler.study.trials[:3]
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "FAIL"]
    assert trials[0].value == 2.0
    assert trials[0].intermediate_values == {10: 1.0, 30: 2.0}
    assert trials[1].intermediate_values == {10: 0.5}


def test_optuna_sampler_of_other_answers_is_told_of_the_earlier_ones():
    whole = study(make("tpe", SPACE, 5, 24), 1)
    other = make("tpe", SPACE, 6, 24)
    with pytest.warns(UserWarning, match="does not answer as it did"):
        other.ask(2, whole, anything)
    done = [trial for trial in other.study.trials if trial.state.name == "COMPLETE"]
    assert [trial.params["learning_rate"] for trial in done] == [
        each.point["learning_rate"] for each in whole
    ]
    assert [trial.value for trial in done] == [each.scores[0][1] for each in whole]
