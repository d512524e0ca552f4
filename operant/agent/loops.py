"""Which loop trains: over a dataset, on the device, with workers, or over environments that are stepped in Python."""

from __future__ import annotations

from functools import partial

import jax

from operant.agent import parallel_inputs
from operant.agent.recorded import Recorded
from operant.algorithms.base import Algorithm
from operant.engine.asynchronous.actors import Actors, HostActors
from operant.engine.asynchronous.environments import WorkerEnvironments
from operant.engine.asynchronous.loop import AsyncLoop
from operant.engine.asynchronous.native_actors import NativeActors
from operant.engine.asynchronous.workers import Workers
from operant.engine.dataset import DatasetLoop
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train import Loop
from operant.envs.host import HostEnvironments
from operant.envs.source import Source
from operant.types import EnvSpec


def make(
    algorithm: Algorithm,
    source: Source,
    spec: EnvSpec,
    seeds: int | None,
    window: int,
    recorded: Recorded | None,
    async_collect: bool,
    devices: int | None,
    workers: Workers | None,
    return_experience: bool,
    environments: HostEnvironments | None,
    key: jax.Array,
) -> Loop:
    """A loop over `environments` that are stepped in Python, where there are such already, or else over new ones."""
    parallel_inputs.require_together(source, recorded is not None)
    common = seeds, return_experience, window
    if recorded is not None:
        return DatasetLoop(algorithm, spec, lambda: recorded.data, seeds, window, devices)
    if workers is not None:
        if workers.kind == "ray":
            from operant.engine.asynchronous import remote

            actors: Actors = remote.actors(algorithm, source, spec, workers, window, key, environments)
        elif source.native is not None:
            actors = NativeActors(source.native, spec.num_envs, workers.count)
        else:
            made = environments or WorkerEnvironments(partial(source.host, spec.num_envs), workers.count)
            assert isinstance(made, WorkerEnvironments)
            actors = HostActors(algorithm, made)
        return AsyncLoop(algorithm, actors, workers, return_experience, window)
    if source.native is not None:
        return DeviceLoop(algorithm, source.native, spec.num_envs, *common, devices)
    made = environments or source.host(spec.num_envs * (seeds or 1))
    return HostLoop(algorithm, made, *common, async_collect, devices)
