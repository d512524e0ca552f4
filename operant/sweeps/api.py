"""`operant.sweep(…)` and `operant.resume_sweep(…)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from operant import presets
from operant.algorithms import registry
from operant.curiosity import curiosity as as_curiosity
from operant.curiosity import to_json as curiosity_to_json
from operant.engine.run_directory import default_run_path
from operant.envs.ids import resolve
from operant.envs.wrappers.registry import as_wrappers
from operant.envs.wrappers.registry import to_json as wrapper_to_json
from operant.sweeps.asking import prepared, request_of
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.finishing import run
from operant.sweeps.reading import parted
from operant.sweeps.request import Scheduler
from operant.sweeps.results import SweepResults

__all__ = ["SweepResults", "resume_sweep", "sweep"]


def sweep(
    algorithm: str,
    env: Any,
    *,
    trials: int | None = None,
    seeds: int | Sequence[int] = 1,
    seed: int = 0,
    total_timesteps: float | None = None,
    sampler: Any = None,
    scheduler: Scheduler = "halving",
    together: int | None = None,
    reduction_factor: int = 3,
    min_timesteps: int | None = None,
    interval: int | None = None,
    quantile: float = 0.2,
    evaluation_episodes: int = 20,
    test_seeds: int | Sequence[int] = 10,
    test_episodes: int = 100,
    workers: int | None = None,
    ray_address: str | None = None,
    num_envs: Any = None,
    backend: str = "auto",
    vectorization: str = "auto",
    wrappers: Any = (),
    env_kwargs: Mapping[str, Any] | None = None,
    env_timeout: float | None = None,
    curiosity: Any = None,
    preset: str | None = "auto",
    run_dir: str | Path | None = None,
    overwrite: bool = False,
    pictures: bool = True,
    progress_bar: bool = True,
    **hyperparameters: Any,
) -> SweepResults:
    """Try many values of hyperparameters, the trials of one program together, and the best on seeds never seen.

        operant.sweep("ppo", "CartPole-v1", learning_rate="log:1e-4:1e-2", gamma=[0.9, 0.99], trials=64, seeds=3)

    A hyperparameter is given a range, `"log:1e-4:1e-2"` or `"0.9:0.99"`, choices, `[0.9, 0.99]` or `"0.9,0.99"`, a
    schedule with a range in it, `"linear:log:1e-4:1e-2:0"`, or one value, which all trials share.

    Args:
        algorithm: Its name, such as "ppo".
        env: A Gymnasium id, a callable that makes an environment, or a native one.
        trials: How many are tried; by default 64, or the whole grid. Of a population, its members.
        seeds: How many learners each trial has, with seeds from `seed` upwards, or which. A score is their mean.
        seed: The first seed, and that of the sampler.
        total_timesteps: Environment steps of each learner of a trial that is not stopped early; by default those of
            the preset.
        sampler: "random", "grid", or of Optuna's (extra `sweep`) "tpe", "gp", "cmaes", "nsgaii", "qmc", or a sampler
            object of it. By default TPE where Optuna is installed, and random otherwise.
        scheduler: "halving" goes on with the better third of the trials at a ninth and at a third of training; "none"
            trains all to the end; "population" is population-based training.
        together: Trials that are asked for, and train, together: a sampler that learns has seen all earlier ones. By
            default all of them, and of a sampler that learns a quarter.
        reduction_factor: η: of this many trials successive halving lets one go on.
        min_timesteps: Environment steps before successive halving stops any trial.
        interval: Environment steps after which members of a population copy each other; by default a twentieth.
        quantile: The share of a population that copies one of the best, which are as many.
        evaluation_episodes: Episodes that a learner is scored by, of the deterministic policy.
        test_seeds: How many seeds from 1,000 upwards the best values are tried on in the end, or which; 0 for none.
        test_episodes: Episodes of that score.
        workers: Processes that train the trials, each a part of them, on this machine or a cluster (extra
            `distributed`); by default this one process does.
        ray_address: The Ray cluster where workers are, as "auto" or "HOST:PORT"; by default that of `RAY_ADDRESS`, or
            else this machine alone.
        num_envs: Environments of each learner; it may be swept as well.
        curiosity: As for `operant.make`; its values are shared by all trials.
        preset: Hyperparameters that all trials share, as for `operant.make`.
        run_dir: Where all is kept: `operant.resume_sweep(run_dir)` goes on after an interruption; by default
            `runs/sweep-ppo-CartPole-v1-1` and so on.
        overwrite: Whether a sweep that is already there may be deleted.
        pictures: Whether parallel coordinates, curves and importance are drawn into the directory.
        progress_bar: Whether to show how far it is.
        hyperparameters: What is swept, and values that all trials share.

    The other arguments are those of `Agent`. Raises ValueError naming what is wrong; for an unknown hyperparameter it
    offers the nearest.
    """
    named = resolve(env)
    fields = registry.algorithm(algorithm).__dataclass_fields__
    found = presets.find(algorithm, named, preset)
    known = registry.overlaid(registry.defaults(algorithm), found)
    tuned = known.pop("curiosity", {})
    if isinstance(curiosity, str):
        curiosity = {"name": curiosity, **tuned.get(curiosity, {})}
    if num_envs is not None:
        hyperparameters["num_envs"] = num_envs
    space, fixed = parted(algorithm, hyperparameters)
    shared = registry.overlaid(known, fixed)
    steps = shared.pop("total_timesteps", 100_000)
    around = as_wrappers(wrappers or shared.pop("wrappers", ()))
    request = request_of(
        algorithm,
        named,
        space,
        {name: value for name, value in shared.items() if name in fields},
        num_envs=shared.get("num_envs"),
        curiosity=curiosity_to_json(as_curiosity(curiosity)),
        wrappers=tuple(map(wrapper_to_json, around)),
        env_kwargs=env_kwargs if env_kwargs is not None else shared.get("env_kwargs", {}),
        preset="plain defaults" if not found else f"{algorithm}/{presets.chosen(algorithm, named, preset)}",
        trials=trials,
        seeds=seeds,
        seed=seed,
        total_timesteps=int(total_timesteps or steps),
        sampler=sampler,
        scheduler=scheduler,
        together=together,
        reduction_factor=reduction_factor,
        min_timesteps=min_timesteps,
        interval=interval,
        quantile=quantile,
        evaluation_episodes=evaluation_episodes,
        test_seeds=test_seeds,
        test_episodes=test_episodes,
        workers=_workers(workers, ray_address),
        backend=backend,
        vectorization=vectorization,
        env_timeout=env_timeout,
    )
    given = None if isinstance(env, str) else env
    source = prepared(request, given, sampler)
    path = Path(run_dir) if run_dir is not None else default_run_path(f"sweep-{algorithm}", source.id)
    directory = SweepDirectory(path)
    with directory.held():
        SweepDirectory.create(path, request, overwrite=overwrite)
        how: Any = {"pictures": pictures, "progress_bar": progress_bar, "ray_address": ray_address}
        return run(directory, request, source, given, sampler, **how)


def resume_sweep(
    run_dir: str | Path,
    *,
    env: Any = None,
    sampler: Any = None,
    ray_address: str | None = None,
    pictures: bool = True,
    progress_bar: bool = True,
) -> SweepResults:
    """Go on with a sweep where it was interrupted; what is done is not done again.

    `env` and `sampler` are needed where these were objects of yours. A sweep with workers has as many as before, on the
    cluster at `ray_address`. Of a sweep that is at its end, the results.
    """
    directory = SweepDirectory.open(run_dir)
    request = directory.request()
    with directory.held():
        source = prepared(request, env, sampler)
        how: Any = {"pictures": pictures, "progress_bar": progress_bar, "ray_address": ray_address}
        return run(directory, request, source, env, sampler, **how)


def _workers(workers: int | None, ray_address: str | None) -> int | None:
    """As many as were asked for. Raises ValueError for an address where nobody works."""
    if workers is None and ray_address is not None:
        raise ValueError(
            f"ray_address={ray_address!r}: it is where workers train the trials: add workers=…, how many."
        )
    return workers
