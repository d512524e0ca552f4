"""The study of Atari games: what is read of runs, what is kept, and what is gone on with."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import games
from operant.cli.asked import read
from operant.construct import AGENT_ARGUMENTS

ROWS = [
    {games.STEP: "100", games.ELAPSED: "10.0", games.RETURN: "-21"},
    {games.STEP: "200", games.ELAPSED: "20.0", games.RETURN: ""},
    {games.STEP: "300", games.ELAPSED: "5.0", games.RETURN: "-3.5"},  # resumed
    {games.STEP: "400", games.ELAPSED: "15.0", games.RETURN: "18"},
    {games.STEP: "500", games.ELAPSED: "4.0", games.RETURN: "19"},  # and again
]


def test_seconds_of_a_resumed_run_count_on():
    """Catches a run that is faster the oftener it was interrupted."""
    curve = games.curve_of(ROWS)
    assert curve["seconds"] == [10.0, 20.0, 25.0, 35.0, 39.0]
    assert curve["steps"] == [100, 200, 300, 400, 500]
    assert curve["returns"] == [-21.0, None, -3.5, 18.0, 19.0]
    many = [{games.STEP: str(i), games.ELAPSED: str(i), games.RETURN: "0"} for i in range(1, 1001)]
    thin = games.curve_of(many)
    assert len(thin["steps"]) == games.POINTS
    assert (thin["steps"][0], thin["steps"][-1]) == (1, 1000)


class Shell:
    """Stands for the command line: notes what is asked, and leaves what a run leaves."""

    def __init__(self, mean=20.0):
        self.asked, self.mean = [], mean

    def run(self, command, check):
        assert check
        self.asked.append(command[2:])
        place = command[command.index("--run-dir") + 1] if "--run-dir" in command else command[4]
        folder = games.Path(place)
        (folder / "checkpoints" / "500").mkdir(parents=True, exist_ok=True)
        lines = [",".join(ROWS[0]), *(",".join(row.values()) for row in ROWS)]
        (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
        score = {
            "mean": self.mean,
            "returns": [self.mean] * 2,
            "protocol": "whole games",
            "random": {"mean": -20.5},
        }
        (folder / "evaluation.json").write_text(json.dumps(score))


@pytest.fixture
def study(monkeypatch):
    shell, one = Shell(), games.Study("Pong", "ppo", "PongNoFrameskip-v4", "two-cores", 18, seeds=2)
    monkeypatch.setattr(games.subprocess, "run", shell.run)
    monkeypatch.setattr(games, "STUDIES", (one,))
    return shell, one


def test_each_seed_is_trained_once_and_an_interrupted_one_is_resumed(study, tmp_path, monkeypatch):
    shell, _ = study
    (tmp_path / "runs" / "pong-1001" / "checkpoints" / "200").mkdir(parents=True)

    def typed(*more):
        monkeypatch.setattr(
            "sys.argv", ["games", "--out", str(tmp_path), "--runs", str(tmp_path / "runs"), *more]
        )
        games.main()

    typed("--seeds", "2", "--date", "2000-01-01")
    first, second = shell.asked
    assert first[:6] == ["operant", "train", "ppo", "PongNoFrameskip-v4", "--preset", "two-cores"]
    assert first[first.index("--seed") + 1] == "1000"
    assert second[:3] == ["operant", "resume", str(tmp_path / "runs" / "pong-1001")]
    typed("--seeds", "2")
    assert len(shell.asked) == 2
    shell.mean = 17.0
    typed("--seeds", "3")
    assert len(shell.asked) == 3
    found = json.loads((tmp_path / "games.json").read_text())["studies"]["Pong"]["seeds"]
    assert list(found) == ["1000", "1001", "1002"]
    assert found["1000"]["training_seconds"] == 39.0
    assert found["1000"]["date"] == "2000-01-01"
    text = (tmp_path / "games.md").read_text()
    assert "| Pong | 20.0, 20.0, 17.0 | 18, **missed** | -20.5 | 500 |" in text
    assert "operant train ppo PongNoFrameskip-v4 --preset two-cores --seed 1000" in text
    assert (tmp_path / games.PICTURE).exists()


@pytest.mark.parametrize("study", games.STUDIES, ids=lambda study: study.name)
def test_each_study_is_a_command_that_can_be_typed(study):
    pytest.importorskip("ale_py")
    asked = read(study.algorithm, [*study.command[3:], "--seed", "1000"])
    assert asked.training.total_timesteps > 10_000
    assert "env_kwargs" in AGENT_ARGUMENTS
    assert np.isfinite(study.threshold or 0)
