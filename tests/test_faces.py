"""What notebooks show as the value of a cell, and of progress."""

from __future__ import annotations

import base64
import io
import re
import sys
from types import SimpleNamespace

import numpy as np
from rich.console import Console

import operant
from operant.engine.progress import LiveView
from operant.studio import style
from operant.studio.recording import Recording


def test_an_agent_shows_what_it_is_and_its_curve():
    agent = operant.DQN(
        "CartPole-v1", preset=None, gamma=0.9, network={"hidden_sizes": (8,)}, buffer_size=500
    )
    before = agent._repr_html_()
    for text in ("DQN on CartPole-v1", "at step 0", "gamma", "0.9", "hidden_sizes=(8,)", "buffer_size"):
        assert text in before
    assert "learning_rate" not in before  # as by default
    assert "image/png" not in before
    agent.learn(600, progress_bar=False)
    after = agent._repr_html_()
    assert "at step 600" in after
    assert base64.b64decode(re.findall(r"image/png;base64,([^\"]+)", after)[0]).startswith(b"\x89PNG")


def test_a_recording_is_its_film(tmp_path):
    frames = [np.full((16, 16, 3), i, np.uint8) for i in range(3)]
    recording = Recording(frames, [], 1, 30.0)
    film = base64.b64decode(re.findall(r"video/mp4;base64,([^\"]+)", recording._repr_html_())[0])
    assert film[4:8] == b"ftyp"
    (tmp_path / "film.mp4").write_bytes(b"the film")
    written = Recording(frames, [], 1, 30.0, tmp_path / "film.mp4")._repr_html_()
    assert base64.b64encode(b"the film").decode() in written
    assert repr(recording) == "<Recording of 0 states, 3 frames of 16×16 pixels>"


def test_a_figure_shows_itself_without_pyplot():
    assert style.figure(2, 1)._repr_png_().startswith(b"\x89PNG")


def test_progress_in_a_notebook_is_one_output_that_is_replaced(monkeypatch):
    shown, updates = [], []

    def display(data, raw, display_id):
        shown.append(data)
        return SimpleNamespace(update=lambda data, raw: updates.append(data))

    ipython = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=object()), display=SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr("operant.engine.progress.SECONDS_BETWEEN_UPDATES", 0.0)
    printed = io.StringIO()
    with LiveView(console=Console(file=printed)) as view:
        for step in (100, 200):
            view.update({"rollout/ep_rew_mean": 21.5}, step, 400)
    assert len(shown) == 1
    assert len(updates) >= 2
    assert '<progress value="50.0"' in updates[-1]["text/html"]
    assert "200/400 steps" in updates[-1]["text/plain"]
    assert "ep_rew_mean" in updates[-1]["text/html"]
    assert "21.5" in updates[-1]["text/html"]
    assert printed.getvalue() == ""


def test_nothing_is_shown_in_a_notebook_that_was_not_asked_for(monkeypatch):
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()), display=None)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    with LiveView(enabled=False) as view:
        view.update({}, 1, 2)
