"""The list of planted bugs stays true: what is to be replaced is there, and so are the tests that are to notice it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

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
        new = plant.planted(
            (ROOT / plant.file).read_text()
        )  # raises where its text is not there exactly once
        ast.parse(new)
        assert plant.new != plant.old, plant.name
        assert plant.breaks, plant.name


def test_no_plant_names_what_is_not_there(tmp_path):
    """Else its tests would notice a NameError, whatever they test."""
    for plant in EVERY:
        (tmp_path / f"{plant.name}.py").write_text(plant.planted((ROOT / plant.file).read_text()))
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select=F821"]
    found = subprocess.run([*ruff, "--output-format=concise", tmp_path], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_tests_that_are_to_notice_a_plant_are_there():
    for plant in EVERY:
        assert plant.tests, plant.name
        for test in plant.tests:
            file, _, function = test.partition("::")
            assert (ROOT / file).is_file(), (plant.name, file)
            assert not function or function.partition("[")[0] in functions(file), (plant.name, test)


def test_the_tests_that_noticed_a_plant_are_still_there():
    """A test that is renamed is renamed in the table too."""
    named = {test for row in known() for test in (row["test"], *row["tests"]) if test}
    files = {test: test.partition("::")[::2] for test in named}
    gone = [
        test
        for test, (file, function) in files.items()
        if not (ROOT / file).is_file() or (function and function.partition("[")[0] not in functions(file))
    ]
    assert gone == []


def test_every_plant_has_a_name_of_its_own():
    assert [name for name, count in Counter(plant.name for plant in EVERY).items() if count > 1] == []


def test_nearly_all_plants_were_noticed():
    """By the table; a plant that was never tried counts as not noticed (`python -m tests.mutants NAME` tries it)."""
    noticed = {row["name"] for row in known() if row["result"] == "caught"}
    real = {plant.name for plant in EVERY if not plant.equivalent}
    assert len(real) >= 60
    assert len(real & noticed) >= 0.95 * len(real), sorted(real - noticed)


def test_the_page_on_testing_names_plants_of_every_silent_bug():
    section = (ROOT / "docs/testing.md").read_text().split("\n## ")[1]
    rows = [line for line in section.splitlines() if re.match(r"\| \d", line)]
    numbers = [int(n) for row in rows for n in row.split("|")[1].split(",")]
    assert numbers == list(range(1, 21))
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[3])}
    assert named <= {plant.name for plant in EVERY}


A = Plant("a", "thing.py", "return 1", "return 2", "the number", ("test_thing.py",))


CASES = {  # what is planted, and how its tests end
    A: ("caught", "test_thing.py::test_f"),
    Plant("b", "thing.py", "x + 0", "x - 0", "nothing", ("test_thing.py",)): ("survived", ""),
    Plant("c", "thing.py", "return 1", "return (", "syntax", ("test_thing.py",)): ("broken", "test_thing.py"),
    Plant("d", "thing.py", "return 1", "while True: pass", "its end", ("test_thing.py",)): ("late", ""),
}


def test_a_plant_is_tried_in_a_process_of_its_own_and_taken_out_again(tmp_path):
    (tmp_path / "thing.py").write_text("def f():\n    return 1\n\ndef g(x):\n    return x + 0\n")
    (tmp_path / "test_thing.py").write_text(
        "from thing import f, g\n\ndef test_f():\n    assert f() == g(1)\n"
    )
    before = (tmp_path / "thing.py").read_text()
    # In a process without JAX, whose threads would not survive the parting of processes.
    command = [sys.executable, "-m", "tests.mutants.test_plants", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=300)
    assert (tmp_path / "thing.py").read_text() == before


def try_cases(copy: Path) -> None:
    for number, (plant, expected) in enumerate(CASES.items(), start=1):
        with planted(plant, copy, number):
            limit = 3 if expected[0] == "late" else 60
            outcome = run_tests(list(plant.tests), copy, limit, output=copy / "output.txt")
        assert (outcome.result, outcome.test) == expected, (plant, outcome)


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


if __name__ == "__main__":
    try_cases(Path(sys.argv[1]))
