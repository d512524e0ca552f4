"""A run never writes over what it should not."""

from __future__ import annotations

import pytest

from operant.engine.run_directory import RunDirectory, default_run_path

CONFIG = {"algorithm": "ppo", "hyperparameters": {"hidden": [64, 64], "learning_rate": 3e-4}}


def listing(path):
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*"))


def test_run_directory_holds_its_config(tmp_path):
    run = RunDirectory.create(tmp_path / "deep" / "run", CONFIG)
    assert run.read_config() == CONFIG
    assert listing(run.path) == ["config.json"]
    assert RunDirectory.open(run.path) == run
    (tmp_path / "empty").mkdir()
    assert RunDirectory.create(tmp_path / "empty", CONFIG).holds_run


def test_run_directory_refuses_an_earlier_run_with_both_ways_on(tmp_path):
    run = RunDirectory.create(tmp_path / "run", CONFIG)
    with pytest.raises(FileExistsError, match=r"operant resume .*run`.*--overwrite"):
        RunDirectory.create(run.path, {})
    assert run.read_config() == CONFIG


def test_run_directory_overwrite_replaces_a_run(tmp_path):
    run = RunDirectory.create(tmp_path / "run", CONFIG)
    (run.checkpoints / "100").mkdir(parents=True)
    run.metrics_file.write_text("old")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (run.path / "link").symlink_to(outside)
    RunDirectory.create(run.path, {"algorithm": "dqn"}, overwrite=True)
    assert listing(run.path) == ["config.json"]
    assert run.read_config() == {"algorithm": "dqn"}
    assert (outside / "kept").exists()


@pytest.mark.parametrize("content", ["precious, not JSON", '{"model_type": "bert"}', "3", "[]"])
@pytest.mark.parametrize("name", ["metrics.csv", "config.json"])
def test_run_directory_overwrite_never_deletes_what_is_not_a_run(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(FileExistsError, match="left alone"):
        RunDirectory.create(tmp_path, CONFIG, overwrite=True)
    assert (tmp_path / name).read_text() == content


def test_run_directory_overwrite_that_was_interrupted_can_be_repeated(tmp_path, monkeypatch):
    run = RunDirectory.create(tmp_path / "run", CONFIG)
    for name in ("a", "z"):
        (run.path / name).mkdir()

    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("operant.engine.files.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        RunDirectory.create(run.path, CONFIG, overwrite=True)
    monkeypatch.undo()
    RunDirectory.create(run.path, CONFIG, overwrite=True)
    assert listing(run.path) == ["config.json"]


def test_run_directory_refuses_a_file_and_a_missing_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="is a file"):
        RunDirectory.create(tmp_path / "file", CONFIG, overwrite=True)
    with pytest.raises(FileNotFoundError, match="there is no such directory"):
        RunDirectory.open(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"it has no config\.json"):
        RunDirectory.open(tmp_path)


def test_default_run_path_is_the_first_free_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_run_path("ppo", "CartPole-v1").as_posix() == "runs/ppo-CartPole-v1-1"
    # Made at once: two that are started at the same moment get two.
    assert default_run_path("ppo", "CartPole-v1").as_posix() == "runs/ppo-CartPole-v1-2"
    assert listing(tmp_path / "runs") == ["ppo-CartPole-v1-1", "ppo-CartPole-v1-2"]
    (tmp_path / "ppo-ALE-Pong-v5-1").mkdir()
    assert default_run_path("ppo", "ALE/Pong-v5", tmp_path) == tmp_path / "ppo-ALE-Pong-v5-2"
    assert default_run_path("dqn", "package:Env-v0", tmp_path) == tmp_path / "dqn-package-Env-v0-1"
