"""Datasets on disk: Minari's, and .npz files of arrays. Nothing in them is executed."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from operant.engine.dataset_spaces import DatasetError, described
from operant.engine.demonstrations import (
    FORMS,
    UNNAMED,
    Demonstrations,
    from_arrays,
    require_fitting,
    to_steps,
)
from operant.types import EnvSpec, PyTree

DATA = "main_data.hdf5"  # Minari's file, in the folder `data` of a dataset


def read_file(given: str | Path, spec: EnvSpec | None = None) -> Demonstrations:
    """The dataset of a .npz file, of the folder of a Minari dataset, or of the id of one on this machine.

    Raises DatasetError naming what is wrong and what to do; ImportError for Minari's without the extra.
    """
    path = Path(given)
    if path.is_file():
        return _from_npz(path, spec)
    for folder in (path, path / "data"):
        if (folder / DATA).is_file():
            return from_minari(_opened(folder, str(given)), spec, str(given))
    if path.is_dir():
        raise DatasetError(
            f"dataset {given}: a folder without {DATA}, which Minari's have. It must be {FORMS}."
        )
    return from_minari(_by_id(str(given)), spec, str(given))


def from_minari(dataset: Any, spec: EnvSpec | None = None, name: str | None = None) -> Demonstrations:
    """The episodes of a `minari.MinariDataset`, in its own spaces, which must be those of `spec`, if it is given."""
    name = f"dataset {name or dataset.spec.dataset_id}"
    kinds = dataset.observation_space, dataset.action_space
    try:
        own = described(_environment(dataset), kinds)
    except ValueError as error:
        raise DatasetError(f"{name}: {error}") from error
    if spec is not None:
        require_fitting(name, own, spec)
    episodes = [each for each in dataset.iterate_episodes() if len(each)]
    if not episodes:
        raise DatasetError(f"{name}: there is not one step in it.")
    ends = np.cumsum([len(each) for each in episodes]) - 1
    truncations = np.concatenate([each.truncations for each in episodes]).astype(bool)
    terminations = np.concatenate([each.terminations for each in episodes]).astype(bool)
    truncations[ends] |= ~terminations[ends]  # what was cut off there, too
    steps = to_steps(
        name,
        kinds,
        observations=_joined(kinds[0], [(each.observations, len(each)) for each in episodes]),
        actions=_joined(kinds[1], [(each.actions, len(each)) for each in episodes]),
        terminations=terminations,
        truncations=truncations,
        rewards=np.concatenate([each.rewards for each in episodes]),
    )
    return Demonstrations(name, spec or own, steps)


def _joined(space: gym.Space, episodes: Sequence[tuple[Any, int]]) -> PyTree:
    """The first rows of each episode, as many as it has, one after another."""
    if isinstance(space, gym.spaces.Dict):
        return {
            key: _joined(part, [(rows[key], count) for rows, count in episodes])
            for key, part in space.items()
        }
    if isinstance(space, gym.spaces.Tuple):
        return tuple(
            _joined(part, [(rows[i], count) for rows, count in episodes])
            for i, part in enumerate(space.spaces)
        )
    return np.concatenate([np.asarray(rows)[:count] for rows, count in episodes])


def _environment(dataset: Any) -> str:
    """The id of the environment that it was recorded in, where it says so."""
    return UNNAMED if dataset.env_spec is None else dataset.env_spec.id


def _from_npz(path: Path, spec: EnvSpec | None) -> Demonstrations:
    name = f"dataset {path}"
    try:
        file = np.load(path, allow_pickle=False)
        arrays = None if isinstance(file, np.ndarray) else {key: file[key] for key in file.files}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        why = "it holds Python objects, which are not loaded" if "allow_pickle" in str(error) else error
        raise DatasetError(f"{name}: it cannot be read as a .npz file of numbers ({why}).") from error
    if arrays is None:
        raise DatasetError(f"{name}: one array only; a .npz file holds observations and actions.")
    found = from_arrays(name, arrays, spec)
    return replace(found, spec=replace(found.spec, id=path.stem)) if spec is None else found


def _minari() -> Any:
    try:
        import h5py  # noqa: F401 (Minari misses it only when it reads)
        import minari
    except ImportError as error:
        raise ImportError("A Minari dataset needs an extra: pip install 'operant-rl[minari]'.") from error
    return minari


def _opened(folder: Path, name: str) -> Any:
    minari = _minari()
    try:
        return minari.MinariDataset(folder)
    except Exception as error:  # of whatever is in the file
        raise DatasetError(f"dataset {name}: Minari cannot read it ({error}).") from error


def _by_id(name: str) -> Any:
    """Of those on this machine; nothing is downloaded."""
    missing = f"dataset {name}: there is no such file or folder"
    try:
        minari = _minari()
    except ImportError as error:
        raise DatasetError(
            f"{missing}; to look for it among Minari's: pip install 'operant-rl[minari]'."
        ) from error
    try:
        return minari.load_dataset(name, download=False)
    except Exception as error:
        raise DatasetError(
            f"{missing}, and no Minari dataset of this id on this machine (`minari list local`; `minari download ID` "
            "fetches one)."
        ) from error
