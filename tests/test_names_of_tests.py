"""Tests are found by what they test: every public symbol of the building blocks is in the name of a test of it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
PACKAGES = [TESTS.parent / "operant" / name for name in ("ops", "networks", "distributions")]

# What has no test of its own name, and why.
EXCEPTIONS = {
    "Distribution": "a base class, which has tests in the name of each of its kinds",
    "RecurrentCell": "a base class, likewise",
    "Schedule": "a base class, likewise",
    "Held": "the state of HeldNoise, which is tested by what is explored with",
    "Repeating": "the state of RepeatedActions, likewise",
    "OfRemaining": "what of_function makes, and tested under that name",
    "ImageNorm": "what image_norm makes, and tested as the normalisation of a CNN",
    "image_norm": "tested as the normalisation of a CNN",
    "ImageLayers": "rows of a table, tested by the parameters of the networks it describes",
    "ResidualConvolution": "half of a stage, tested with it as a CNN of residual stages",
    "ResidualStage": "tested as a CNN of residual stages",
    "convolve": "tested as Convolution",
    "as_floats": "tested by a CNN that sees the same in pixels of every type",
    "encode_with": "what Encoder.build does with a module, and tested as ModuleEncoder",
}


def public(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def named(symbol: str, test: str) -> bool:
    """Whether the name of a test has the symbol in it, `QHead` as q_head or qhead, but `at` not in "that"."""
    letters = "_?".join(symbol.lower().replace("_", ""))
    return re.search(f"(?<![a-z0-9]){letters}(?![a-z0-9])", test.lower()) is not None


def used(text: str) -> set[str]:
    """The names that a file imports from another, or asks a module for."""
    nodes = list(ast.walk(ast.parse(text)))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return imported | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def missing(symbols: set[str], files: list[str]) -> set[str]:
    """The symbols for which no file that uses one has it in the name of a test."""
    found = set()
    for text in files:
        tests = re.findall(r"def test_(\w+)\(", text)
        found |= {s for s in symbols & used(text) if any(named(s, test) for test in tests)}
    return symbols - found


def test_every_building_block_is_in_the_name_of_a_test_of_it():
    symbols = {name for package in PACKAGES for path in package.glob("*.py") for name in public(path)}
    files = [path.read_text() for path in TESTS.rglob("test_*.py")]
    assert missing(symbols, files) == set(EXCEPTIONS)


def test_a_symbol_counts_as_a_word_and_where_it_is_used():
    use = "from operant.ops import QHead, at\n"
    assert missing({"QHead", "at"}, [use + "def test_q_head_at_rest(): ..."]) == set()
    assert missing({"QHead", "at"}, [use + "def test_that_a_qhead_rests(): ..."]) == {"at"}
    assert missing({"QHead"}, ["def test_q_head_at_rest(): ..."]) == {"QHead"}


def test_no_two_files_of_tests_share_a_name():
    """Pytest imports each by its name alone, and stops at the second of a name."""
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
