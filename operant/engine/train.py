"""The one loop in Python: chunk after chunk, and what people want to know or do between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine import processes
from operant.engine.metrics import mean_of
from operant.engine.train_state import TrainState
from operant.engine.watch import Stopped, Watch
from operant.envs.host import HostEnvironments
from operant.plans import Experience
from operant.types import EnvSpec, Transition

LARGEST = 2**31 - 1  # steps are counted in int32, on the device too
WARM_UP_STEPS = 10_000  # random steps between two looks at whether to go on


# The run, the metrics of a chunk, and its experience where somebody looks at it.
Stepped = tuple[TrainState, dict[str, np.ndarray], Transition | None]


class Steps(Protocol):
    """What `train` asks of whoever advances a run."""

    @property
    def algorithm(self) -> Algorithm: ...

    @property
    def spec(self) -> EnvSpec: ...

    @property
    def watch(self) -> Watch: ...

    def step(self, run: TrainState, count: int, size: int, more: bool = False) -> Stepped:
        """`(run, metrics, experience)` after `count` ≤ `size` iterations of learning; the given run is used up.

        `more` says that another call goes on with the same chunk.
        """
        ...

    def warm_up(self, run: TrainState, count: int, size: int | None = None) -> Stepped:
        """The same after `count` iterations of acting at random and learning nothing."""
        ...


class Loop(Steps, Protocol):
    """The device loop and the host loop: both do all of this, so that nobody asks which one it is."""

    seeds: int | None

    @property
    def watch(self) -> Watch: ...

    @watch.setter
    def watch(self, watch: Watch) -> None: ...

    @property
    def return_experience(self) -> bool:
        """Whether chunks come with their experience."""
        ...

    @return_experience.setter
    def return_experience(self, wanted: bool) -> None: ...

    @property
    def environments(self) -> HostEnvironments | None:
        """Those that are stepped in Python; None on the device."""
        ...

    def init(self, key: jax.Array, size: int | None = None) -> TrainState:
        """The run before its first step, to be advanced by chunks of `size` iterations; with seeds, `key` is `[S]`."""
        ...

    def exchange(self, algorithm: Algorithm) -> None:
        """Go on with other numbers in the same algorithm: they are an argument of what is compiled."""
        ...

    def invalidate(self) -> None:
        """The environments are not where the run left them: its episodes begin afresh at the next step."""
        ...

    def stored(self) -> dict[str, np.ndarray] | None:
        """Where the environments stand, as arrays by name; None where the run has them, or they cannot be stored."""
        ...

    def resume(self, run: TrainState, environments: Mapping[str, np.ndarray]) -> None:
        """The environments go on where those of a stored run stood. Raises ValueError where they cannot."""
        ...

    def salvage(self) -> TrainState | None:
        """The run at its last finished iteration, where a chunk that is under way or has failed left one."""
        ...

    @property
    def lost(self) -> bool:
        """Whether the environments cannot be stepped any more."""
        ...

    def close(self) -> None:
        """Closes the environments that are stepped in Python."""
        ...


def chunk_size(plan: Experience, num_envs: int, total: int, log_interval: int | None = None) -> int:
    """Iterations of a chunk, which is one row of metrics. It depends on nothing that a resumed run would not know.

    By default a hundredth of training, but no less than 2,000 steps (or a tenth of a short training), after which
    Python's share of the time vanishes, and no more than 50,000.
    """
    if plan.whole_episodes:
        return 1
    interval = log_interval or min(max(total // 100, min(2_000, total // 10), 1), 50_000)
    each = plan.steps_per_iteration(num_envs)
    return max(1, min(interval // each, math.ceil(total / each)))


def steps_done(run: TrainState) -> int:
    """Environment steps that every seed has taken so far."""
    return int(np.asarray(run.clock.step).min())  # np.min of a JAX array would be compiled


def train(
    loop: Steps,
    run: TrainState,
    total: int,
    size: int,
    on_chunk: Callable[[TrainState, dict[str, np.ndarray]], bool],
    observers: Sequence[Callable[[Transition], None]] = (),
    *,
    on_warm_up: Callable[[TrainState], bool] = lambda run: True,
    on_iteration: Callable[[TrainState], bool] | None = None,
    end_after: Callable[[int], int] = lambda step: LARGEST,
    newest: Callable[[TrainState], TrainState] = lambda run: run,
) -> TrainState:
    """Advance `run` until `total` steps have been taken or `on_chunk(run, metrics)` is False; Python runs only there.

    Seeds whose episodes differ in length take different numbers of steps in an iteration: one that has taken all of
    its own waits for the others (`learn`), so that each learns as it would alone.

    `on_warm_up(run)` is the same for the random steps before learning, which have no metrics. With `on_iteration(run)`
    iterations come one by one, which learns the same and takes longer. `end_after(step)` is the next step at which a
    chunk must end, whatever its size; `newest(run)` is the run as `on_chunk` has left it. A run that was stopped goes
    on exactly as if it had not been, provided that `size` and `total` are the same.
    """
    if not 0 < total <= LARGEST:
        raise ValueError(f"total_timesteps={total}: must be from 1 to {LARGEST} in all.")
    run = eqx.tree_at(lambda r: r.clock.total, run, jnp.full_like(run.clock.total, total))
    plan = loop.algorithm.experience
    per_iteration = plan.steps_per_iteration(loop.spec.num_envs)

    def observe(experience: Transition | None) -> None:
        if experience is None:  # nobody watches
            return
        for observer in observers:
            observer(experience)

    def left(run: TrainState, end: int = total) -> int:
        return math.ceil((min(end, total) - steps_done(run)) / per_iteration)

    def chunk(run: TrainState, count: int, more: bool = False) -> tuple[TrainState, dict[str, np.ndarray]]:
        run, metrics, experience = loop.step(run, count, size, more)
        observe(experience)
        return run, metrics

    def one_by_one(
        run: TrainState, count: int, on_iteration: Callable[[TrainState], bool]
    ) -> tuple[TrainState, dict[str, np.ndarray]]:
        rows = []
        for index in range(count):
            try:
                run, metrics = chunk(run, 1, more=index + 1 < count)
            except Stopped:
                if not rows:
                    raise
                break
            rows.append(metrics)
            if not on_iteration(run):
                loop.watch.stop = True
            if processes.any_of(loop.watch.stop) or steps_done(run) >= total:
                break
        return run, mean_of(rows)

    try:
        warm_up = plan.warm_up_iterations(loop.spec.num_envs)
        part = min(warm_up, max(1, WARM_UP_STEPS // per_iteration))
        while (missing := min(warm_up - iterations_done(run), left(run))) > 0:
            run, _, experience = loop.warm_up(run, min(missing, part), part)
            observe(experience)
            if processes.any_of(not on_warm_up(run) or loop.watch.stop):
                return run
        while left(run) > 0:
            count = max(1, min(left(run, end_after(steps_done(run))), size))
            run, metrics = chunk(run, count) if on_iteration is None else one_by_one(run, count, on_iteration)
            going = on_chunk(run, metrics)
            run = newest(run)
            if processes.any_of(not going or loop.watch.stop):
                break
    except Stopped as stopped:
        return stopped.run
    return run


def iterations_done(run: TrainState) -> int:
    """Iterations so far, random ones included."""
    return int(np.asarray(run.iteration).max())
