"""`docs/architecture.md` stays true: its picture is of the code's own imports, and every name in it exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tools import architecture

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
# What is named there that is not ours, or is named because it is not here.
OTHERS = {"jax", "eqx", "nn", "jit", "vmap", "grad", "random", "fold_in", "lint", "imports", "python", "m"}
ABSENT = {"recurrent_ppo", "ppo_continuous"}


def defined() -> set[str]:
    """Every name that the code defines: modules, classes, functions, arguments, fields, constants, keys."""
    names = set()
    for folder in ("operant", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            names |= {path.stem, path.parent.name}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                        names.add(name)
                    case ast.AnnAssign(target=ast.Name(id=name)) | ast.keyword(arg=str(name)):
                        names.add(name)
                    case ast.Assign(targets=[ast.Name(id=name)]):
                        names.add(name)
                    case ast.Constant(value=str(name)) if name.isupper():
                        names.add(name)
    return names


def test_every_name_in_it_exists():
    spans = [
        span for span in re.findall(r"`([^`]+)`", PAGE) if not re.fullmatch(r"[\W\d]*(\[.*\]|\".*\")?", span)
    ]
    assert len(spans) > 60
    known, missing = defined() | OTHERS, []
    for span in spans:
        if span.startswith(("operant/", "docs/", "tools/")):
            missing += [] if (ROOT / span).exists() else [span]
        elif span.startswith("["):  # a shape
            continue
        elif not (ROOT / span).exists():
            words = set(re.findall(r"[A-Za-z_]\w*", span)) - {"True", "False", "json", "config"}
            missing += sorted(words - known - ABSENT)
    assert missing == []
    assert not ABSENT & defined()


def test_its_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link


def test_its_picture_is_of_the_code():
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.picture(), (
        "docs/architecture.svg is out of date: run `python -m tools.architecture`."
    )


def test_rooms_stand_below_what_imports_them():
    edges = architecture.imports()
    level = {room: i for i, row in enumerate(architecture.levels(edges)) for room in row}
    assert all(level[other] > level[room] for room in edges for other in edges[room])
    assert "agent" in edges["construct"]
    assert "engine" in edges["agent"]
    assert "agent" not in edges["engine"]


def test_arrows_that_follow_from_others_are_left_out():
    edges = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert architecture.reduced(edges) == {"a": {"b"}, "b": {"c"}, "c": set()}
    with pytest.raises(ValueError, match="in a circle"):
        architecture.reduced({"a": {"b"}, "b": {"a"}})
