"""Ordinary English: phrases that a reader has to read twice do not come back.

They are looked for in prose alone: in Markdown, and in the comments and texts of Python, never in names.
"""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What is wrong, and what to write.
PHRASES = {
    r"\bbehind\b(?!.*\binterface\b)(?<!left behind)(?<!leaves nothing behind)": "after; behind is a place",
    r"(?<![-\w])beside\b(?!-)": "compared with, next to, together with, besides",
    r"\bso many\b(?! (that|as)\b)": "this many, or the number itself",
    r"\bmanyth\b": "every n-th",
    r"\bno number any more\b": "not a finite number",
    r"\bstops paying\b": "say what the objective does",
    r"\bgoals? of (a|the) (TD|update)\b": "td_target: a goal is what a goal-conditioned agent is given",
}
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
CODE = [path for folder in ("operant", "examples", "tools") for path in (ROOT / folder).rglob("*.py")]


def prose(path: Path) -> str:
    """The text of a page, or the comments and texts of a module, line by line."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    return "\n".join(
        re.sub(r"\{[^{}]*\}", "", token.string)  # before 3.12 a name in an f-string is part of its text
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in kinds
    )


def found(text: str) -> list[str]:
    """The lines of a text that hold a phrase, each with what to write instead."""
    return [
        f"{line.strip()}\n    → {instead}"
        for line in text.splitlines()
        for phrase, instead in PHRASES.items()
        if re.search(phrase, line, re.IGNORECASE)
    ]


@pytest.mark.parametrize("kind", ["pages", "code"])
def test_no_phrase_has_come_back(kind):
    paths = PAGES if kind == "pages" else CODE
    assert len(paths) > 10
    wrong = [f"{path.relative_to(ROOT)}: {line}" for path in paths for line in found(prose(path))]
    assert wrong == [], "\n".join(wrong)


def test_phrases_are_found_in_prose_alone(tmp_path):
    module = tmp_path / "module.py"
    module.write_text(
        '"""Called behind update."""\nbeside = 1  # so many steps\nsecond = f"{beside} beside it"\n'
    )
    assert len(found(prose(module))) == 3
    module.write_text(
        '"""An environment behind the host interface."""\nbeside = behind = "--beside-random"\n'
    )
    assert found(prose(module)) == []
