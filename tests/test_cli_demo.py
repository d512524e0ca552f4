"""`operant demo`: three learners that learn, in words, with the live page or with reports."""

from __future__ import annotations

import io
import json
import re
import threading
from dataclasses import replace
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import operant
from operant import presets
from operant.agent import Progress
from operant.cli import demo, main


@pytest.fixture
def short(monkeypatch):
    """The gridworld twice, for a moment: how well the three learn is for the slow test."""
    find = presets.find
    monkeypatch.setattr(presets, "find", lambda *asked: find(*asked) | {"total_timesteps": 2000})
    monkeypatch.setattr(demo, "EPISODES", 2)
    monkeypatch.setattr(demo, "ACTS", demo.ACTS[:1] * 2)


def test_the_demo_without_the_extra_leaves_a_report_of_each(short, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "operant.cli.training.find_spec", lambda name: None if name == "uvicorn" else find_spec(name)
    )
    assert main(["demo", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    told = " ".join(out.split())
    assert "the live page: needs an extra: pip install 'operant-rl[live]'" in told
    assert "live page, with curves" not in told
    for number, act in enumerate(demo.ACTS, 1):
        run = Path("runs") / f"demo-q-learning-GridWorld-{number}"
        assert f"{number} of 2. {act.title}" in told
        assert str(run / "report.html") in out.replace("\n", "")
        assert "<img" in (run / "report.html").read_text()
        score = json.loads((run / "evaluation.json").read_text())
        assert (len(score["returns"]), len(score["random"]["returns"])) == (2, 2)
        assert operant.load(run).seed == 3
    assert told.count("at random: ") == told.count("learnt: ") == 2
    assert "→" in out
    assert "takes its preset" not in err


def test_the_demo_opens_the_live_page_and_shows_all_runs(short, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":0")
    opened: list[str] = []
    seen = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("operant.cli.show.show", lambda *_, **__: None)
    monkeypatch.setattr("operant.live.answers.SECONDS_BETWEEN_EVENTS", 0)  # runs are so short here

    def look(act, path, seed, console):
        play(act, path, seed, console)
        found = re.search(r":(\d+)/#(\S+)", opened[0])
        assert found
        connection = HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        connection.request("GET", "/api/runs", headers={"Cookie": f"operant_{found[1]}={found[2]}"})
        seen.append(len(json.loads(connection.getresponse().read())["runs"]))

    play = demo.play
    monkeypatch.setattr(demo, "play", look)
    assert main(["demo"]) == 0
    assert len(opened) == 1
    assert opened[0] in capsys.readouterr().out
    assert seen == [1, 2]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("operant live")]


def test_no_browser_is_opened_where_it_is_not_wanted_or_there_is_no_window(tmp_path, monkeypatch, capsys):
    opened: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(demo, "play", lambda *_: None)
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["demo", "--no-browser"]) == 0
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["demo"]) == 0
    assert opened == []
    assert capsys.readouterr().out.count("live page, with curves") == 2


def test_progress_is_told_at_its_shares_of_training_and_once_each():
    out = io.StringIO()
    act = replace(demo.ACTS[1], unit="{:.0f} steps")
    telling = demo.Telling(act, Console(file=out, width=100))
    for step in range(0, 1001, 50):
        mean = np.nan if step < 200 else step / 2
        telling(Progress(step, 1000, {"rollout/ep_rew_mean": mean}, None))  # pyright: ignore[reportArgumentType]
    assert out.getvalue().splitlines() == [
        "  after 200 of 1,000 steps: 100 steps",
        "  after 300 of 1,000 steps: 150 steps",
        "  after 600 of 1,000 steps: 300 steps",
        "  after 1,000 of 1,000 steps: 500 steps",
    ]


@pytest.mark.full
def test_the_demo_learns_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--no-browser"]) == 0
    said = [float(x) for x in re.findall(r"learnt: [^\d-]*(-?\d+)", capsys.readouterr().out)]
    assert said[0] == 97
    assert said[1] > 450
    assert said[2] > -250
