"""Whole sweeps: who is stopped, what those that go on learn, and what is left by whatever interrupts one."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest

import operant
from operant.agent.selection import Selection
from operant.engine import checkpoint
from operant.sweeps import groups, population
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Clockwork, Interrupted
from operant.sweeps.population import padded
from operant.sweeps.run import expected_steps
from tests.sweeps import small


@pytest.fixture(autouse=True)
def made_up_scores(monkeypatch):
    monkeypatch.setattr(Selection, "scores", small.made_up)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """`(request, trials, path)` of a sweep that nothing interrupted."""
    path, asked = tmp_path_factory.mktemp("sweep") / "whole", small.request(together=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Selection, "scores", small.made_up)
        return asked, small.run(asked, path), path


def test_halving_stops_those_that_are_behind(tmp_path):
    trials = small.run(small.request(), tmp_path / "sweep")
    rates = {trial.number: trial.point["learning_rate"] for trial in trials}
    order = sorted(rates, key=lambda number: -rates[number])  # which the scores have
    reached = {trial.number: [score.step for score in trial.scores] for trial in trials}
    for place, number in enumerate(order):
        assert reached[number] == [100, 300, 900][: 3 if place < 1 else 2 if place < 3 else 1]
    assert {trial.status for trial in trials} == {"finished", "stopped"}
    assert [trial.number for trial in trials if trial.status == "finished"] == order[:1]
    for trial in trials:
        np.testing.assert_allclose(trial.scores[0].seeds, rates[trial.number], atol=1e-5)
        assert trial.steps[-1] == trial.step
        assert len(trial.returns[-1]) == 2


def test_trials_that_go_on_learn_as_if_nobody_had_been_stopped(tmp_path):
    """Scores and curves, whose numbers are those of what was learnt."""
    halved = small.run(small.request(), tmp_path / "halved")
    free = small.run(small.request(scheduler="none"), tmp_path / "free")
    assert [trial.point for trial in halved] == [trial.point for trial in free]
    (winner,) = [trial for trial in halved if trial.status == "finished"]
    same = free[winner.number]
    assert winner.scores[-1] == same.scores[-1]
    curve, free_curve = (dict(zip(each.steps, each.returns, strict=True)) for each in (winner, same))
    assert {90, 900} <= set(curve) & set(free_curve)
    assert str([curve[step] for step in (90, 900)]) == str([free_curve[step] for step in (90, 900)])
    assert len({trial.scores[-1].seeds for trial in free}) == len(free)


def test_batches_are_asked_for_one_after_another(whole):
    asked, trials, path = whole
    assert [trial.batch for trial in trials] == [0] * 5 + [1] * 4
    assert [trial.number for trial in trials] == list(range(9))
    assert all(trial.status != "asked" for trial in trials)
    assert not list((path / "checkpoints").glob("*"))
    assert SweepDirectory(path).request() == asked
    assert str(SweepDirectory(path).trials()) == str(trials)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"workers": 0}, "workers=0: must be a whole number, at least 1."),
        ({"workers": 2, "scheduler": "population"}, "workers=2: a population is one program"),
        (
            {"workers": 2, "vectorization": "ray"},
            "workers=2: each steps the environments of its trials by itself",
        ),
    ],
)
def test_request_refuses_workers_that_have_nothing_to_do(values, said):
    with pytest.raises(ValueError, match=said):
        small.request(**values)


def test_sweep_refuses_an_address_where_nobody_works(tmp_path):
    with pytest.raises(ValueError, match=r"ray_address='auto': .*add workers="):
        operant.sweep(
            "q-learning", "GridWorld", learning_rate=[0.1, 1.0], ray_address="auto", run_dir=tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_a_sweep_that_is_done_trains_nothing(whole, monkeypatch):
    asked, trials, path = whole
    monkeypatch.setattr(population.Population, "train", None)
    assert str(small.run(asked, path)) == str(trials)


@pytest.mark.parametrize("rows", [1, 3, 6])
def test_a_sweep_that_is_stopped_goes_on_as_if_it_had_not_been(whole, tmp_path, rows):
    asked, _, path = whole
    stops = 0
    while True:
        try:
            small.run(
                asked, tmp_path / "sweep", tell=lambda count, watch: setattr(watch, "stop", count >= rows)
            )
            break
        except Interrupted:
            stops += 1
    assert stops >= 2
    assert small.files(tmp_path / "sweep") == small.files(path)


def test_a_sweep_that_is_killed_goes_on_as_if_it_had_not_been(whole, tmp_path, monkeypatch):
    """At the n-th file that is written, before or after it is; every file is once the last one."""
    asked, _, path = whole
    trained: Counter[int] = Counter()
    written = itertools.count()
    kill = {"at": 0, "after": False}

    def killed(write):
        def or_not(*arguments, **keywords):
            last = next(written) == kill["at"]
            if last and not kill["after"]:
                raise small.Killed
            result = write(*arguments, **keywords)
            if last:
                raise small.Killed
            return result

        return or_not

    monkeypatch.setattr(population, "save_checkpoint", killed(checkpoint.save_checkpoint))
    monkeypatch.setattr(SweepDirectory, "write_batch", killed(SweepDirectory.write_batch))
    monkeypatch.setattr(SweepDirectory, "forget", killed(SweepDirectory.forget))
    monkeypatch.setattr(Clockwork, "due", property(lambda self: True))
    kills = 0
    while True:
        written = itertools.count()
        kill = {"at": kills % 4, "after": kills % 2 == 1}
        try:
            trials = small.run(asked, tmp_path / "sweep")
            break
        except small.Killed:
            kills += 1
            known = (
                SweepDirectory(tmp_path / "sweep").trials() if (tmp_path / "sweep/batches").exists() else []
            )
            trained.update({trial.number: 1 for trial in known if trial.status == "asked"})
    assert kills >= 6
    assert small.files(tmp_path / "sweep") == small.files(path)
    assert not list((tmp_path / "sweep/checkpoints").glob("*"))
    assert [trial.number for trial in trials] == list(range(9))


def test_static_values_train_in_groups_and_are_compared_together(tmp_path):
    asked = small.request({"learning_rate": "0.1:1", "num_envs": "1,2"})
    lines: list[str] = []
    trials = small.run(asked, tmp_path / "sweep", say=lines.append)
    rates = {trial.number: trial.point["learning_rate"] for trial in trials}
    best = sorted(rates, key=lambda number: -rates[number])[:3]
    assert {trial.point["num_envs"] for trial in trials} == {1, 2}
    assert {trial.number for trial in trials if len(trial.scores) > 1} == set(best)
    assert [line.split(":")[1].split(",")[0] for line in lines] == [
        " 9 trials at 100 steps",
        " 3 trials at 300 steps",
        " 1 trials at 900 steps",
    ]
    again: list[str] = []
    for _ in range(50):  # and are resumed, whichever of them was interrupted
        try:
            small.run(asked, tmp_path / "other", tell=lambda count, watch: setattr(watch, "stop", count >= 2))
            break
        except Interrupted:
            again.append("stopped")
    assert small.files(tmp_path / "other") == small.files(tmp_path / "sweep")
    assert len(again) > 2


def test_a_seed_that_diverged_makes_its_trial_the_worst(tmp_path, monkeypatch):
    def diverging(self, step, metrics):
        note(self, step, {**metrics, population.NAN: np.arange(len(metrics[population.NAN])) == 1})

    note = population.Population._note
    monkeypatch.setattr(population.Population, "_note", diverging)
    trials = small.run(small.request(trials=3), tmp_path / "sweep")
    assert math.isnan(trials[0].score)
    assert [math.isnan(value) for value in trials[0].scores[0].seeds] == [False, True]
    assert trials[0].status == "stopped"
    assert SweepDirectory(tmp_path / "sweep").trials()[0].status == "stopped"


def test_expected_steps_are_those_that_are_taken(whole):
    asked, trials, _ = whole
    assert expected_steps(asked) == sum(trial.step for trial in trials)
    assert expected_steps(small.request(scheduler="none")) == 9 * small.TOTAL


def test_padded_repeats_the_last_until_the_devices_share_evenly():
    assert padded([4, 5, 6]) == (4, 5, 6, 6)  # of two devices
    assert padded([4, 5]) == (4, 5)
    assert padded([4]) == (4,)


def test_clockwork_writes_no_more_than_a_twentieth_of_the_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(groups.time, "monotonic", lambda: now[0])
    clockwork = Clockwork(60)
    now[0] = 59
    assert not clockwork.due
    now[0] = 60
    assert clockwork.due
    clockwork.timed(lambda: now.__setitem__(0, now[0] + 10))
    now[0] += 199
    assert not clockwork.due
    now[0] += 1
    assert clockwork.due
