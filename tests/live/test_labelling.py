"""Pairs judged on a page: every answer is in the file that `operant label` writes, and none counts twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from operant.language.data.labelling import Asking, Labels, Question
from operant.live.labelling import Labelling
from operant.live.page import Page
from tests.live.pages import ask

QUESTIONS = [Question(f"prompt {i}", f"left {i}", f"right {i}") for i in range(3)]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def page(tmp_path):
    labels = Labels(tmp_path / "pairs.jsonl")
    with Page(labelling=Labelling(Asking(labels, iter(QUESTIONS)), 3)) as page:
        yield page


def judged(page: Page, **values) -> tuple[int, dict]:
    status, _, body = ask(page, "POST", "/api/answer", values)
    return status, json.loads(body)


def test_questions_come_one_after_another_and_answers_are_on_the_disk(page, tmp_path):
    assert page.address.split("#")[0].endswith("/label")
    status, _, body = ask(page, "GET", "/api/question")
    first = json.loads(body)
    assert status == 200
    assert (first["number"], first["answered"], first["count"], first["file"]) == (0, 0, 3, "pairs.jsonl")
    assert (first["prompt"], first["left"], first["right"]) == ("prompt 0", "left 0", "right 0")
    status, second = judged(page, number=0, answer="right")
    assert (status, second["number"], second["prompt"]) == (200, 1, "prompt 1")
    kept = [{"prompt": "prompt 0", "chosen": "right 0", "rejected": "left 0"}]
    assert lines(tmp_path / "pairs.jsonl") == kept
    # another page that still shows the first question, or one that was never asked
    for number in (0, 2, 7):
        assert judged(page, number=number, answer="left") == (400, {"problem": "That was answered already."})
    for wrong in (
        {"number": 1, "answer": "both"},
        {"number": 1},
        {"number": "1", "answer": "left"},
        {"undo": False},
    ):
        assert judged(page, **wrong)[0] == 400
    assert lines(tmp_path / "pairs.jsonl") == kept
    assert judged(page, number=1, answer="tie")[1]["prompt"] == "prompt 2"
    status, back = judged(page, undo=True)
    assert (back["prompt"], back["number"], back["answered"]) == ("prompt 1", 3, 1)
    assert judged(page, number=3, answer="left")[1]["prompt"] == "prompt 2"
    assert not page.labelling.over.is_set()
    over = judged(page, number=4, answer="skip")[1]
    assert over == {"number": 5, "answered": 3, "count": 3, "file": "pairs.jsonl"}
    assert page.labelling.over.is_set()
    assert judged(page, number=5, answer="left")[0] == 400
    assert [row["chosen"] for row in lines(tmp_path / "pairs.jsonl")] == ["right 0", "left 1"]
    assert lines(tmp_path / "pairs.undecided.jsonl")[0]["answer"] == "skip"
    assert judged(page, undo=True)[1]["prompt"] == "prompt 2"  # the last one can be taken back, too
    assert not page.labelling.over.is_set()


def test_nothing_to_take_back_is_said(page):
    assert judged(page, undo=True) == (
        400, {"problem": "There is nothing to take back since this command began."},
    )  # fmt: skip


def test_messages_are_shown_as_a_conversation(tmp_path):
    prompt = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
    asking = Asking(Labels(tmp_path / "pairs.jsonl"), iter([Question(prompt, "a", "b")]))
    assert Labelling(asking, 1).question()["prompt"] == "user: 2 + 2?\nassistant: 4"


def test_the_command_serves_the_page_until_all_is_answered(tmp_path):
    rows = [{"prompt": f"p{i}", "responses": [f"a{i}", f"b{i}"]} for i in range(2)]
    (tmp_path / "drafts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "operant", "label", "drafts.jsonl", "pairs.jsonl", "--live"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = re.search(r"http://127\.0\.0\.1:(\d+)/label#(\S+)", process.stdout.readline())
            assert address is not None

            class There:
                port, token = int(address[1]), address[2]

            first = json.loads(ask(There, "GET", "/api/question")[2])  # pyright: ignore[reportArgumentType]
            assert {first["left"], first["right"]} == {"a0", "b0"}
            for number in range(2):
                assert judged(There, number=number, answer="left")[0] == 200  # pyright: ignore[reportArgumentType]
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert "All are answered" in process.stdout.read()
    assert lines(tmp_path / "pairs.jsonl")[0]["chosen"] == first["left"]
