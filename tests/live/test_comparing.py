"""Clips that a person compares while the run learns from the answers: filmed apart, kept at once, and reproduced."""

from __future__ import annotations

import json
import threading

import jax
import numpy as np
import pytest

from operant.agent import Agent
from operant.curiosity import answers
from operant.curiosity.answers import Folder
from operant.engine.files import is_key
from operant.engine.interventions import read_interventions
from operant.live import comparing
from operant.live.guard import Allowance
from tests.live.pages import CLIP_LENGTH as K
from tests.live.pages import EVERY, TOTAL, Held, ask, wait_until
from tests.live.pages import learns_from_clips as agent
from tests.shared import ppo

pytest.importorskip("pygame")


@pytest.fixture
def held(tmp_path):
    held = Held(tmp_path / "run", agent(tmp_path / "clips"))
    yield held
    held.page.steering.ask("stop")
    held.thread.join(60)
    held.page.close()


def told(held: Held) -> dict:
    status, _, body = ask(held.page, "GET", "/api/clips")
    assert status == 200
    return json.loads(body)


def filmed(held: Held) -> dict:
    """The question, once there is one."""
    wait_until(lambda: "left" in told(held))
    return told(held)


def compared(held: Held, **values) -> tuple[int, dict]:
    status, _, body = ask(held.page, "POST", "/api/compare", values)
    return status, json.loads(body)


def leaves(one: Agent) -> list[np.ndarray]:
    return [np.asarray(jax.random.key_data(x) if is_key(x) else x) for x in jax.tree.leaves(one.learner.run)]


def test_clips_are_compared_learnt_from_and_the_run_is_reproduced_to_the_last_bit(held, tmp_path):
    assert held.news()["training"]["compares"]
    first = told(held)
    assert (first["number"], first["answered"], first["room"]) == (0, 0, 20)
    assert first["why"].startswith("filming two clips")
    question = filmed(held)
    assert (question["left"], question["right"]) == ("clip-000.mp4", "clip-001.mp4")
    for side in ("left", "right"):
        status, headers, film = ask(held.page, "GET", f"/api/film?number=0&side={side}")
        assert (status, headers["content-type"]) == (200, "video/mp4")
        assert film == (tmp_path / "clips" / question[side]).read_bytes()
        assert film[4:8] == b"ftyp"
    status, _, part = ask(held.page, "GET", "/api/film?number=0&side=right", range="bytes=4-7")
    assert (status, part) == (206, b"ftyp")  # so that a browser goes back to the beginning
    assert Folder(tmp_path / "clips").clip("clip-000.mp4").observations.shape == (K, 4)
    assert compared(held, number=0, answer="right")[1]["number"] == 1
    kept = json.loads((tmp_path / "clips" / answers.PAIRS).read_text())
    assert (kept["chosen"], kept["rejected"]) == ("clip-001.mp4", "clip-000.mp4")
    assert compared(held, number=filmed(held)["number"], answer="skip")[0] == 200
    assert compared(held, number=filmed(held)["number"], answer="tie")[1]["answered"] == 2
    assert ask(held.page, "POST", "/api/steer", {"kind": "one chunk"})[0] == 200
    wait_until(lambda: held.agent.history and held.agent.history[-1]["time/total_timesteps"] == 2 * EVERY)
    assert compared(held, number=filmed(held)["number"], answer="left")[0] == 200
    assert ask(held.page, "POST", "/api/steer", {"kind": "go on"})[0] == 200
    held.thread.join(60)
    found = [
        (one.step, one.value)
        for one in read_interventions(held.path / "interventions.jsonl")
        if one.kind == "answer"
    ]
    assert found == [(128, 1), (128, 0.5), (256, 1)]
    assert held.agent.history[-1]["train/comparisons"] == 3
    log = [text for _, text in held.page.log.after(0)]
    assert "of clip-000.mp4 and clip-001.mp4: right" in log
    wait_until(lambda: not held.news()["training"]["going"])
    assert ask(held.page, "GET", "/api/clips")[::2] == (200, b'{"over":true}')
    assert compared(held, number=4, answer="left")[0] == 404
    repeated = agent(tmp_path / "clips")
    repeated.learn(TOTAL, progress_bar=False, log_interval=EVERY, interventions=held.path)
    resumed = Agent.restore(held.path, step=4 * EVERY)
    resumed.finish(held.path, progress_bar=False)
    for one in (repeated, resumed):
        assert all(np.array_equal(x, y) for x, y in zip(leaves(held.agent), leaves(one), strict=True))


