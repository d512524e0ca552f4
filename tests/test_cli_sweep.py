"""`operant sweep`: what is refused in one line, a whole sweep, and what is left by `kill -9`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from operant.cli import main
from operant.cli.sweeping import Sweeping, taken
from operant.sweeps.space import Choice, Range

SMALL = (
    "sweep q-learning GridWorld --learning-rate log:0.01:1 --epsilon 0.1,0.3 --preset none --total-timesteps 600 "
    "--sampler random --evaluation-episodes 2 --trials 6 --together 4 --seeds 2 --no-progress --no-pictures"
)


def test_taken_parts_ranges_from_other_flags():
    line = (
        "CartPole-v1 --learning-rate log:1e-4:1e-2 --gamma=0.9,0.99 --n-steps 64 --network.hidden-sizes 64 64 "
        "--network.activation tanh,relu --num-envs 4,8 --env-kwargs a:b --clip-range linear:0.2:0 --seeds 3,5"
    )
    left = (
        "CartPole-v1 --n-steps 64 --network.hidden-sizes 64 64 --env-kwargs a:b --clip-range linear:0.2:0 "
        "--seeds 3,5"
    )
    space, rest = taken("ppo", line.split())
    assert space.domains == {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "gamma": Choice((0.9, 0.99)),
        "network.activation": Choice(("tanh", "relu")),
        "num_envs": Choice((4, 8)),
    }
    assert rest == left.split()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "give an algorithm, an environment and ranges"),
        ("ppo CartPole-v1", "nothing to sweep"),
        ("ppo CartPole-v1 --gamma 0.9,", "--gamma '0.9,': a choice is empty."),
        ("ppo CartPole-v1 --gamma 0.99:0.9", "--gamma '0.99:0.9': 0.99:0.9: the first number must be below"),
        ("ppo CartPole-v1 --gama 0.9,0.99", "Did you mean --gamma?"),
        ("ppo CartPole-v1 --lr log:1e-4:1e-2 --trials 0", "--trials 0: must be at least 1."),
        ("ppo CartPole-v1 --gamma 0.9,0.99 --seeds none", "--seeds none"),
        ("ppo CartPole-v1 --gamma 0.9,0.99 --scheduler best", "scheduler"),
        ("ppo CartPol-v1 --gamma 0.9,0.99", "Did you mean CartPole-v1"),
        ("pop CartPole-v1 --gamma 0.9,0.99", "Unknown algorithm 'pop'"),
        ("ppo CartPole-v1 --n-steps 32:2048", "List a few, such as"),
        ("ppo CartPole-v1 --gamma 0.9:1.5", "gamma"),
        ("ppo CartPole-v1 --gamma 0.9,0.99 --workers 0", "--workers 0: must be at least 1."),
        ("ppo CartPole-v1 --gamma 0.9,0.99 --ray-address auto", "add --workers"),
    ],
)
def test_mistakes_are_answered_in_a_line(line, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *line.split()]) == 2
    answer = capsys.readouterr().err
    assert said in answer
    assert len(answer.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_help_has_the_flags_of_sweeps_and_of_the_algorithm(capsys):
    assert main(["sweep", "--help"]) == 0
    assert "log:LOW:HIGH" in capsys.readouterr().out
    assert main(["sweep", "ppo", "--help"]) == 0
    told = capsys.readouterr().out
    for name in Sweeping.__dataclass_fields__:
        assert name == "environment" or f"--{name.replace('_', '-').replace('modules', 'import')}" in told, (
            name
        )
    assert "--clip-range" in told


def test_a_sweep_from_the_command_line(tmp_path, capsys):
    path = tmp_path / "sweep"
    assert main([*SMALL.split(), "--run-dir", str(path), "--test-seeds", "2", "--test-episodes", "2"]) == 0
    told = capsys.readouterr().out
    assert "q-learning on GridWorld: 6 trials of 2 seeds, sampler random, scheduler halving" in told
    assert "swept: learning_rate log:0.01:1, epsilon 0.1,0.3" in told
    assert "On seeds that the sweep never saw" in told
    assert json.loads((path / "sweep.json").read_text())["hyperparameters"]["gamma"] is not None
    assert main(["info", str(path)]) == 0
    assert "by chance it is too high" in capsys.readouterr().out
    assert main(["resume", str(path), "--no-progress", "--no-pictures"]) == 0
    assert main(["resume", str(path), "--total-timesteps", "1000"]) == 2
    assert "is a sweep, which goes on as it was begun" in capsys.readouterr().err
    best = f"--preset {path / 'best.toml'} --run-dir {tmp_path / 'run'}"
    train = f"train q-learning GridWorld {best} --no-progress --no-video --no-pictures --episodes 2"
    assert main(train.split()) == 0
    trained = json.loads((tmp_path / "run/config.json").read_text())
    tested = json.loads((path / "best/config.json").read_text())
    assert trained["hyperparameters"] == tested["hyperparameters"]
    assert trained["total_timesteps"] == 600
    assert main([*SMALL.split(), "--run-dir", str(path)]) == 2
    assert "holds a sweep already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_that_is_killed_is_resumed_as_if_it_had_not_been(tmp_path):
    """SIGKILL some time after each file that appears in the directory; Ctrl-C once."""

    def command(path: Path, resume: bool) -> list[str]:
        words = ["resume", str(path), "--no-progress", "--no-pictures"] if resume else [
            *SMALL.split(), "--run-dir", str(path), "--test-seeds", "none", "--total-timesteps", "60000"]  # fmt: skip
        return [sys.executable, "-m", "operant.cli", *words]

    def batches(path: Path) -> dict[str, str]:
        return {file.name: file.read_text() for file in (path / "batches").glob("[0-9]*.json")}

    whole, path = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole, False), check=True, capture_output=True, env=os.environ)
    kills = 0
    while True:
        process = subprocess.Popen(
            command(path, (path / "sweep.json").exists()),
            stderr=subprocess.PIPE,
            text=True,
            stdout=subprocess.DEVNULL,
        )
        before = set(path.rglob("manifest.json")) | set(path.glob("batches/*"))
        while process.poll() is None and kills < 4:
            now = set(path.rglob("manifest.json")) | set(path.glob("batches/*"))
            if now - before:
                time.sleep(0.02 * kills)
                process.send_signal(signal.SIGINT if kills == 2 else signal.SIGKILL)
                break
            time.sleep(0.01)
        _, said = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode in (-signal.SIGKILL, 130), said
        if process.returncode == 130:
            assert f"go on with `operant resume {path}`" in said
        kills += 1
    assert kills >= 3
    assert batches(path) == batches(whole)
    assert not list((path / "checkpoints").glob("*"))
