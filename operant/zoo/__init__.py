"""The zoo: what was measured, and trained models that come with operant. Nothing that is slow is imported.

A name such as `zoo:ppo/CartPole-v1` stands for the file of a model wherever the path of one is taken:
`operant.load("zoo:ppo/CartPole-v1")`, `operant watch zoo:ppo/CartPole-v1`. `operant.reproduce` trains one again.

`python -m tools.zoo` writes `zoo.json` from benchmarks/results/learning.json, and the models from their presets.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["PREFIX", "Entry", "Model", "entries", "entry", "is_name", "located"]

PREFIX = "zoo:"
FILE = Path(__file__).with_name("zoo.json")
MODELS = Path(__file__).with_name("models")

P = TypeVar("P")


@dataclass(frozen=True)
class Model:
    """A trained model: that of the first seed of the study, trained anew, whose score reached the study's threshold."""

    file: str  # in `MODELS`
    seed: int
    passed_over: Mapping[str, float]  # the mean returns of the seeds before it, which did not reach it
    mean: float  # return, over `episodes` that `evaluate` plays by default
    interval: tuple[float, float]  # 95 %, of the mean over episodes
    episodes: int
    bytes: int
    sha256: str
    processor: str  # that it was trained on, with `versions`: on another one the last bits may differ
    versions: Mapping[str, str]

    @property
    def path(self) -> Path:
        """The file: safetensors, as `agent.save` writes them."""
        return MODELS / self.file


@dataclass(frozen=True)
class Entry:
    """An algorithm in an environment, as it was measured; the numbers of seeds are in the order of `seeds`."""

    name: str  # without the prefix, such as ppo/CartPole-v1
    title: str
    algorithm: str
    environment: str
    preset: str  # auto: the environment's own
    values: Mapping[str, Any]  # hyperparameters that stand before those of the preset
    steps: int  # of each seed
    evaluate_every: int | None  # then the best model by these evaluations is the one that is scored
    seeds: tuple[int, ...]
    means: tuple[float, ...]  # each seed's mean return over 100 episodes
    iqm: float  # their interquartile mean
    interval: tuple[float, float]  # 95 %, of it
    threshold: float
    date: str
    command: str  # that trains all of the seeds
    model: Model | None  # None where none is shipped
    alone: bool = False  # whether each seed is trained by itself, as where workers play


def entries() -> dict[str, Entry]:
    """Everything that was measured, by name."""
    return dict(_read())


def entry(name: str) -> Entry:
    """What a name stands for, with or without `zoo:`. Raises ValueError, with the nearest name, for an unknown one."""
    bare = name.removeprefix(PREFIX)
    found = _read().get(bare)
    if found is None:
        raise ValueError(f"{name!r}: the zoo has no such name.{_nearest(bare)} `operant zoo` lists them.")
    return found


def is_name(path: Any) -> bool:
    """Whether this names something of the zoo instead of a file."""
    return isinstance(path, str | os.PathLike) and str(path).startswith(PREFIX)


def located(path: P) -> P | Path:
    """The file of a model that is named as `zoo:…`; any other path as it is.

    Raises ValueError for a name that the zoo has not, or has measured without shipping a model.
    """
    if not is_name(path):
        return path
    found = entry(str(path))
    if found.model is None:
        raise ValueError(
            f"{path}: it was measured, but its model is not shipped; `operant zoo reproduce {found.name}` trains one."
        )
    return found.model.path


def require_run(path: Any) -> None:
    """Raise ValueError for a name of the zoo, where a run is wanted: there are models in it."""
    if is_name(path):
        name = entry(str(path)).name
        raise ValueError(
            f"{path}: it is a model, and this takes the directory of a run; `operant zoo reproduce {name} --run-dir "
            "RUN` makes one."
        )


def _nearest(name: str) -> str:
    known = {each.lower(): each for each in _read()}
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f" Did you mean {PREFIX}{known[close[0]]}?" if close else ""


@cache
def _read() -> dict[str, Entry]:
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return {row["name"]: _entry(row) for row in rows}


def _entry(row: dict[str, Any]) -> Entry:
    values = {**row, **{name: tuple(row[name]) for name in ("seeds", "means", "interval")}}
    if (model := row["model"]) is not None:
        values["model"] = Model(**{**model, "interval": tuple(model["interval"])})
    return Entry(**values)
