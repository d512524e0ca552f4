"""`operant train … --live --curiosity preferences`, as a person does it: compare some clips, go on, and resume."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operant.engine.interventions import read_interventions
from tests.live.pages import ask, wait_until

pytest.importorskip("pygame")
OWN = (
    *("--curiosity", "preferences", "--curiosity.answers", "clips", "--curiosity.clip-length", "4"),
    *("--curiosity.query-every", "64", "--curiosity.window", "64", "--curiosity.n-updates", "4"),
)
QUIET = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "2")
SMALL = ("--preset", "none", "--n-steps", "64", "--batch-size", "64", "--network.hidden-sizes", "8")


def test_a_run_of_which_nothing_is_answered_yet_waits_for_answers(tmp_path):
    run = ("--total-timesteps", "256", "--log-interval", "64", "--run-dir", "run")
    command = [
        sys.executable,
        "-m",
        "operant",
        "train",
        "ppo",
        "CartPole-v1",
        *SMALL,
        *OWN,
        *run,
        *QUIET,
        "--live",
    ]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = next(
                filter(None, (re.search(r"127\.0\.0\.1:(\d+)/#(\S+)", line) for line in process.stdout))
            )
            assert "it pauses after the first chunk" in process.stdout.readline()
            there: Any = SimpleNamespace(port=int(address[1]), token=address[2])

            def told() -> dict:
                status, _, body = ask(there, "GET", "/api/clips")
                return json.loads(body) if status == 200 else {}

            wait_until(lambda: "left" in told())
            body = {"number": 0, "answer": "left"}
            assert ask(there, "POST", "/api/compare", body)[0] == 200
            assert ask(there, "POST", "/api/steer", {"kind": "go on"})[0] == 200
            assert process.wait(120) == 0
        finally:
            process.kill()
    kept = [(one.step, one.kind) for one in read_interventions(tmp_path / "run" / "interventions.jsonl")]
    assert kept == [(64, "pause"), (64, "go on"), (64, "answer")]
