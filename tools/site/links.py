"""Links between files of the repository, as links between pages of the site."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?\[[^\]\n]*(?:\n[^\]\n]*)?\])\(([^)\s]+)\)")
BLOCK = re.compile(r"(^(```|~~~).*?^\2\s*$)", re.MULTILINE | re.DOTALL)  # of code
OUTSIDE = ("http://", "https://", "mailto:", "#")


class BrokenLinkError(ValueError):
    """A link that leads nowhere; the message names the file and the link."""


def rewritten(text: str, file: Path, page: str, place_of: Callable[[Path], str]) -> str:
    """The text of `file` with links that lead from `page`.

    Args:
        file: Where the text comes from, relative to the repository: what its links are relative to.
        page: Where it is put, relative to the site's pages.
        place_of: The page that shows a file of the repository.

    Raises BrokenLinkError for a link to a file that is not there.
    """
    parts = BLOCK.split(text)
    # Of each match there are the text before it, the code, and the fence that it begins with, or None.
    for index in range(0, len(parts), 3):
        parts[index] = LINK.sub(lambda match: _one(match, file, page, place_of), parts[index])
    return "".join(part for index, part in enumerate(parts) if index % 3 != 2)


def _one(match: re.Match[str], file: Path, page: str, place_of: Callable[[Path], str]) -> str:
    label, target = match.groups()
    if target.startswith(OUTSIDE):
        return match.group(0)
    path, hash_sign, anchor = target.partition("#")
    found = Path(os.path.normpath(file.parent / path))
    if found.is_absolute() or found.parts[:1] == ("..",) or not (ROOT / found).exists():
        raise BrokenLinkError(f"{file}: the link {target} leads to nothing.")
    return f"{label}({relative(place_of(found), page)}{hash_sign}{anchor})"


def relative(target: str, page: str) -> str:
    """The page or file `target` as seen from `page`."""
    return os.path.relpath(target, PurePosixPath(page).parent).replace(os.sep, "/")
