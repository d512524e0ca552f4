"""The one loop in Python: chunk after chunk, and what people want to know or do between them."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.observers import Observer
from operant.engine.run import Run
from operant.types import EnvSpec, Episodes, Experience, Replay, Rollout, Transition

LARGEST = 2**31 - 1  # steps are counted in int32, on the device too


class Loop(Protocol):
    """What `train` asks of the device and of the host loop."""

    algorithm: Algorithm
    spec: EnvSpec
    seeds: int | None
    emit: bool

    def begin(self, key: jax.Array, size: int | None = None) -> Run: ...
    def advance(
        self, run: Run, count: int, size: int
    ) -> tuple[Run, dict[str, np.ndarray], Transition | None]: ...
    def warm_up(self, run: Run, size: int) -> tuple[Run, dict[str, np.ndarray], Transition | None]: ...
    def close(self) -> None: ...


def steps_per_iteration(plan: Experience, num_envs: int) -> int:
    """Environment steps of one iteration; for whole episodes, at most."""
    if isinstance(plan, Rollout):
        return plan.steps * num_envs
    return plan.collect_steps * num_envs if isinstance(plan, Replay) else plan.count * plan.max_steps


def chunk_size(plan: Experience, num_envs: int, total: int, log_interval: int | None = None) -> int:
    """Iterations of a chunk, which is one row of metrics. It depends on nothing that a resumed run would not know.

    By default a hundredth of training, but no less than 2,000 steps (or a tenth of a short training), behind which
    Python's share of the time vanishes, and no more than 50,000.
    """
    if isinstance(plan, Episodes):
        return 1
    interval = log_interval or min(max(total // 100, min(2_000, total // 10), 1), 50_000)
    return max(1, interval // steps_per_iteration(plan, num_envs))


def steps_done(run: Run) -> int:
    """Environment steps so far, of each seed."""
    return int(np.asarray(run.clock.step).max())  # np.max of a JAX array would be compiled


def train(
    loop: Loop,
    run: Run,
    total: int,
    size: int,
    on_chunk: Callable[[Run, dict[str, np.ndarray]], bool],
    observers: Sequence[Observer] = (),
) -> Run:
    """Advance `run` until `total` steps have been taken or `on_chunk(run, metrics)` is False; Python runs only there.

    A run that was stopped goes on exactly as if it had not been, provided that `size` and `total` are the same.
    """
    if not 0 < total <= LARGEST:
        raise ValueError(f"total_timesteps={total}: must be from 1 to {LARGEST} in all.")
    run = eqx.tree_at(lambda r: r.clock.total, run, jnp.full_like(run.clock.total, total))
    plan = loop.algorithm.experience
    per_iteration = steps_per_iteration(plan, loop.spec.num_envs)

    def observe(experience: Transition | None) -> None:
        if experience is None:  # nobody watches
            return
        for observer in observers:
            observer(experience)

    if isinstance(plan, Replay):
        missing = math.ceil((plan.learning_starts - steps_done(run)) / per_iteration)
        if missing > 0:
            run, metrics, experience = loop.warm_up(run, missing)
            observe(experience)
    while (step := steps_done(run)) < total:
        count = min(max(1, math.ceil((total - step) / per_iteration)), size)
        run, metrics, experience = loop.advance(run, count, size)
        observe(experience)
        if not on_chunk(run, metrics):
            break
    return run


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks, and the loop answers between two chunks, when the run is whole: yields `interrupted()`.

    A second Ctrl-C interrupts at once. What asks a process to end (SIGTERM: a cluster's scheduler, a container's stop)
    is answered in the same way. Outside the main thread signals are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, before in previous.items():  # None: a handler that was not made in Python
            signal.signal(number, signal.SIG_DFL if before is None else before)
