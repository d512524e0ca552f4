"""How to sweep, as flags; the docstrings of the fields are their help. Nothing here needs JAX."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal

import tyro

from operant.cli.training import (
    Seeds,
    at_least_one,
    require_countable,
    require_ray,
    require_scores,
    require_seeds,
    require_timeout,
)
from operant.sweeps import samplers
from operant.sweeps.reading import read, sweepable, swept
from operant.sweeps.space import Domain, Space


@dataclasses.dataclass(frozen=True)
class Sweeping:
    """How to sweep, for every algorithm."""

    environment: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENVIRONMENT")]
    """Any Gymnasium id; see `operant environments`."""
    trials: int | None = None
    """How many trials; none: 64, or of a grid of listed values all. Of a population, its members (none: 20)."""
    seeds: Seeds = 1
    """Learners of each trial, with seeds from --seed upwards; or the seeds, as in 3,5,9. A score is their mean."""
    seed: int = 0
    """The first seed of training, and the seed of the sampler."""
    total_timesteps: int = 100_000
    """Environment steps of each learner of a trial that is not stopped early."""
    sampler: Literal["auto", "random", "grid", "tpe", "gp", "cmaes", "nsgaii", "qmc"] = "auto"
    """Where the next trials lie: random, grid, or a sampler of Optuna's (extra: sweep); auto: tpe where that is
    installed, and random otherwise."""
    scheduler: Literal["halving", "none", "population"] = "halving"
    """halving: go on with the better third at a ninth and at a third of training; none: train all to the end;
    population: population-based training, in which the worst copy the best."""
    together: int | None = None
    """Trials that are asked for, and train, together; none: all, and of a sampler that learns a quarter."""
    reduction_factor: int = 3
    """η: of this many trials successive halving lets one go on."""
    min_timesteps: int | None = None
    """Environment steps before successive halving stops any trial; none: a ninth of --total-timesteps."""
    interval: int | None = None
    """Environment steps after which members of a population copy each other; none: a twentieth."""
    quantile: float = 0.2
    """The share of a population that copies one of the best, which are as many."""
    evaluation_episodes: int = 20
    """Episodes of the deterministic policy by which each learner is scored."""
    test_seeds: Seeds = 10
    """Seeds from 1,000 upwards on which the best values are tried in the end, or which; 0: none."""
    test_episodes: int = 100
    """Episodes of that score."""
    workers: int | None = None
    """Processes that train the trials, each a part of them, on this machine or on those of a Ray cluster (extra:
    distributed); none: this one process. See docs/sweeps.md."""
    ray_address: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """The Ray cluster where workers are: auto (the one that this machine is part of) or HOST:PORT. none: the one in
    the variable RAY_ADDRESS, or else Ray on this machine alone."""
    num_envs: int | None = None
    """Environments stepped together, for each learner; none: the algorithm's own number."""
    backend: Literal["auto", "native", "gymnasium"] = "auto"
    """native: operant's own version of the environment, on the device; gymnasium: Gymnasium's, in Python; auto: native
    if there is one."""
    vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto"
    """How the gymnasium backend steps several environments."""
    env_timeout: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """Time limit of an environment's step or reset, in seconds."""
    env_kwargs: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE…")] = ()
    """Keyword arguments of the environment, such as is_slippery=false map_name=8x8."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around the environment, the innermost first, such as repeat:4 frame-stack:4; see docs/wrappers.md."""
    modules: Annotated[tuple[str, ...], tyro.conf.arg(name="import", metavar="MODULE…")] = ()
    """Python modules that register environments; they may lie in the current folder."""
    curiosity: Literal["none", "counts", "icm", "preferences", "rnd"] = "none"
    """An intrinsic reward for novelty, with values that all trials share."""
    preset: str = "auto"
    """Hyperparameters that all trials share, as for `operant train`: auto, a name, none, or your own FILE.toml."""
    run_dir: str | None = None
    """Directory for all files of the sweep; none: runs/sweep-ALGORITHM-ENVIRONMENT-N."""
    overwrite: bool = False
    """Replace a sweep that is already in the directory."""
    progress: bool = True
    """Show a table and a progress bar."""
    pictures: bool = True
    """Draw parallel coordinates, the curves of all trials, and what each hyperparameter explains."""

    def require_valid(self) -> None:
        """Raise ValueError naming the first flag with a value that is not allowed."""
        at_least_one(
            trials=self.trials,
            seeds=self.seeds if isinstance(self.seeds, int) else None,
            total_timesteps=self.total_timesteps,
            together=self.together,
            min_timesteps=self.min_timesteps,
            interval=self.interval,
            evaluation_episodes=self.evaluation_episodes,
            test_episodes=self.test_episodes,
            workers=self.workers,
            num_envs=self.num_envs,
        )
        if self.workers is None and self.ray_address is not None:
            raise ValueError(
                f"--ray-address {self.ray_address}: it is where workers train the trials: add --workers."
            )
        require_ray(None, self.vectorization, self.ray_address)
        if self.workers is not None and find_spec("ray") is None:
            raise ValueError(
                f"--workers {self.workers}: needs an extra: pip install 'operant-rl[distributed]'."
            )
        if self.seeds is None:
            raise ValueError("--seeds none: a trial has at least one learner.")
        require_countable(self.total_timesteps)
        require_timeout(self.env_timeout)
        require_scores(evaluation_episodes=self.evaluation_episodes, test_episodes=self.test_episodes)
        require_seeds("seed", [self.seed])
        for flag, seeds in (("seeds", self.seeds), ("test-seeds", self.test_seeds)):
            require_seeds(flag, seeds if isinstance(seeds, tuple) else ())
        if self.run_dir is not None and not self.run_dir.strip():
            raise ValueError(f"--run-dir {self.run_dir!r}: must name a directory.")
        if self.sampler not in ("auto", *samplers.OWN):
            samplers.require_optuna(self.sampler)


def taken(algorithm: str, arguments: Sequence[str]) -> tuple[Space, list[str]]:
    """`(the space, the other arguments)`: flags of hyperparameters with several values are no flags of one value.

    Raises ValueError naming the flag where its values cannot be read.
    """
    known = swept(algorithm)
    domains: dict[str, Domain] = {}
    rest: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or name not in known or not sweepable(known[name].hint):
            rest.append(word)
            continue
        text = value if equals else words[0] if words else ""
        found: Any = read(name, text, known[name].hint) if {",", ":"} & set(text) else None
        if isinstance(found, Domain):
            domains[name] = found
            if not equals:
                words.pop(0)
        else:
            rest.append(word)
    return Space(domains), rest
