"""Checkpoints: all of a run as `checkpoints/<step>/`, whole or not there at all.

A directory holds `run.safetensors` and `manifest.json`. It is written under another name, brought to the
disk and renamed; only then are earlier ones deleted. Killed at any moment, the latest whole one remains.
Names of digits, with `.old` or `.tmp`, are ours: whatever else has one gives way, a link without what it leads to.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from operant import settings
from operant.engine.files import (
    ENVIRONMENTS,
    delete,
    load_tree,
    make_directory,
    read_arrays,
    read_shapes,
    save_tree,
    sync,
    writing,
)
from operant.fields import FileError, blamed, check, read_json
from operant.formats import MANIFEST
from operant.types import PyTree

FILES = RUN_FILE, MANIFEST_FILE = "run.safetensors", "manifest.json"
_OURS = re.compile(r"[0-9]+(\.old)?")  # the names of checkpoints


def save_checkpoint(
    directory: str | Path,
    step: int,
    run_tree: PyTree,
    config: dict[str, Any],
    keep: int,
    spare: int | None = None,
    environments: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write `directory/<step>/`, then delete all but the `keep` latest and that of step `spare`; returns the new path.

    One of the same step is replaced. Those of later steps, left from a course that was given up when an
    earlier one was resumed, are deleted too. `environments` are arrays of where these stand. Raises ValueError for
    `keep` below 1, TypeError for a `config` that JSON does not take, and DiskError, with what there was before still
    there, where there is no room.
    """
    size = sum(getattr(leaf, "nbytes", 8) for leaf in jax.tree.leaves(run_tree))

    def write(temporary: Path) -> None:
        _write(temporary, step, run_tree, config, environments or {})

    return _replace(Path(directory), step, size, write, keep, spare)


def read_files(path: str | Path) -> list[bytes]:
    """The files of a checkpoint, which `save_files` writes elsewhere."""
    return [(Path(path) / name).read_bytes() for name in FILES]


def save_files(directory: str | Path, step: int, files: Sequence[bytes | memoryview], keep: int) -> Path:
    """`save_checkpoint` of one that was written elsewhere, by its files."""

    def write(temporary: Path) -> None:
        for name, content in zip(FILES, files, strict=True):
            (temporary / name).write_bytes(content)
            sync(temporary / name)
        sync(temporary)

    return _replace(Path(directory), step, sum(map(len, files)), write, keep, None)


def _replace(
    directory: Path, step: int, size: int, write: Callable[[Path], None], keep: int, spare: int | None
) -> Path:
    """`directory/<step>/` as `write` fills it, in one step, and then without what is not kept."""
    if keep < 1:
        raise ValueError(f"keep must be at least 1, the checkpoint just written; got {keep}.")
    temporary, final = directory / f"{step}.tmp", directory / f"{step}"
    with writing(final, size):
        make_directory(directory)
        delete_leftovers(directory)
        temporary.mkdir()
        try:
            write(temporary)
            if os.path.lexists(final):  # no directory can be renamed over it; until the end `.old` is one too
                _delete(directory / f"{step}.old")
                final.rename(directory / f"{step}.old")
            temporary.rename(final)
        except Exception:
            shutil.rmtree(temporary, ignore_errors=True)  # it takes room that there may not be
            raise
        sync(directory)
    older = [path for path in _newest_first(directory) if _step(path) < step and path.is_dir()]
    for path in set(_newest_first(directory)) - {final, *older[: keep - 1]}:
        if path.name != str(spare):
            _delete(path)
    return final


def _write(
    directory: Path,
    step: int,
    run_tree: PyTree,
    config: dict[str, Any],
    environments: Mapping[str, np.ndarray],
) -> None:
    """Fill the directory of a checkpoint, and wait until all of it is on the disk."""
    tensors, manifest = directory / RUN_FILE, directory / MANIFEST_FILE
    besides = {f"{ENVIRONMENTS}{name}": array for name, array in environments.items()}
    content = {
        "step": step,
        "sha256": save_tree(tensors, run_tree, {"step": step}, besides),
        "tensors": read_shapes(tensors),
        "versions": settings.versions(),
        "config": config,
    }
    text = json.dumps(content, indent=2) + "\n"
    with writing(manifest, len(text)):
        manifest.write_text(text)
        sync(manifest)
    sync(directory)


def delete_leftovers(directory: Path) -> None:
    """Delete what a killed process was writing, or deleting, among checkpoints."""
    for path in directory.glob("*.tmp"):
        if _OURS.fullmatch(path.stem):
            _delete(path)


def latest_checkpoint(directory: str | Path) -> Path | None:
    """The latest whole checkpoint; None where there is none.

    What an interrupted write left is not looked at; a damaged checkpoint is passed over with a warning.
    """
    for path in _newest_first(Path(directory)):
        try:
            read_manifest(path)
        except FileError as error:
            warnings.warn(f"{error} Falling back on the checkpoint before it.", stacklevel=2)
        else:
            return path
    return None


def load_checkpoint(
    path: str | Path, like: PyTree, *, in_place: bool = False
) -> tuple[PyTree, dict[str, Any]]:
    """`(run tree, manifest)` of a checkpoint, in the structure of `like`, whose arrays are given up with `in_place`.

    Raises FileError for a damaged checkpoint, and one that names the leaves that do not fit `like`.
    """
    manifest = read_manifest(path)
    by = manifest.get("versions", {}).get("operant")
    return load_tree(Path(path) / RUN_FILE, like, by, in_place=in_place), manifest


def read_environments(path: str | Path) -> dict[str, np.ndarray]:
    """Where the environments of a checkpoint stood, as arrays by name; none where they were not stored."""
    return read_arrays(Path(path) / RUN_FILE, ENVIRONMENTS)


def read_manifest(path: str | Path) -> dict[str, Any]:
    """The manifest of a whole checkpoint. Raises FileError if its files are not what was written, of this step."""
    path = Path(path)
    try:
        with blamed():
            manifest = check(read_json(path / MANIFEST_FILE), MANIFEST)
            if _OURS.fullmatch(path.name) and manifest["step"] != _step(path):
                raise FileError(f"it is {manifest['step']}, in the directory {path.name}.", field="step")
        if _hash(path / RUN_FILE) != manifest["sha256"]:
            raise FileError(f"{RUN_FILE} does not have its SHA-256")
    except (OSError, FileError) as error:
        raise FileError(f"the checkpoint is damaged ({error}).", path) from error
    return manifest


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _step(path: Path) -> int:
    return int(path.name.removesuffix(".old"))


def _newest_first(directory: Path) -> list[Path]:
    """What passes for a checkpoint by its name; a replaced one comes after the one that replaced it."""
    paths = [path for path in directory.glob("*") if _OURS.fullmatch(path.name)]
    return sorted(paths, key=lambda path: (_step(path), path.suffix != ".old"), reverse=True)


def _delete(path: Path) -> None:
    """Make a checkpoint vanish at once, and then delete its files: interrupted, it is only a leftover.

    What cannot be deleted, somebody else's or opened by somebody on a shared disk, is said and left.
    """
    try:
        if path.is_dir() and not path.is_symlink() and path.suffix != ".tmp":
            path = path.rename(path.with_name(f"{path.name}.tmp"))
        delete(path)
    except OSError as error:
        warnings.warn(f"{path} is not needed any more and could not be deleted: {error}.", stacklevel=3)
