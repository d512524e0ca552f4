"""What users ask of several devices, workers and processes, looked at before anything is done with it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from operant.agent.inputs import number_of_learners
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import Algorithm
from operant.engine import devices as shared
from operant.engine import processes
from operant.engine.asynchronous.workers import Workers
from operant.envs.source import Source
from operant.plans import Experience


def require_asynchronous(algorithm: Algorithm, source: Source, recorded: bool) -> None:
    """Raise ValueError, with what to do, where environments cannot go on while something is learnt."""
    plan = algorithm.experience
    if recorded or plan.offline:
        raise ValueError(f"async_collect=True: {algorithm.name} learns from a dataset. Leave it out.")
    if source.native is not None:
        raise ValueError(
            f"async_collect=True: {source.id} is trained on natively, in one program that waits for nobody. Leave it "
            "out, or set backend='gymnasium'."
        )
    if plan.whole_episodes or not algorithm.learns_from_older:
        raise ValueError(
            f"async_collect=True: {algorithm.name} learns from its newest policy alone. Leave it out, or take PPO or "
            "IMPALA, which account for an older one, PQN, or what learns from replay."
        )


def say_nothing_overlaps(
    async_collect: bool, workers: Workers | None, plan: Experience, num_envs: int, chunk: int
) -> None:
    """Warn where every iteration is a row of metrics by itself, for which no experience is collected ahead."""
    asked = "async_collect=True" if async_collect else f"fixed_lag={workers and workers.fixed_lag}"
    if chunk == 1 and (async_collect or (workers and workers.fixed_lag)):
        each = plan.steps_per_iteration(num_envs)
        warnings.warn(
            f"{asked} does nothing: environments wait for the end of each row of metrics, and a row is one "
            f"iteration of {each:,} steps. Set log_interval to several times that.",
            TrainingWarning,
            stacklevel=3,
        )


def require_devices(
    devices: int | None,
    seeds: int | Sequence[int] | None,
    num_envs: int,
    name: str,
    recorded: bool,
) -> None:
    """Raise ValueError, with what to do, where these devices cannot train this together."""
    learners = None if seeds is None else number_of_learners(seeds)
    if devices is None or devices == 1:  # several processes are looked at where training begins
        return
    shared.require(devices, learners, None if recorded else num_envs)
    if recorded and (divided := shared.shape_of(devices, learners))[1] > 1:
        raise ValueError(
            f"devices={devices}: {name} learns from a dataset, which is divided among seeds only. Set devices="
            f"{divided[0]}, or seeds to a multiple of {devices}."
        )


def require_workers(
    workers: Workers,
    algorithm: Algorithm,
    source: Source,
    several: bool = False,
    recorded: bool = False,
    async_collect: bool = False,
    devices: int | None = None,
) -> None:
    """Raise ValueError, with what to do, where workers cannot play for a learner."""
    asked, plan = f"workers={workers.count}", algorithm.experience
    if recorded or plan.offline:
        raise ValueError(f"{asked}: {algorithm.name} learns from a dataset. Leave it out.")
    if plan.whole_episodes or plan.replay is not None or not algorithm.learns_from_older:
        raise ValueError(
            f"{asked}: {algorithm.name} does not learn from rollouts of older policies. Leave it out, or take IMPALA, "
            "APPO, A3C, PPO or PQN."
        )
    if algorithm.innermost is not algorithm:
        raise ValueError(
            f"{asked}: {algorithm.name} keeps returns of all environments, and learns from those of one worker at a "
            "time. Leave one of them out."
        )
    if several:
        raise ValueError(
            f"{asked}: several seeds are trained in one program. Train them in runs of their own, or set workers=0."
        )
    if async_collect:
        raise ValueError(f"{asked}: workers go on while something is learnt. Leave out async_collect.")
    if devices not in (None, 1) or processes.count() > 1:
        raise ValueError(f"{asked}: there is one learner, on one device. Leave out devices, or workers.")
    if workers.kind == "ray" and source.vectorization == "ray":
        raise ValueError(
            f"{asked}: each worker on Ray steps its own environments. Leave out vectorization='ray', or worker_type."
        )
    if source.copies is not None and (workers.count > 1 or workers.kind == "ray"):
        raise ValueError(
            f"{asked}: every worker has environments of its own. Pass an id, or a callable that makes one environment."
        )


def workers_of(
    algorithm: Algorithm,
    count: int | None,
    fixed_lag: int | None,
    max_lag: int | None,
    worker_type: Any = None,
    ray_address: str | None = None,
) -> Workers | None:
    """The workers that are asked for, by default as many as the algorithm says; None for none, which is 0 too.

    They are threads unless another `worker_type` is given, or an address of Ray's.

    Raises ValueError for what cannot be.
    """
    count = algorithm.default_workers if count is None else count
    if count is not None and count != 0:
        kind = worker_type or ("thread" if ray_address is None else "ray")
        if kind == "thread" and ray_address is not None:
            raise ValueError(
                f"ray_address={ray_address!r}: workers are threads of this process. Leave it out, or set "
                "worker_type='ray'."
            )
        return Workers(count, fixed_lag, max_lag, kind, ray_address)
    for name, value, what in (
        ("fixed_lag", fixed_lag, "how old the policies of workers are"),
        ("max_lag", max_lag, "how old the policies of workers are"),
        ("worker_type", worker_type, "where workers live"),
        ("ray_address", ray_address, "where workers live"),
    ):
        if value is not None:
            raise ValueError(f"{name}={value!r}: it is {what}. Set workers, or leave it out.")
    return None


def require_together(source: Source, recorded: bool) -> None:
    """Raise ValueError, with what to do, where several processes train together what one of them would have to step."""
    if processes.count() > 1 and (recorded or source.native is None):
        raise ValueError(
            f"{source.id}: {processes.count()} processes train together on native environments only. Set "
            "backend='native', or start one process."
        )


def require_alone(**given: Any) -> None:
    """Raise ValueError naming the first of these that is given where several processes train together."""
    for name, value in given.items():
        if value is not None and processes.count() > 1:
            raise ValueError(
                f"{name}={value!r}: {processes.count()} processes train together, of which none may be changed by "
                "itself. Leave it out."
            )
