"""Executed notebooks as Markdown, with the pictures that they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def converted(
    notebook: Path, folder: str, prose: Callable[[str], str] = lambda text: text
) -> tuple[str, dict[str, bytes]]:
    """`(Markdown, pictures by name)`; the Markdown looks for its pictures in `folder`, and its text is what `prose`
    makes of that of the notebook."""
    import nbformat
    from nbconvert import MarkdownExporter

    content = nbformat.read(notebook, as_version=4)
    for cell in content.cells:
        if cell.cell_type == "markdown":
            cell.source = prose(cell.source)
    text, resources = MarkdownExporter().from_notebook_node(content)
    pictures = {}
    for name, data in sorted(resources.get("outputs", {}).items()):
        pictures[f"{folder}/{name}"] = data
        text = text.replace(f"]({name})", f"]({folder}/{name})")
    return text, pictures
