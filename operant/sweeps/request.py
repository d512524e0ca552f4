"""What a sweep was asked for, as values that a file holds, and the algorithm and the environment of a trial."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np

from operant.fields import (
    COUNT,
    NUMBER,
    TABLE,
    TEXT,
    FileError,
    Kind,
    blamed,
    check,
    optional,
    several,
    whole,
)
from operant.formats import RUN
from operant.sweeps import samplers
from operant.sweeps.reading import nested
from operant.sweeps.space import Point, Space
from operant.version import __version__

FORMAT = "operant-sweep-1"
Scheduler = Literal["halving", "none", "population"]
FIRST_TEST_SEED = 1_000  # of seeds that no sweep sees
MOST_TRIALS = 100_000


@dataclass(frozen=True)
class Request:
    """Everything that a sweep was asked for; `sweep.json` holds it, so that it can be resumed.

    Raises ValueError naming the argument that is wrong, its value, and what is allowed.
    """

    algorithm: str
    environment: str | None  # its id; None for an object of the user's
    space: Space
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)  # those that all trials share
    curiosity: Mapping[str, Any] | None = None
    trials: int = 64
    seeds: tuple[int, ...] = (0,)  # of each trial
    seed: int = 0  # of the sampler
    total_timesteps: int = 100_000  # of a trial that is not stopped
    num_envs: int | None = None
    sampler: str = "random"
    scheduler: Scheduler = "halving"
    together: int = 64  # trials that are asked for, and train, together
    reduction_factor: int = 3  # η of successive halving
    min_timesteps: int | None = None  # that every trial trains for; None for a ninth
    interval: int | None = None  # steps between two exchanges of a population; None for a twentieth
    quantile: float = 0.2  # of a population that is replaced
    evaluation_episodes: int = 20
    test_seeds: tuple[int, ...] = ()  # on which the best is tried
    test_episodes: int = 100
    workers: int | None = None  # processes of Ray's that train the trials; None for this process
    checkpoint_seconds: float = 60.0  # at the least between two checkpoints
    backend: str = "auto"
    vectorization: str = "auto"
    wrappers: tuple[Any, ...] = ()
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    env_timeout: float | None = None
    modules: tuple[str, ...] = ()
    preset: str = "none"  # whose values are among those that all trials share

    def __post_init__(self) -> None:
        counts = {
            "trials": self.trials,
            "total_timesteps": self.total_timesteps,
            "num_envs": self.num_envs,
            "together": self.together,
            "min_timesteps": self.min_timesteps,
            "interval": self.interval,
            "evaluation_episodes": self.evaluation_episodes,
            "test_episodes": self.test_episodes,
            "workers": self.workers,
        }
        for name, value in counts.items():
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name}={value!r}: must be a whole number, at least 1.")
        if self.trials > MOST_TRIALS:
            raise ValueError(f"trials={self.trials}: must be at most {MOST_TRIALS:,}.")
        if not self.space.domains:
            raise ValueError(
                "there is nothing to sweep: give a hyperparameter several values, such as "
                "learning_rate='log:1e-4:1e-2' or gamma=[0.9, 0.99]."
            )
        if self.scheduler not in get_args(Scheduler):
            raise ValueError(
                f"scheduler={self.scheduler!r}: must be one of {', '.join(get_args(Scheduler))}."
            )
        if not isinstance(self.reduction_factor, int) or self.reduction_factor < 2:
            raise ValueError(
                f"reduction_factor={self.reduction_factor!r}: must be a whole number, at least 2."
            )
        if not 0 < self.quantile <= 0.5:
            raise ValueError(f"quantile={self.quantile!r}: must be above 0 and at most 0.5.")
        if self.scheduler == "population" and self.trials < 2:
            raise ValueError(f"trials={self.trials}: a population has at least 2.")
        if self.workers is not None and self.scheduler == "population":
            raise ValueError(
                f"workers={self.workers}: a population is one program, whose members copy each other. Leave it out."
            )
        if self.workers is not None and self.vectorization == "ray":
            raise ValueError(
                f"workers={self.workers}: each steps the environments of its trials by itself. Leave out "
                "vectorization='ray'."
            )
        seen = sorted(set(self.trained_seeds) & set(self.test_seeds))
        if seen:
            raise ValueError(
                f"test_seeds={seen[0]}: the sweep trains on this seed, so that its score says too much. Give others."
            )

    @property
    def trained_seeds(self) -> tuple[int, ...]:
        """All seeds that the sweep sees. Members of a population have seeds of their own."""
        if self.scheduler != "population":
            return self.seeds
        return tuple(seed for member in range(self.trials) for seed in self.seeds_of(member))

    def seeds_of(self, trial: int) -> tuple[int, ...]:
        """Those of a trial: the same for all trials, and others for each member of a population."""
        if self.scheduler != "population":
            return self.seeds
        count = len(self.seeds)
        return tuple(self.seeds[0] + trial * count + i for i in range(count))

    def values_at(self, point: Point) -> dict[str, Any]:
        """The hyperparameters of a trial that differ from the shared ones, by name."""
        return self.space.values(point)

    def num_envs_at(self, point: Point) -> int | None:
        """How many environments each learner of a trial steps."""
        return self.values_at(point).get("num_envs", self.num_envs)

    def all_values(self, point: Point | None) -> dict[str, Any]:
        """All hyperparameters of a trial, a network's in a dict; without a point, those that all trials share."""
        from operant.algorithms.registry import overlaid

        own = {} if point is None else nested(self.values_at(point))
        own.pop("num_envs", None)
        return overlaid(self.hyperparameters, own)

    def algorithm_at(self, point: Point | None) -> Any:
        """The algorithm of a trial. Raises ValueError naming the hyperparameter that is wrong."""
        return self.algorithm_of(self.all_values(point))

    def algorithm_of(self, values: Mapping[str, Any]) -> Any:
        """The algorithm with these hyperparameters. Raises ValueError naming the one that is wrong."""
        from operant.algorithms import registry
        from operant.curiosity import make_curious

        built = registry.build(registry.algorithm(self.algorithm), values, others=("num_envs",))
        return make_curious(built, self.curiosity)

    def source(self, env: Any = None) -> Any:
        """The environment, which is an object where the user gave one."""
        from operant.envs.source import Source
        from operant.envs.wrappers.registry import as_wrappers

        if env is None and self.environment is None:
            raise ValueError("The environment was an object of yours: pass it again as env=….")
        return Source.of(
            self.environment if env is None else env,
            backend=self.backend,
            vectorization=self.vectorization,
            wrappers=as_wrappers(self.wrappers),
            env_kwargs=self.env_kwargs,
            env_timeout=self.env_timeout,
        )

    def sampled(self, sampler: Any = None) -> samplers.Sampler:
        """The sampler, which is an object of Optuna's where the user gave one."""
        return samplers.make(sampler or self.sampler, self.space, self.seed, self.trials)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        listed = {name: list(values[name]) for name in _LISTED}
        return {"format": FORMAT, RUN: __version__, **values, **listed, "space": self.space.to_json()}

    @classmethod
    def from_json(cls, values: Any, path: Any = None) -> Request:
        """What `to_json` wrote. Raises FileError naming the field that is wrong."""
        with blamed(path):
            found = values.get("format") if isinstance(values, dict) else None
            if found != FORMAT:
                raise FileError(f"it is no sweep of operant's (format {found!r}, not {FORMAT!r}).")
            check(values, _KINDS)
            known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
            with blamed(field="space"):
                known["space"] = Space.from_json(values["space"])
            for name in _LISTED:
                known[name] = tuple(known[name])
            return cls(**known)