def test_wrong_requests_are_refused_and_nothing_is_kept(held, tmp_path):
    filmed(held)
    held.page.server.config.app.changing = Allowance(50, 50)
    for number in (1, 7, -1, "0", None, 1e300, True, [0]):
        assert compared(held, number=number, answer="left")[0] == 400
    for answer in ("both", "", 0, None, ["left"], "undo", "__class__"):
        assert compared(held, number=0, answer=answer)[0] == 400
    assert compared(held, number=0, answer="left", name="../x")[0] == 400
    for query in (
        *(
            "number=1&side=left",
            "number=-1&side=left",
            "number=x&side=left",
            "number=0&side=../../config.json",
        ),
        *(
            "number=0",
            "side=",
            "number=0&side=prompt",
            "number=0&side=__class__",
            "number=99999999999&side=left",
        ),
    ):
        assert ask(held.page, "GET", f"/api/film?{query}")[0] in (400, 404)
    assert not (tmp_path / "clips" / answers.PAIRS).exists()
    held.page.server.config.app.changing = Allowance(0, 2)
    for expected in (400, 400, 429):
        body = {"number": 9, "answer": "left"}
        assert ask(held.page, "POST", "/api/compare", body)[0] == expected
    assert told(held)["number"] == 0


def test_training_does_not_wait_for_clips(held, monkeypatch):
    going = threading.Event()

    def slow(*arguments):
        going.wait(60)
        raise ValueError("it draws nothing")
        yield

    monkeypatch.setattr(comparing, "filmed", slow)
    assert "why" in told(held)
    assert ask(held.page, "POST", "/api/steer", {"kind": "go on"})[0] == 200
    wait_until(lambda: held.agent.history and held.agent.history[-1]["time/total_timesteps"] >= 3 * EVERY)
    assert ask(held.page, "POST", "/api/steer", {"kind": "pause"})[0] == 200
    if held.thread.is_alive():
        going.set()
        wait_until(lambda: held.page._comparing._problem == "it draws nothing")
    held.page.steering.ask("go on")
    held.thread.join(60)
    assert held.agent.step == TOTAL
    going.set()


def test_clips_are_filmed_only_while_somebody_compares(held, monkeypatch, tmp_path):
    monkeypatch.setattr(comparing, "SECONDS_TO_STAY", 0.5)
    filmed(held)
    thread = held.page._comparing._thread
    if thread is not None:
        thread.join(20)
        assert not thread.is_alive()
    assert held.page._comparing._thread is None
    assert len(list((tmp_path / "clips").glob("*.mp4"))) <= 2 * comparing.RESERVE
    held.page.close()


def test_questions_that_wait_come_first_and_where_there_is_no_room_it_is_said(tmp_path):
    folder = Folder(tmp_path / "clips")
    random = np.random.default_rng(0)
    for number in range(4):
        clip = answers.Clip(random.normal(size=(K, 4)).astype(np.float32), np.zeros(K, np.int32))
        name = folder.add(clip)
        (folder.path / name).write_bytes(b"film %d" % number)
    folder.ask("clip-000.mp4", "clip-001.mp4")
    folder.ask("clip-002.mp4", "clip-003.mp4")
    held = Held(tmp_path / "run", agent(folder.path, comparisons=1))
    try:
        question = told(held)
        assert {question["left"], question["right"]} == {"clip-000.mp4", "clip-001.mp4"}
        assert compared(held, number=0, answer="left")[1]["why"].startswith(
            "All 1 comparisons that the run has room for"
        )
        assert "left" not in told(held)
        status, said = compared(held, number=1, answer="left")
        assert (status, said["problem"][:5]) == (400, "All 1")
    finally:
        held.page.steering.ask("stop")
        held.thread.join(60)
        held.page.close()


def test_a_folder_that_holds_something_else_is_named(tmp_path):
    (tmp_path / "clips").mkdir()
    held = Held(tmp_path / "run", agent(tmp_path / "clips"))
    (tmp_path / "clips" / answers.PAIRS).write_text('{"prompt": "x"}\n')
    try:
        status, _, body = ask(held.page, "GET", "/api/clips")
        assert status == 409
        assert b"pairs.jsonl" in body
    finally:
        held.page.steering.ask("stop")
        held.thread.join(60)
        held.page.close()


def test_a_run_that_learns_from_no_answers_shows_no_clips(tmp_path):
    held = Held(tmp_path / "run", ppo(seed=3))
    try:
        assert not held.news()["training"]["compares"]
        assert ask(held.page, "GET", "/api/clips")[0] == 404
    finally:
        held.page.steering.ask("stop")
        held.thread.join(60)
        held.page.close()
