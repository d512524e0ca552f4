"""What the site's search finds: pages first, and files of the repository by their names alone."""

from __future__ import annotations

import json
from pathlib import Path

SOURCE = "source/"  # pages that show a file
INDEX, FROM_DISK = (
    "search.json",
    "search.js",
)  # the index, and the same as a script, for a site without a server


def names_alone(site: Path) -> None:
    """Take the text of files out of the index: a word stands in it so often that no other page would be found."""
    index = json.loads((site / INDEX).read_text())
    for item in index["items"]:
        if item["location"].startswith(SOURCE):
            item["text"] = ""
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    (site / INDEX).write_text(text)
    (site / FROM_DISK).write_text(f"var __index = {text};")
