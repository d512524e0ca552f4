"""Curves of few points against all points, by brute force; the metrics of a run while its file grows."""

from __future__ import annotations

import numpy as np
import pytest

from operant.engine.log import STEP, CsvLog, read_rows
from operant.fields import FileError
from operant.live.curves import Metrics, curve
from operant.live.decimation import decimated
from operant.live.runs import ShownRun
from operant.ops.intervals import iqm


def brute(x: list[float], y: list[float], buckets: int) -> list[int]:
    """First, last, lowest and highest of each part of the range of x, one part after the other."""
    known = [i for i in range(len(x)) if np.isfinite(y[i])]
    if len(known) <= 4 * buckets:
        return known
    left, width = x[known[0]], (x[known[-1]] - x[known[0]]) or 1.0
    parts: dict[int, list[int]] = {}
    for i in known:
        parts.setdefault(min(int((x[i] - left) / width * buckets), buckets - 1), []).append(i)
    chosen = set()
    for part in parts.values():
        chosen |= {part[0], part[-1], min(part, key=lambda i: y[i]), max(reversed(part), key=lambda i: y[i])}
    return sorted(chosen)


@pytest.mark.parametrize("seed", range(20))
def test_decimated_is_the_first_last_lowest_and_highest_of_each_part(seed):
    random = np.random.default_rng(seed)
    count, buckets = int(random.integers(1, 400)), int(random.integers(1, 30))
    x = np.cumsum(random.integers(0, 5, count)).astype(float)
    y = random.normal(size=count)
    y[random.random(count) < 0.2] = np.nan
    y[random.random(count) < 0.05] = np.inf
    if seed % 3 == 0:
        y = np.round(y)  # many are equal
    assert decimated(x, y, buckets).tolist() == brute(x.tolist(), y.tolist(), buckets)


def test_decimated_keeps_every_extreme_of_a_million_points_and_few_of_the_rest():
    random = np.random.default_rng(0)
    y = np.cumsum(random.normal(size=1_000_000))
    y[123_456], y[777_777] = 1e6, -1e6
    chosen = decimated(np.arange(len(y)), y, 500)
    assert len(chosen) <= 2_000
    assert {0, 123_456, 777_777, len(y) - 1} <= set(chosen.tolist())


def test_decimated_of_nothing_one_step_and_no_buckets():
    assert decimated(np.zeros(0), np.zeros(0), 5).tolist() == []
    assert decimated(np.ones(9), np.arange(9.0), 1).tolist() == [0, 8]
    with pytest.raises(ValueError, match="buckets=0: must be at least 1"):
        decimated(np.ones(9), np.arange(9.0), 0)


def test_metrics_follow_a_file_that_grows_and_gets_new_columns(tmp_path):
    path = tmp_path / "metrics.csv"
    metrics = Metrics(path)
    assert metrics.refresh() == 0
    log = CsvLog(path)
    assert (metrics.refresh(), metrics.names, metrics.last()) == (1, [], {})
    for step in range(1, 200):
        row = (
            {STEP: step, "a": step / 3}
            | ({"b": -step} if step > 50 else {})
            | ({"c": 0.5} if step % 7 == 0 else {})
        )
        log.write(row)
        before = metrics.version
        assert metrics.refresh() > before
        assert metrics.version == metrics.refresh()
        expected = read_rows(path)
        steps, values = metrics.column("a")
        assert steps.tolist() == [row[STEP] for row in expected]
        assert values.tolist() == [[float(row["a"]) for row in expected]]
    assert metrics.names == ["a", "b", "c"]
    assert metrics.last() == {STEP: [199], "a": [199 / 3], "b": [-199]}
    _, c = metrics.column("c")
    assert np.flatnonzero(np.isfinite(c[0])).tolist() == [i for i in range(199) if (i + 1) % 7 == 0]
    log.close()
    CsvLog(path, resume_from_step=20).close()  # what came after is dropped
    metrics.refresh()
    assert metrics.column("a")[0].tolist() == list(range(1, 21))
    with pytest.raises(KeyError):
        metrics.column("nothing")


def test_metrics_wait_for_the_rest_of_a_line(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(f"{STEP},a\n1,2\n3,4")
    metrics = Metrics(path)
    metrics.refresh()
    assert metrics.column("a")[1].tolist() == [[2.0]]
    with path.open("a") as file:
        file.write("0\n")
    metrics.refresh()
    assert metrics.column("a")[1].tolist() == [[2.0, 40.0]]


@pytest.mark.parametrize("line", ["1", "1,2,3", "1,x", "1;2"])
def test_metrics_of_a_file_that_somebody_wrote_are_refused_by_name(tmp_path, line):
    (tmp_path / "metrics.csv").write_text(f"{STEP},a\n{line}\n")
    with pytest.raises(FileError, match=r"metrics\.csv"):
        Metrics(tmp_path / "metrics.csv").refresh()


@pytest.mark.parametrize("seeds", [2, 3, 5, 8])
def test_curve_of_several_seeds_has_their_interval(tmp_path, seeds):
    random = np.random.default_rng(seeds)
    values = random.normal(size=(30, seeds))
    log = CsvLog(tmp_path / "metrics.csv")
    for step, row in enumerate(values):
        log.write(
            {STEP: 10 * step, "a": np.where(step == 4, np.nan, row)}
        )  # of a step that nobody had a number for
    metrics = Metrics(tmp_path / "metrics.csv")
    metrics.refresh()
    drawn = curve(metrics, "a", 400)
    kept = np.delete(values, 4, axis=0)
    assert drawn["seeds"] == seeds
    assert drawn["x"] == [10 * step for step in range(30) if step != 4]
    if seeds < 5:
        assert np.allclose(drawn["y"], kept.mean(1))
        assert np.allclose([drawn["low"], drawn["high"]], [kept.min(1), kept.max(1)])
    else:
        assert np.allclose(drawn["y"], iqm(kept.T))
        assert (np.array(drawn["low"]) <= drawn["y"]).all()
        assert (np.array(drawn["high"]) >= drawn["y"]).all()
        assert (np.array(drawn["low"]) > kept.min(1)).any()


def test_curve_has_as_many_points_as_are_asked_for_within_bounds(tmp_path):
    log = CsvLog(tmp_path / "metrics.csv")
    (tmp_path / "metrics.csv").write_text(
        f"{STEP},a\n" + "".join(f"{i},{(i * 7919) % 1000}\n" for i in range(20_000))
    )
    log.close()
    metrics = Metrics(tmp_path / "metrics.csv")
    metrics.refresh()
    assert len(curve(metrics, "a", 100)["x"]) <= 100
    assert len(curve(metrics, "a", 10**9)["x"]) <= 2_000
    assert len(curve(metrics, "a", 0)["x"]) <= 8


def test_a_curve_is_made_once_for_all_pages_and_anew_when_rows_come(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        "operant.live.runs.curve", lambda metrics, name, points: made.append(name) or {"x": made[:]}
    )
    run = ShownRun.__new__(ShownRun)
    run.metrics, run._curves = Metrics(tmp_path / "metrics.csv"), {}
    (tmp_path / "metrics.csv").write_text("time/total_timesteps,a,b\n1,2,3\n")
    assert run.curve("a", 100) == run.curve("a", 100)
    assert made == ["a"]
    run.curve("a", 200)
    run.curve("b", 100)
    assert made == ["a", "a", "b"]
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2,3,4\n")
    run.curve("a", 100)
    assert made == ["a", "a", "b", "a"]
    for points in range(1000):
        run.curve("a", points)
    assert len(run._curves) <= 200
