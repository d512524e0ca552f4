"""Frozen trees of an algorithm in files: once in a model file, and once in a run's directory for all checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.files import read_array, read_shapes, save_tree
from operant.engine.run_directory import RunDirectory
from operant.fields import FileError, blamed
from operant.frozen import ARRAYS, Frozen, fields_of

FILE = "frozen.safetensors"  # in a run's directory


def arrays_of(algorithm: Algorithm) -> dict[str, Any]:
    """The arrays of all its frozen trees, by their names in a file."""
    return {
        f"{ARRAYS}{field}/{name}": array
        for field, frozen in fields_of(algorithm.innermost).items()
        for name, array in frozen.arrays.items()
    }


def write(algorithm: Algorithm, directory: RunDirectory) -> None:
    """Write those of a run, next to its configuration; nothing where it has none."""
    if arrays := arrays_of(algorithm):
        save_tree(directory.path / FILE, {}, {}, arrays)


def restored(
    path: Path, config: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`(config, given)` with frozen trees in place of what a file's configuration says of them.

    Their arrays are in the file itself or in that of its run. A tree that is `given` says the structure.

    Raises ValueError where the file does not say the structure and none is given, FileError where no arrays are there.
    """
    given = dict(given)

    def found(stored: Any, field: str) -> Any:
        if not isinstance(stored, Mapping):
            return stored
        if "frozen" not in stored:  # of a network its parts are looked at, and not what is in these
            inner = "." not in field
            return {name: found(x, f"{field}.{name}") for name, x in stored.items()} if inner else stored
        with blamed(path, f"config.hyperparameters.{field}"):
            sha256, structure, own = stored["frozen"], stored.get("structure"), given.get(field)
            if not isinstance(sha256, str):
                raise FileError(f"its SHA-256 is {sha256!r}.")
            arrays = _read(path, field)
        if isinstance(own, Frozen):
            return given.pop(field).filled(arrays, sha256)
        if structure is None:
            raise ValueError(
                f"{field} was a Frozen of modules of yours: pass one of the same structure again as {field}=… (to "
                f"resume, frozen={{{field!r}: …}}); its numbers come from the file."
            )
        with blamed(path, f"config.hyperparameters.{field}"):
            return Frozen.of_structure(structure, arrays, sha256)

    hyperparameters = {field: found(stored, field) for field, stored in config["hyperparameters"].items()}
    return {**config, "hyperparameters": hyperparameters}, given


def _read(path: Path, field: str) -> dict[str, np.ndarray]:
    """The arrays of one field, by their names in its tree."""
    beginning = f"{ARRAYS}{field}/"
    for file in _places(path):
        names = [name for name in read_shapes(file) if name.startswith(beginning)]
        if names:
            return {name.removeprefix(beginning): read_array(file, name) for name in names}
    raise FileError(
        f"its arrays are missing: they are in {FILE} of the run. Copy that to where this file is."
    )


def _places(path: Path) -> Iterator[Path]:
    if path.suffix != ".json":
        yield path
    for directory in (path.parent, path.parent.parent):
        if (directory / FILE).is_file():
            yield directory / FILE
