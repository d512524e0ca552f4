"""`operant train --live`, `operant branch`, `operant resume --live` and `operant ui`, as a person types them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path

import pytest

from operant.cli import main
from operant.cli.training import require_live
from operant.cli.ui import found
from operant.engine.interventions import Intervention, read_interventions, write_interventions

TRAIN = (
    "train ppo CartPole-v1 --preset none --num-envs 4 --n-steps 16 --batch-size 32 --n-epochs 1 --no-progress"
)
QUICK = "--episodes 2 --no-video --no-pictures"


def run(line: str) -> int:
    return main(line.split())


def test_a_run_is_trained_live_branched_repeated_and_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_interventions("asked.jsonl", [Intervention(128, "change", "gamma", 0.9)])
    kept = "--checkpoint-every 128 --keep-checkpoints 9 --log-interval 128"
    asked = "--interventions asked.jsonl --live"
    assert run(f"{TRAIN} {QUICK} {kept} {asked} --total-timesteps 384 --run-dir runs/a") == 0
    told = capsys.readouterr()
    assert re.search(r"live page: http://127\.0\.0\.1:\d+/#[\w-]{32}\n", told.out)
    assert "the page is closed; `operant ui runs/a` opens it again" in told.out
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("operant live")]
    assert [one.value for one in read_interventions("runs/a/interventions.jsonl")] == [0.9]

    assert run("branch runs/a runs/b --step 256 --change learning-rate=1e-3 ent_coef=linear:0.1:0") == 0
    assert "runs/b: go on with `operant resume runs/b`" in capsys.readouterr().out
    assert run(f"resume runs/b --no-progress {QUICK} --live") == 0
    changes = [(one.step, one.name, one.value) for one in read_interventions("runs/b/interventions.jsonl")]
    assert changes == [(128, "gamma", 0.9), (256, "learning_rate", 0.001), (256, "ent_coef", "linear:0.1:0")]
    assert run("branch runs/a runs/c --change learning_rate=-1") == 2
    assert "--learning-rate -1.0: must be at least 0" in capsys.readouterr().err

    command = [
        sys.executable,
        "-c",
        "import sys, operant.cli; sys.exit(operant.cli.main())",
        "ui",
        "runs/a",
        "runs/b",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        match = re.search(r"127\.0\.0\.1:(\d+)/#(\S+)", process.stdout.readline())
        assert match
        connection = HTTPConnection("127.0.0.1", int(match[1]), timeout=60)
        connection.request("GET", "/api/runs", headers={"Cookie": f"operant_{match[1]}={match[2]}"})
        shown = json.loads(connection.getresponse().read())["runs"]
        assert [(one["name"], one["parent"]) for one in shown] == [
            ("a", None),
            ("b", {"run": "a", "step": 256}),
        ]
        assert all(one["score"]["mean"] > 0 for one in shown)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_found_are_the_newest_runs_first(tmp_path):
    for number, name in enumerate(("old", "new", "no run")):
        (tmp_path / name).mkdir()
        if name != "no run":
            (tmp_path / name / "config.json").touch()
            os_time = 1_000_000 + number
            os.utime(tmp_path / name / "config.json", (os_time, os_time))
    assert [Path(path).name for path in found(tmp_path)] == ["new", "old"]


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(
        "operant.cli.training.find_spec", lambda name: None if name == "uvicorn" else find_spec(name)
    )
    with pytest.raises(ValueError, match=r"--live: needs an extra: pip install 'operant-rl\[live\]'"):
        require_live("--live")
    assert run(f"{TRAIN} --live") == 2
    assert capsys.readouterr().err.count("\n") == 1
