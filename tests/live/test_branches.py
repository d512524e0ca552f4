"""Branches from the page: begun from a checkpoint with changes, next to their parents, and trained where asked for."""

from __future__ import annotations

import json
import shutil

import jax
import numpy as np
import pytest

import operant
from operant.engine.interventions import read_interventions
from operant.live.page import Page
from tests.live.pages import ask, wait_until
from tests.shared import ppo


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("branches") / "parent"
    ppo(seed=3).learn(
        384, progress_bar=False, log_interval=128, run_dir=path, checkpoint_every=128, keep_checkpoints=9
    )
    return path


def begun(page: Page, **values) -> tuple[int, dict]:
    status, _, body = ask(page, "POST", "/api/branch", {"run": 0, "step": 128, **values})
    return status, json.loads(body)


def names(page: Page) -> list[str]:
    return [run["name"] for run in json.loads(ask(page, "GET", "/api/runs")[2])["runs"]]


def test_a_branch_is_begun_next_to_its_parent_and_shown_below_it(finished, tmp_path):
    parent = shutil.copytree(finished, tmp_path / "parent")
    with Page([parent]) as page:
        status, told = begun(page, changes={"learning_rate": 1e-4, "ent_coef": "linear:0.01:0"})
        assert (status, told["name"]) == (200, "parent-at-128")
        assert names(page) == ["parent", "parent-at-128"]
        runs = json.loads(ask(page, "GET", "/api/runs")[2])["runs"]
        assert runs[1]["parent"] == {"run": "parent", "step": 128}
        assert runs[1]["checkpoints"] == [128]
        assert runs[1]["last"]["time/total_timesteps"] == [128]  # none of its parent's future
        assert begun(page)[1]["name"] == "parent-at-128-2"  # a name of its own
        assert "a branch of parent, learning_rate=0.0001, ent_coef=linear:0.01:0" in page.log.after(0)[0][1]
    kept = read_interventions(tmp_path / "parent-at-128" / "interventions.jsonl")
    assert [(one.step, one.name, one.value) for one in kept] == [
        (128, "learning_rate", 1e-4),
        (128, "ent_coef", "linear:0.01:0"),
    ]
    # The same as `operant branch`, to the last bit.
    operant.branch(finished, tmp_path / "by-hand", 128, {"learning_rate": 1e-4, "ent_coef": "linear:0.01:0"})
    paths = (tmp_path / "parent-at-128", tmp_path / "by-hand")
    one, other = (operant.Agent.resume(path, progress_bar=False) for path in paths)
    assert one.step == 384
    for x, y in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
        assert np.array_equal(x, y)


def test_what_cannot_be_begun_says_why_and_leaves_nothing(finished, tmp_path):
    parent = shutil.copytree(finished, tmp_path / "parent")
    with Page([parent]) as page:
        for values, status, why in (
            ({"step": 100}, 409, "no checkpoint of step 100"),
            ({"changes": {"learning_rate": -1}}, 400, "learning_rate"),
            ({"changes": {"n_steps": 8}}, 400, "n_steps: PPO cannot change it"),
            ({"changes": {"__class__": 1}}, 400, "__class__: PPO cannot"),
            ({"changes": {"../x": 1}}, 400, "../x: PPO cannot"),
        ):
            answered = begun(page, **values)
            assert answered[0] == status
            assert why in answered[1]["problem"]
        assert names(page) == ["parent"]
    assert [path.name for path in tmp_path.iterdir()] == ["parent"]


def test_a_branch_whose_checkpoint_goes_while_it_is_copied_leaves_nothing(finished, tmp_path, monkeypatch):
    def gone(*_):
        raise FileNotFoundError("a newer checkpoint took its place")

    parent = shutil.copytree(finished, tmp_path / "parent")
    monkeypatch.setattr("operant.agent.branching._copy_checkpoint", gone)
    with Page([parent]) as page:
        assert begun(page) == (409, {"problem": "a newer checkpoint took its place"})
        assert names(page) == ["parent"]
    assert [path.name for path in tmp_path.iterdir()] == ["parent"]


def test_a_branch_is_trained_in_a_process_of_its_own_one_at_a_time(finished, tmp_path):
    parent = shutil.copytree(finished, tmp_path / "parent")
    with Page([parent]) as page:
        assert begun(page, train=True, changes={"gamma": 0.9})[0] == 200
        status, told = begun(page, train=True)
        assert status == 400
        assert "A branch is being trained already" in told["problem"]
        training = page.branches._training
        assert training is not None
        wait_until(lambda: training.poll() is not None, 180)
        assert training.returncode == 0, (tmp_path / "parent-at-128" / "branch.log").read_text()
        runs = json.loads(ask(page, "GET", "/api/runs")[2])["runs"]
        assert runs[1]["last"]["time/total_timesteps"] == [384]
        assert runs[1]["score"]["mean"] > 0
    assert operant.load(tmp_path / "parent-at-128").gamma == 0.9


def test_a_page_that_ends_ends_the_training_of_its_branch_which_keeps_what_it_learnt(finished, tmp_path):
    parent = shutil.copytree(finished, tmp_path / "parent")
    config = json.loads((parent / "config.json").read_text())
    (parent / "config.json").write_text(json.dumps(config | {"total_timesteps": 50_000_000}))
    with Page([parent]) as page:
        assert begun(page, train=True)[0] == 200
        training, metrics = page.branches._training, tmp_path / "parent-at-128" / "metrics.csv"
        assert training is not None
        before = metrics.read_text().count("\n")
        wait_until(lambda: metrics.read_text().count("\n") > before, 180)
    training.wait(60)
    assert max(int(path.name) for path in (tmp_path / "parent-at-128" / "checkpoints").iterdir()) > 128
