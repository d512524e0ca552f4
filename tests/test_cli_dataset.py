"""`operant train bc --dataset`: without an environment, resumed and repeated, and what is refused in a line."""

from __future__ import annotations

import numpy as np
import pytest

import operant
from operant import formats
from operant.cli import main
from operant.studio import repeat

QUIET = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "1")
WITHOUT = ("--total-timesteps", "4", "--batch-size", "32", "--network.hidden-sizes", "8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a dataset, data.npz, and of a run without an environment, run."""
    folder = tmp_path_factory.mktemp("dataset")
    observations = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.savez(folder / "data.npz", observations=observations, actions=(observations[:, 2] > 0).astype(int))
    np.savez(folder / "half.npz", observations=observations)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "bc", "--dataset", "data.npz", *WITHOUT, "--run-dir", "run", *QUIET]) == 0
    return folder


def test_train_without_an_environment_keeps_a_model_that_predicts(folder):
    agent = operant.load(folder / "run")
    assert (agent.step, agent.source.id) == (4, "data")
    assert agent.predict(np.zeros(4, np.float32)) in (0, 1)
    assert not (folder / "run" / "evaluation.json").exists()


def test_run_without_an_environment_is_resumed_and_repeated(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    words = repeat.arguments(formats.read_run("run"))
    assert words == [
        "bc",
        "--preset",
        "none",
        "--total-timesteps",
        "4",
        "--dataset",
        "data.npz",
        *WITHOUT[2:],
    ]
    assert "dataset='data.npz'" in repeat.python(formats.read_run("run"))
    assert main(["resume", "run", "--total-timesteps", "6", *QUIET]) == 0
    assert operant.load("run").step == 6
    assert main(["evaluate", "run"]) == 2
    assert "no environment was named" in capsys.readouterr().err
    assert main(["evaluate", "run", "CartPole-v1", "--episodes", "1"]) == 0


def test_epochs_on_the_command_line(folder, monkeypatch):
    monkeypatch.chdir(folder)
    flags = ("--epochs", "3", "--run-dir", "epochs", *QUIET)
    assert main(["train", "bc", "--dataset", "data.npz", *WITHOUT[2:], *flags]) == 0
    assert operant.load("epochs").step == 6  # 60 steps in batches of 32


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("bc --dataset half.npz", "no actions"),
        ("ppo CartPole-v1 --epochs 3", "--epochs 3"),
        ("bc --dataset nowhere.npz", "there is no such file or folder"),
        ("bc CartPole-v1", "BC learns from a dataset"),
        ("bc Pendulum-v1 --dataset data.npz", "observations must have shape (60, 3); got (60, 4)"),
        ("ppo CartPole-v1 --dataset data.npz", "PPO learns from what it does itself"),
        ("bc CartPole-v1 --dataset data.npz --num-envs 2", "BC steps no environment"),
        ("bc CartPole-v1 --dataset data.npz --curiosity rnd", "explores nothing"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_in_a_line(folder, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(folder)
    assert main(["train", *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
