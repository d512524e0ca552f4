"""What a sweep says in the end, tables, a preset and a score on seeds that it never saw; and what it refuses before."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil

import numpy as np
import pytest

import operant
from operant import presets
from operant.algorithms import registry
from operant.engine.scores import StudyEvaluation
from operant.envs.classic.cartpole import CartPole
from operant.fields import FileError
from operant.formats import read_evaluation
from operant.sweeps import checks
from operant.sweeps.finishing import loaded
from operant.sweeps.preset import written
from operant.sweeps.request import Request
from operant.sweeps.results import SweepResults
from operant.sweeps.trial import Score, Trial
from tests.sweeps import small

SHARED = {
    "preset": None,
    "total_timesteps": 300,
    "progress_bar": False,
    "evaluation_episodes": 2,
    "sampler": "random",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> SweepResults:
    """A whole sweep through the public function."""
    return operant.sweep(
        "q-learning",
        "GridWorld",
        learning_rate="log:0.01:1",
        epsilon=[0.1, 0.3],
        trials=3,
        test_seeds=2,
        test_episodes=3,
        run_dir=tmp_path_factory.mktemp("sweep") / "whole",
        **SHARED,
    )


def test_sweep_tries_the_best_on_seeds_that_it_never_saw(done):
    assert isinstance(done.tested, StudyEvaluation)
    assert done.tested.seeds == (1000, 1001)
    assert done.base is not None
    assert done.base.seeds == (1000, 1001)
    assert not set(done.request.trained_seeds) & set(done.tested.seeds)
    best = operant.load(done.path / "best")
    assert best.learning_rate == done.best_values["learning_rate"]
    assert best.epsilon == done.best_values["epsilon"]
    read = StudyEvaluation.from_json(read_evaluation(done.path / "best/evaluation.json"))
    np.testing.assert_array_equal(read.returns, done.tested.returns)
    again = operant.make("q-learning", "GridWorld", preset=None, seeds=[1000, 1001], **done.best_values)
    again.learn(300, progress_bar=False)
    np.testing.assert_array_equal(again.evaluate(3).returns, done.tested.returns)
    text = str(done)
    assert "by chance it is too high" in text
    assert "On seeds that the sweep never saw" in text
    assert "With the values before the sweep (plain defaults)" in text


def test_sweep_that_is_at_its_end_is_read_again(done):
    before = {file: file.stat().st_mtime_ns for file in (done.path / "best").rglob("*") if file.is_file()}
    again = operant.resume_sweep(done.path, progress_bar=False, pictures=False)
    assert str(again) == str(done) == str(loaded(done.path))
    assert {
        file: file.stat().st_mtime_ns for file in (done.path / "best").rglob("*") if file.is_file()
    } == before


def test_sweep_writes_tables_curves_pictures_and_a_preset(done):
    names = {path.name for path in done.path.iterdir()}
    assert {
        "trials.csv",
        "trials.md",
        "curves.csv",
        "best.toml",
        "trials.png",
        "curves.png",
        "sweep.json",
    } <= names
    rows = list(csv.DictReader((done.path / "trials.csv").open()))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in done.ranked]
    assert float(rows[0]["learning_rate"]) == done.best.point["learning_rate"]
    curves = list(csv.DictReader((done.path / "curves.csv").open()))
    own = [row for row in curves if int(row["trial"]) == 1]
    assert [int(row["time/total_timesteps"]) for row in own] == list(done.trials[1].steps)
    assert "| trial | score |" in (done.path / "trials.md").read_text()
    for picture in ("trials.png", "curves.png"):
        assert (done.path / picture).read_bytes()[:4] == b"\x89PNG"


def test_preset_brings_the_best_values_back(done):
    found = presets.find("q-learning", "GridWorld", str(done.path / "best.toml"))
    assert found.pop("total_timesteps") == 300
    algorithm = registry.build(registry.algorithm("q-learning"), found)
    assert algorithm == done.request.algorithm_at(done.best.point)
    assert done.tested is not None
    assert f"# On seeds that the sweep never saw: {done.tested}." in (done.path / "best.toml").read_text()


def test_preset_has_networks_environments_and_what_it_cannot_say(tmp_path):
    request = Request(
        "ppo",
        "CartPole-v1",
        small.parted("ppo", {"gamma": "0.9,0.99", "target_kl": "none,0.1", "num_envs": "2,4"})[0],
        {"network": {"hidden_sizes": [32], "activation": "relu"}, "learning_rate": "linear:0.001:0"},
        curiosity={"name": "rnd", "scale": 0.5},
        wrappers=({"name": "repeat", "steps": 2},),
        env_kwargs={"sutton_barto_reward": True},
    )
    trial = Trial(
        0, 0, {"gamma": 0.9, "target_kl": 0.1, "num_envs": 4}, (0,), "finished", (Score(1, (2.0,)),)
    )
    from operant.sweeps.preset import preset

    (tmp_path / "best.toml").write_text(preset(SweepResults(request, (trial,), tmp_path)))
    found = presets.find("ppo", "CartPole-v1", str(tmp_path / "best.toml"))
    assert found == {
        "total_timesteps": 100_000,
        "num_envs": 4,
        "wrappers": [{"name": "repeat", "steps": 2}],
        "env_kwargs": {"sutton_barto_reward": True},
        "learning_rate": "linear:0.001:0.0:1.0",
        "gamma": 0.9,
        "target_kl": 0.1,
        "network": {"hidden_sizes": [32], "activation": "relu"},
        "curiosity": {"rnd": found["curiosity"]["rnd"]},
    }
    assert found["curiosity"]["rnd"]["scale"] == 0.5
    assert written({"a b": [1, "x"], "c": True}) == '{ "a b" = [1, "x"], c = true }'
    with pytest.raises(TypeError, match="TOML"):
        written(object())


def results(*scores: tuple[int, float]) -> SweepResults:
    trials = [
        Trial(i, 0, {"learning_rate": 0.1 * (i + 1)}, (0, 1), "finished" if step == 900 else "stopped",
              (Score(step, (score - 1, score + 1)),), (step,), ((score, score),))
        for i, (step, score) in enumerate(scores)
    ]  # fmt: skip
    return SweepResults(small.request(), tuple(trials), small.Path("."))


def test_ranked_has_finished_trials_first_and_those_that_diverged_last():
    found = results((100, 9.0), (900, 1.0), (900, 2.0), (300, 0.0), (900, math.nan), (300, 5.0))
    assert [trial.number for trial in found.ranked] == [2, 1, 4, 5, 3, 0]
    assert found.best.number == 2
    with pytest.raises(ValueError, match="all of them diverged"):
        _ = results((900, math.nan)).best


def test_table_shows_the_best_and_says_how_many_it_leaves_out():
    lines = results((900, 1.0), (900, 2.0), (100, 0.5)).table(2).splitlines()
    assert lines[0].split() == [
        "trial",
        "score",
        "lowest",
        "seed",
        "highest",
        "seed",
        "steps",
        "status",
        "learning_rate",
    ]
    assert lines[1].split() == ["1", "2", "1", "3", "900", "finished", "0.2"]
    assert lines[3] == "… and 1 more"
    found = results((900, 1.0))
    assert next(csv.DictReader(io.StringIO(found.csv())))["highest seed"] == "2.0"
    assert found.markdown().splitlines()[2] == "| 0 | 1 | 0 | 2 | 900 | finished | 0.1 |"


# what is refused


def swept(**values):
    return operant.sweep(
        values.pop("algorithm", "ppo"),
        values.pop("env", "CartPole-v1"),
        **{"preset": None, "run_dir": "nowhere", **values},
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"learning_rat": "log:1e-4:1e-2"}, "no hyperparameter 'learning_rat'.*'learning_rate'"),
        ({}, "nothing to sweep"),
        ({"gamma": "0.9:1.5"}, "gamma"),
        ({"gamma": "0.99:0.9"}, "below the second"),
        ({"n_steps": "32:2048"}, "the 2,017 values would be a program of its own. List a few"),
        ({"network": {"dropout": "0:0.5"}}, "each of its values would be a program"),
        ({"n_steps": list(range(2, 20)), "n_epochs": [1, 2, 3, 4], "trials": 100}, "make 72 programs"),
        ({"n_steps": [16, 32], "scheduler": "population"}, "a population changes hyperparameters"),
        ({"gamma": [0.9, 0.99], "scheduler": "best"}, "scheduler='best'"),
        ({"gamma": [0.9, 0.99], "sampler": "best"}, "sampler='best'"),
        ({"gamma": [0.9, 0.99], "trials": 0}, "trials=0"),
        ({"gamma": [0.9, 0.99], "trials": 1, "scheduler": "population"}, "at least 2"),
        ({"gamma": [0.9, 0.99], "quantile": 0.9}, "quantile=0.9"),
        ({"gamma": [0.9, 0.99], "reduction_factor": 1}, "reduction_factor=1"),
        ({"gamma": [0.9, 0.99], "test_seeds": [0]}, "test_seeds=0: the sweep trains on this seed"),
        ({"gamma": [0.9, 0.99], "seeds": [1, 1]}, "once"),
        ({"gamma": [0.9, 0.99], "network": object()}, "no file holds"),
        ({"gamma": [0.9, 0.99], "sampler": "grid", "trials": 1}, "the grid has 2 points"),
        ({"algorithm": "pop", "gamma": [0.9, 0.99]}, "Unknown algorithm"),
    ],
)
def test_sweep_refuses_before_it_trains(values, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=said):
        swept(**values)
    assert not list(tmp_path.iterdir())


def test_require_space_counts_the_programs():
    request = small.request({"learning_rate": "0.1:1", "num_envs": "1,2,4", "gamma": "0.9,0.99"})
    assert checks.require_space(request, small.SOURCE) == {"num_envs": 3}


def test_validity_knows_what_does_not_go_together():
    request = Request(
        "ppo",
        "CartPole-v1",
        small.parted("ppo", {"batch_size": "32,512", "n_steps": "16,256"})[0],
        num_envs=2,
    )
    valid = checks.validity(request, small.Source("CartPole-v1"))
    assert [valid(point) for point in request.space.product()] == [True, True, False, True]


def test_request_is_written_and_read():
    request = small.request(
        {"learning_rate": "linear:log:0.1:1:0", "num_envs": "1,2"}, test_seeds=3, trials=7
    )
    assert Request.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": "other"}, "no sweep of operant's"),
        ({"trials": "x"}, "trials"),
        ({"space": {}}, "nothing to sweep"),
        ({"space": {"gamma": {"choices": []}}}, "space.gamma.choices"),
        ({"scheduler": "best"}, "scheduler"),
        ({"seeds": []}, "seeds"),
    ],
)
def test_request_of_a_wrong_file_is_refused(changed, said):
    with pytest.raises(FileError, match=said):
        Request.from_json(small.request().to_json() | changed, "sweep.json")


def test_sweep_of_an_environment_of_ones_own_is_resumed_with_it(tmp_path):
    path = tmp_path / "sweep"
    first = operant.sweep(
        "q-learning", small.GridWorld(), learning_rate=[0.1, 0.9], trials=2, test_seeds=0, run_dir=path, pictures=False,
        **SHARED,
    )  # fmt: skip
    assert first.request.environment is None
    with pytest.raises(ValueError, match="pass it again as env"):
        operant.resume_sweep(path)
    again = operant.resume_sweep(path, env=small.GridWorld(), progress_bar=False, pictures=False)
    assert str(again) == str(first)


def test_sweep_leaves_other_directories_alone(done, tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(FileExistsError, match="not a sweep: it is left alone"):
        operant.sweep("q-learning", "GridWorld", learning_rate=[0.1, 0.9], run_dir=tmp_path, **SHARED)
    copy = tmp_path / "copy"
    shutil.copytree(done.path, copy)
    with pytest.raises(FileExistsError, match=r"holds a sweep already\. Continue it with `operant resume"):
        operant.sweep("q-learning", "GridWorld", learning_rate=[0.1, 0.9], run_dir=copy, **SHARED)
    with pytest.raises(FileNotFoundError, match="is not a sweep"):
        operant.resume_sweep(tmp_path)
    (copy / "batches/0000.json").write_text('{"trials": [{"number": "x"}]}')
    with pytest.raises(FileError, match=r"0000\.json: trials\.0"):
        operant.resume_sweep(copy)


def test_native_environments_of_others_are_swept_too():
    request = small.request()
    assert request.source(CartPole()).id == "CartPole-v1"
