"""What several commands ask."""

from __future__ import annotations

from pathlib import Path


def is_sweep(path: str) -> bool:
    """Whether a directory is that of a sweep."""
    return (Path(path) / "sweep.json").is_file()
