"""`operant label`: what is asked, what each key does, and that nothing is lost or asked twice."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from operant.cli import label, main
from operant.language.data.labelling import Labels, Question, questions_of
from operant.language.data.rows import DataError, Row, read

QUESTIONS = [Question(f"prompt {i}", f"good {i}", f"bad {i}") for i in range(4)]


def asked(path: Path, keys: str, questions=QUESTIONS) -> tuple[bool, str, Labels]:
    """`(whether all are answered, what was shown, the answers)` with these keys pressed."""
    labels, pressed = Labels(path), iter(keys)
    console = Console(file=io.StringIO(), width=60)
    remaining = iter(labels.remaining(questions))
    finished = label.ask(labels, remaining, len(questions), lambda: next(pressed, ""), console)
    return finished, console.file.getvalue(), labels  # pyright: ignore[reportAttributeAccessIssue]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def pair(i: int, *, swapped: bool = False) -> dict:
    texts = [f"good {i}", f"bad {i}"]
    chosen, rejected = texts[::-1] if swapped else texts
    return {"prompt": f"prompt {i}", "chosen": chosen, "rejected": rejected}


def test_each_key_appends_its_answer_at_once(tmp_path):
    path = tmp_path / "pairs.jsonl"
    finished, screen, labels = asked(path, "1x2ts")
    assert finished
    assert lines(path) == [pair(0), pair(1, swapped=True)]
    assert [each["answer"] for each in lines(labels.undecided)] == ["tie", "skip"]
    assert "good 0" in screen
    assert "4 of 4" in screen
    assert [each for each in read(path)] == [  # noqa: C416 (a reward model reads it)
        Row(f"{path}, line {i + 1}", values) for i, values in enumerate(lines(path))
    ]


def test_it_goes_on_where_it_was_ended(tmp_path):
    path = tmp_path / "pairs.jsonl"
    assert not asked(path, "2tq")[0]
    path.write_text(path.read_text().removesuffix("\n"))  # as an editor might leave it
    finished, screen, _ = asked(path, "11")
    assert finished
    assert lines(path) == [pair(0, swapped=True), pair(2), pair(3)]
    assert "prompt 1" not in screen
    assert asked(path, "")[0]


def test_undo_takes_back_one_answer_after_another_and_asks_again(tmp_path):
    path = tmp_path / "pairs.jsonl"
    finished, screen, labels = asked(path, "u1tuu21u112")
    assert finished
    assert "There is nothing to take back" in screen
    assert lines(path) == [pair(0, swapped=True), pair(1), pair(2), pair(3, swapped=True)]
    assert labels.undecided.read_text() == ""


def test_the_same_question_twice_is_asked_twice(tmp_path):
    path, twice = tmp_path / "pairs.jsonl", [QUESTIONS[0], QUESTIONS[0]]
    asked(path, "1q", twice)
    labels = Labels(path)
    assert labels.remaining(twice) == [QUESTIONS[0]]
    assert labels.remaining([Question("prompt 0", "bad 0", "good 0")]) == []  # whichever is on the left
    assert labels.remaining_prompts(["prompt 0", "prompt 1", "prompt 0"]) == ["prompt 1", "prompt 0"]


def test_sides_are_drawn_and_rows_without_two_responses_are_named():
    rows = [Row(f"line {i}", {"prompt": "p", "responses": ["a", "b"]}) for i in range(200)]
    left = [each.left for each in questions_of(rows)]
    assert 70 < left.count("a") < 130
    assert left == [each.left for each in questions_of(rows)]
    assert questions_of([Row("line 1", {"prompt": "p", "chosen": "a", "rejected": "b"})])[0].prompt == "p"
    with pytest.raises(DataError, match="line 7: it must have two texts"):
        questions_of([Row("line 7", {"prompt": "p"})])


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "a", "response": "b"}\n')
    with pytest.raises(DataError, match="line 1: it has no chosen and rejected"):
        Labels(path)


def test_a_model_writes_the_responses_and_equal_ones_are_ties(tmp_path, monkeypatch):
    from operant.cli import generate

    calls = []

    def responses(model, prompts, chat, **values):
        calls.append(values)
        return [f"{prompt} {0 if prompt == 'c' else i % 2}" for i, prompt in enumerate(prompts)]

    monkeypatch.setattr(generate, "responses", responses)
    labels = Labels(tmp_path / "pairs.jsonl")
    questions = label._generated(labels, ["a", "c", "b"], "model", "none", 5, {"temperature": 0.5})
    assert list(questions) == [Question("a", "a 0", "a 1"), Question("b", "b 0", "b 1")]
    assert calls == [{"temperature": 0.5, "seed": 5}]
    assert lines(labels.undecided) == [{"prompt": "c", "left": "c 0", "right": "c 0", "answer": "tie"}]


def test_label_from_the_command_line_reads_lines_where_nobody_sits_at_a_terminal(
    tmp_path, monkeypatch, capsys
):
    data = tmp_path / "data.jsonl"
    data.write_text('{"prompt": "p", "responses": ["a", "b"]}\n{"prompt": "q", "responses": ["c", "d"]}\n')
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n1\n"))
    assert main(["label", str(data)]) == 0
    assert "1 of 2 are answered" in " ".join(capsys.readouterr().out.split())
    assert len(lines(tmp_path / "data.labels.jsonl")) == 1
    data.write_text('{"prompt": "p"}\n')
    assert main(["label", str(data)]) == 2
    assert "line 1: it must have two texts" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_label_at_a_terminal_takes_single_keys_and_arrows(tmp_path):
    data, output = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    rows = [{"prompt": f"p{i}", "responses": [f"a{i}", f"b{i}"]} for i in range(2)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "operant.cli", "label", str(data), str(output)]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"COLUMNS": "99"}
    )
    os.close(theirs)
    seen, keys = b"", [b"\x1b[D", b"2"]
    try:
        while select.select([mine], [], [], 60)[0]:
            seen += os.read(mine, 4096)
            if keys and seen.count(b"q quit") == 3 - len(keys):
                os.write(mine, keys.pop(0))
    except OSError:  # how a terminal ends
        pass
    finally:
        os.close(mine)
        process.kill() if keys else None
    assert process.wait(60) == 0, seen.decode()
    questions = questions_of(read(data))
    expected = [(questions[0].left, questions[0].right), (questions[1].right, questions[1].left)]
    assert [(row["chosen"], row["rejected"]) for row in lines(output)] == expected