_LISTED = ("seeds", "test_seeds", "wrappers", "modules")
_NUMBERS = optional(COUNT)
_KINDS: dict[str, Kind] = {
    "algorithm": TEXT,
    "environment": optional(TEXT),
    "space": TABLE,
    "hyperparameters": TABLE,
    "curiosity": optional(TABLE),
    "trials": COUNT,
    "seeds": several(whole(), at_least=1),
    "seed": whole(),
    "total_timesteps": whole(1, 2**31 - 1),
    "num_envs": _NUMBERS,
    "sampler": TEXT,
    "scheduler": TEXT,
    "together": COUNT,
    "reduction_factor": COUNT,
    "min_timesteps": _NUMBERS,
    "interval": _NUMBERS,
    "quantile": NUMBER,
    "evaluation_episodes": COUNT,
    "test_seeds": several(whole()),
    "test_episodes": COUNT,
    "workers": optional(COUNT),
    "checkpoint_seconds": NUMBER,
    "backend": TEXT,
    "vectorization": TEXT,
    "wrappers": several(Kind("a wrapper", lambda x: isinstance(x, str | dict))),
    "env_kwargs": TABLE,
    "env_timeout": optional(NUMBER),
    "modules": several(TEXT),
    "preset": TEXT,
}


def plain(name: str, value: Any) -> Any:
    """A value as JSON has it. Raises ValueError, naming it, for an object that no file can hold."""
    from operant.networks import Network
    from operant.ops.schedules import Schedule

    if isinstance(value, Network):
        value = dataclasses.asdict(value)
    elif isinstance(value, Schedule):
        value = str(value)
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {key: plain(f"{name}.{key}", each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(name, each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}={value!r}: must be a number.")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(
        f"{name}={value!r}: a sweep writes down all that it is asked for, and no file holds this."
    )
