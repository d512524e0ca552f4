"""The list of planted bugs stays true: what is to be replaced is there, and so are the tests that are to notice it."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache

import pytest

from tests.mutants.plant import ROOT, Plant, planted, plants
from tests.mutants.running import Outcome, run_tests
from tests.mutants.table import counts, known, merged, text

EVERY = plants()


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_plant_can_be_planted():
    for plant in EVERY:
        new = plant.planted((ROOT / plant.file).read_text())  # raises where its text is not there exactly once
        ast.parse(new)
        assert plant.new != plant.old, plant.name
        assert plant.breaks, plant.name


def test_the_tests_that_are_to_notice_a_plant_are_there():
    for plant in EVERY:
        assert plant.tests, plant.name
        for test in plant.tests:
            file, _, function = test.partition("::")
            assert (ROOT / file).is_file(), (plant.name, file)
            assert not function or function.partition("[")[0] in functions(file), (plant.name, test)


def test_every_plant_has_a_name_of_its_own():
    assert [name for name, count in Counter(plant.name for plant in EVERY).items() if count > 1] == []


def test_the_table_has_every_plant_and_nearly_all_were_noticed():
    rows = known()
    caught, real, _ = counts(rows)
    missing = {plant.name for plant in EVERY} ^ {row["name"] for row in rows}
    assert not missing, f"Run `python -m tests.mutants {' '.join(sorted(missing))}`."
    assert real >= 60
    assert caught >= 0.95 * real


A = Plant("a", "thing.py", "return 1", "return 2", "the number", ("test_thing.py",))


@pytest.mark.parametrize(
    ("plant", "result", "test"),
    [
        (A, "caught", "test_thing.py::test_f"),
        (Plant("b", "thing.py", "x + 0", "x - 0", "nothing", ("test_thing.py",)), "survived", ""),
        (Plant("c", "thing.py", "return 1", "return (", "syntax", ("test_thing.py",)), "broken", "test_thing.py"),
        (Plant("d", "thing.py", "return 1", "while True: pass", "its end", ("test_thing.py",)), "late", ""),
    ],
)
def test_a_plant_is_tried_in_a_process_of_its_own_and_taken_out_again(plant, result, test, tmp_path):
    (tmp_path / "thing.py").write_text("def f():\n    return 1\n\ndef g(x):\n    return x + 0\n")
    (tmp_path / "test_thing.py").write_text(
        "from thing import f, g\n\ndef test_f():\n    assert f() == g(1)\n"
    )
    before = (tmp_path / "thing.py").read_text()
    with planted(plant, tmp_path, 1):
        limit = 2 if result == "late" else 60
        outcome = run_tests(list(plant.tests), tmp_path, limit, output=tmp_path / "output.txt")
    assert (outcome.result, outcome.test) == (result, test)
    assert (tmp_path / "thing.py").read_text() == before


def test_a_text_that_is_no_longer_there_is_named():
    with pytest.raises(ValueError, match=r"'a': thing.py has 0 times.*\nreturn 1\n"):
        A.planted("return 3")


def test_rows_stay_until_their_plant_changes():
    b = Plant("b", "thing.py", "x", "y", "it", ("test_thing.py",), equivalent="they are the same")
    rows = merged([], {"a": Outcome("caught", "test_thing.py::test_f"), "b": Outcome("survived")}, [A, b])
    assert counts(rows) == (1, 1, 1)
    assert "they are the same" in text(rows)
    changed = Plant("a", "thing.py", "return 1", "return 3", "the number", ("test_thing.py",))
    assert [row["name"] for row in merged(rows, {}, [changed, b])] == ["b"]
    assert merged(rows, {}, [A, b]) == rows
