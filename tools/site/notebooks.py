"""Executed notebooks as Markdown, with the pictures that they show."""

from __future__ import annotations

from pathlib import Path


def converted(notebook: Path, folder: str) -> tuple[str, dict[str, bytes]]:
    """`(Markdown, pictures by name)`; the Markdown looks for its pictures in `folder`."""
    import nbformat
    from nbconvert import MarkdownExporter

    content = nbformat.read(notebook, as_version=4)
    text, resources = MarkdownExporter().from_notebook_node(content)
    pictures = {}
    for name, data in sorted(resources.get("outputs", {}).items()):
        pictures[f"{folder}/{name}"] = data
        text = text.replace(f"]({name})", f"]({folder}/{name})")
    return text, pictures
