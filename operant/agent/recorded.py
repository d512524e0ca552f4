"""The dataset that an agent learns from instead of playing: read when it is first needed, and named in its files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from operant.algorithms.base import Algorithm
from operant.engine.dataset_batches import updates_per_epoch
from operant.engine.demonstrations import DatasetError, Demonstrations, Stream, read
from operant.envs.source import Source
from operant.envs.stored import NoEnvironment, StoredSource
from operant.plans import Dataset
from operant.types import EnvSpec


class Recorded:
    """What was given as `dataset=…`, or what a file says of it."""

    def __init__(self, given: Any, stored: Mapping[str, Any] | None = None) -> None:
        self.given = str(given) if isinstance(given, Path) else given
        self.algorithm: Algorithm | None = None  # which may read it in a way of its own
        self.spec: EnvSpec | None = None  # of the environment that was named, if one was
        self._stored = stored  # by a run that goes on, whose dataset must be the same

    @classmethod
    def of(cls, given: Any) -> Recorded:
        """What a user hands in; what is recorded already stays what it is."""
        return given if isinstance(given, Recorded) else cls(given)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Recorded:
        """The dataset that a file names, which is read when it is learnt from."""
        return cls(stored.get("path"), stored)

    def __str__(self) -> str:
        return self.given if isinstance(self.given, str) else "a dataset"

    @cached_property
    def data(self) -> Demonstrations | Stream:
        """The dataset itself. Raises DatasetError for what cannot be learnt from, or is not what a run began with."""
        if self.given is None:
            raise DatasetError(
                "The dataset was an object of yours, which no file can hold: pass it again as dataset=…."
            )
        own = None if self.algorithm is None else self.algorithm.read_dataset(self.given)
        data = read(self.given, self.spec) if own is None else Demonstrations(*own)
        if self._stored and isinstance(data, Demonstrations) and self._stored.get("sha256") != data.digest:
            raise DatasetError(
                f"dataset {data.name}: it has {len(data):,} steps and is not the one that training began with, which "
                f"had {self._stored.get('steps')}. Put that back, or begin a new run."
            )
        return data

    @property
    def is_known(self) -> bool:
        """Whether it has to be looked at now: what a file names is left alone until it is learnt from."""
        return self._stored is None

    def to_json(self) -> dict[str, Any]:
        """What a file says of it."""
        if self._stored is not None:
            return dict(self._stored)
        data, path = self.data, self.given if isinstance(self.given, str) else None
        if isinstance(data, Stream):
            return {"path": None, "steps": None, "sha256": None}
        return {"path": path, "steps": len(data), "sha256": data.digest}


def require_dataset(algorithm: Algorithm, dataset: Any, env: Any, num_envs: int | None) -> Recorded | None:
    """The dataset that an algorithm learns from; None for one that plays.

    Raises ValueError where there is none and must be one, or the other way round.
    """
    offline = algorithm.experience.offline
    if not offline and dataset is not None:
        raise ValueError(
            f"dataset={_brief(dataset)}: {algorithm.name} learns from what it does itself. Leave it out, or take an "
            "algorithm that learns from datasets, such as BC."
        )
    if not offline:
        if env is None:
            raise ValueError(f"{algorithm.name} needs an environment to learn in.")
        return None
    if dataset is None:
        raise ValueError(f"{algorithm.name} learns from a dataset: give it, dataset=… (--dataset).")
    if num_envs not in (None, 1):
        raise ValueError(f"num_envs={num_envs}: {algorithm.name} steps no environment. Leave it out.")
    recorded = Recorded.of(dataset)
    recorded.algorithm = algorithm
    return recorded


def source_of(recorded: Recorded | None, env: Any, **values: Any) -> Source:
    """The environment that was named, or of a dataset alone one that cannot be played. Raises DatasetError where a
    dataset that is to be learnt from does not fit it.
    """
    if recorded is None:
        return Source.of(env, **values)
    if env is None:
        spec = recorded.data.spec
        return StoredSource(NoEnvironment(spec.id), stored=spec)
    source = Source.of(env, **values)
    recorded.spec = source.spec
    if recorded.is_known:
        recorded.data  # noqa: B018 (it is looked at now, so that what is wrong with it is said at once)
    return source


def updates_of(algorithm: Algorithm, recorded: Recorded | None, epochs: int) -> int:
    """Updates of this number of epochs. Raises ValueError where there are none: of what plays, and of streams."""
    plan = algorithm.experience
    if recorded is None or not isinstance(plan, Dataset):
        raise ValueError(
            f"epochs={epochs}: {algorithm.name} learns from what it does itself. Say total_timesteps=…."
        )
    data = recorded.data
    if isinstance(data, Stream):
        raise ValueError(
            f"epochs={epochs}: nobody knows how many batches a stream has. Say the number of updates, "
            "total_timesteps=…."
        )
    return epochs * updates_per_epoch(plan, int((~data.held_out(plan.validation_fraction)).sum()))


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"<{type(value).__name__}>"
