"""Checkpoints: all of a run as `checkpoints/<step>/`, whole or not there at all.

A directory holds `run.safetensors` and `manifest.json`. It is written under another name, brought to the
disk and renamed; only then are earlier ones deleted. Killed at any moment, the latest whole one remains.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

from operant import settings
from operant.engine.files import load_tree, read_shapes, save_tree, sync
from operant.types import PyTree


def save_checkpoint(
    directory: str | Path, step: int, run_tree: PyTree, config: dict[str, Any], keep: int
) -> Path:
    """Write `directory/<step>/`, then delete all but the `keep` latest; returns the new path.

    One of the same step is replaced. Those of later steps, left from a course that was given up when an
    earlier one was resumed, are deleted too. Raises ValueError for `keep` below 1, TypeError for a `config`
    that JSON does not take.
    """
    if keep < 1:
        raise ValueError(f"keep must be at least 1, the checkpoint just written; got {keep}.")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob("*.tmp"):
        shutil.rmtree(leftover)
    temporary, final = directory / f"{step}.tmp", directory / f"{step}"
    temporary.mkdir()
    save_tree(temporary / "run.safetensors", run_tree, {"step": step})
    manifest = {
        "step": step,
        "sha256": _hash(temporary / "run.safetensors"),
        "tensors": read_shapes(temporary / "run.safetensors"),
        "versions": settings.versions(),
        "config": config,
    }
    (temporary / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    sync(temporary / "manifest.json")
    sync(temporary)
    if final.exists():  # a directory cannot be renamed over another; until the end `.old` is a checkpoint too
        _delete(directory / f"{step}.old")
        final.rename(directory / f"{step}.old")
    temporary.rename(final)
    sync(directory)
    older = [path for path in _newest_first(directory) if _step(path) < step]
    for path in set(_newest_first(directory)) - {final, *older[: keep - 1]}:
        _delete(path)
    return final


def latest_checkpoint(directory: str | Path) -> Path | None:
    """The latest whole checkpoint; None where there is none.

    What an interrupted write left is not looked at; a damaged checkpoint is passed over with a warning.
    """
    for path in _newest_first(Path(directory)):
        try:
            read_manifest(path)
        except ValueError as error:
            warnings.warn(f"{error} Falling back on the checkpoint before it.", stacklevel=2)
        else:
            return path
    return None


def load_checkpoint(path: str | Path, like: PyTree) -> tuple[PyTree, dict[str, Any]]:
    """`(run tree, manifest)` of a checkpoint, in the structure of `like`.

    Raises ValueError for a damaged checkpoint, and one that names the leaves that do not fit `like`.
    """
    manifest = read_manifest(path)
    return load_tree(Path(path) / "run.safetensors", like), manifest


def read_manifest(path: str | Path) -> dict[str, Any]:
    """The manifest of a whole checkpoint. Raises ValueError if its tensors are not what was written."""
    try:
        manifest = json.loads((Path(path) / "manifest.json").read_text())
        expected, found = manifest["sha256"], _hash(Path(path) / "run.safetensors")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"The checkpoint {path} is damaged ({type(error).__name__}: {error}).") from error
    if found != expected:
        raise ValueError(f"The checkpoint {path} is damaged (run.safetensors does not have its SHA-256).")
    return manifest


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _step(path: Path) -> int:
    return int(path.name.removesuffix(".old"))


def _newest_first(directory: Path) -> list[Path]:
    """What passes for a checkpoint by its name; a replaced one comes after the one that replaced it."""
    paths = [path for path in directory.glob("*") if re.fullmatch(r"\d+(\.old)?", path.name)]
    return sorted(paths, key=lambda path: (_step(path), path.suffix != ".old"), reverse=True)


def _delete(path: Path) -> None:
    """Make a checkpoint vanish at once, and then delete its files: interrupted, it is only a leftover."""
    if path.exists():
        shutil.rmtree(path.rename(path.with_name(f"{path.name}.tmp")))
