"""Population-based training by hand: who copies whom, what is tried next, and the schedule that led to the best."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from operant.fields import FileError
from operant.sweeps.population_based import Exchange, exchange, explored, lineage, schedule
from operant.sweeps.space import Choice, Range, Space

SPACE = Space({"rate": Range(0.1, 1.0), "n": Range(1, 9, whole=True), "kind": Choice(("a", "b", "c"))})
POINTS = {i: {"rate": 0.1 * (i + 1), "n": 5, "kind": "b"} for i in range(10)}


class Chosen:
    """A generator that answers as it was told to."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)

    def integers(self, high: int) -> int:
        answer = self.answers.pop(0)
        assert answer < high
        return answer


def test_explored_multiplies_and_moves_to_the_next_choice():
    point = {"rate": 0.5, "n": 5, "kind": "b"}
    assert explored(SPACE, point, Chosen(1, 1, 1)) == {"rate": 0.6, "n": 6, "kind": "c"}
    assert explored(SPACE, point, Chosen(0, 0, 0)) == {"rate": 0.4, "n": 4, "kind": "a"}


def test_explored_stays_in_the_space_and_moves_whole_numbers_by_one():
    assert explored(SPACE, {"rate": 0.9, "n": 9, "kind": "c"}, Chosen(1, 1, 1)) == {
        "rate": 1.0,
        "n": 9,
        "kind": "c",
    }
    assert explored(SPACE, {"rate": 0.11, "n": 1, "kind": "a"}, Chosen(0, 0, 0)) == {
        "rate": 0.1,
        "n": 1,
        "kind": "a",
    }
    assert (
        explored(SPACE, {"rate": 0.5, "n": 2, "kind": "a"}, Chosen(1, 1, 0))["n"] == 3
    )  # 2.4 would be 2 again


def test_exchange_copies_the_best_fifth_into_the_worst():
    scores = {i: float(i) for i in range(10)}
    # of members 0 and 1, each draws whom it copies (9 or 8), and then a direction for each dimension
    event = exchange(500, scores, POINTS, SPACE, 0.2, Chosen(0, 1, 1, 1, 1, 0, 0, 0))
    assert event.sources == {0: 9, 1: 8, **{i: i for i in range(2, 10)}}
    assert event.points[0] == {"rate": 1.0, "n": 6, "kind": "c"}  # 1.2 is outside
    assert event.points[1] == {"rate": 0.9 * 0.8, "n": 4, "kind": "a"}
    assert all(event.points[i] == POINTS[i] for i in range(2, 10))
    assert POINTS[0]["rate"] == 0.1


def test_exchange_copies_nobody_who_diverged():
    scores = {0: math.nan, 1: 2.0, 2: 1.0, 3: math.nan}
    points = {i: POINTS[i] for i in scores}
    event = exchange(500, scores, points, SPACE, 0.5, np.random.default_rng(0))
    assert event.sources[1] == 1
    assert event.sources[2] == 2
    assert {event.sources[0], event.sources[3]} <= {1, 2}
    lost = dict.fromkeys(scores, math.nan)
    event = exchange(500, lost, points, SPACE, 0.5, np.random.default_rng(0))
    assert event.sources == {i: i for i in scores}
    assert event.points == points


def test_exchange_chooses_each_of_the_best_as_often():
    scores = {i: float(i) for i in range(10)}
    generator = np.random.default_rng(1)
    chosen = [exchange(1, scores, POINTS, SPACE, 0.2, generator).sources[0] for _ in range(400)]
    assert 140 < chosen.count(9) < 260
    assert set(chosen) == {8, 9}


def event(step: int, sources: dict[int, int], rates: dict[int, float]) -> Exchange:
    return Exchange(
        step, dict.fromkeys(sources, 0.0), sources, {i: {"rate": rate} for i, rate in rates.items()}
    )


def test_lineage_follows_whom_the_best_copied():
    start = {0: {"rate": 0.1}, 1: {"rate": 0.2}, 2: {"rate": 0.3}}
    exchanges = [
        event(100, {0: 0, 1: 2, 2: 2}, {0: 0.1, 1: 0.36, 2: 0.3}),
        event(200, {0: 1, 1: 1, 2: 2}, {0: 0.432, 1: 0.36, 2: 0.3}),
        event(300, {0: 0, 1: 1, 2: 0}, {0: 0.432, 1: 0.36, 2: 0.5}),
    ]
    path = lineage(start, exchanges, 0)
    assert path == [
        (0, 2, {"rate": 0.3}),
        (100, 1, {"rate": 0.36}),
        (200, 0, {"rate": 0.432}),
        (300, 0, {"rate": 0.432}),
    ]
    assert schedule(path, "rate") == [(0, 0.3), (100, 0.36), (200, 0.432)]
    assert lineage(start, [], 1) == [(0, 1, {"rate": 0.2})]


def test_exchange_is_written_and_read():
    before = exchange(
        500, {0: math.nan, 1: 2.0}, {i: POINTS[i] for i in (0, 1)}, SPACE, 0.5, np.random.default_rng(0)
    )
    after = Exchange.from_json(json.loads(json.dumps(before.to_json())))
    assert (after.step, after.sources, after.points) == (before.step, before.sources, before.points)
    assert math.isnan(after.scores[0])
    with pytest.raises(FileError, match=r"sources\.0"):
        Exchange.from_json({**before.to_json(), "sources": {"0": "x", "1": 1}})
