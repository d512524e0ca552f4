"""`slow.txt` and the tool that writes it."""

from __future__ import annotations

import json
import re

import pytest

from tools import slow_tests


def test_listed_tests_are_there():
    for test in slow_tests.listed_tests():
        file, _, name = test.partition("::")
        function = name.rpartition("::")[2].partition("[")[0]
        assert re.search(rf"^ *def {function}\(", (slow_tests.ROOT / file).read_text(), re.MULTILINE), test


def test_main_lists_what_took_longer_and_keeps_what_is_not_much_quicker(tmp_path, monkeypatch):
    times, known = tmp_path / "times.jsonl", tmp_path / "slow.txt"
    monkeypatch.setattr(slow_tests, "LIST", known)
    known.write_text("quick now\nnearly as slow\nnot run\n")
    taken = {"quick now": 0.9, "nearly as slow": 1.1, "slow": 2.1, "quick": 1.9}
    times.write_text("".join(json.dumps(row) + "\n" for row in taken.items()))
    monkeypatch.setattr("sys.argv", ["slow_tests", "--times", str(times)])
    slow_tests.main()
    assert known.read_text() == "nearly as slow\nnot run\nslow\n"


def test_list_decides_what_a_default_run_selects(pytestconfig, request):
    listed = set(slow_tests.listed_tests())
    selected = {item.nodeid for item in request.session.items}
    if "not slow" not in pytestconfig.getoption("markexpr"):
        pytest.skip("slow tests are wanted")
    assert not listed & selected
