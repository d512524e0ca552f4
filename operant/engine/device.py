"""The loop on the device: chunks of iterations as compiled programs, for one seed or many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from operant import settings
from operant.algorithms.base import Algorithm
from operant.engine import processes
from operant.engine.chunk import begin, chunk, warm_up_chunk
from operant.engine.devices import Devices, divided
from operant.engine.metrics import no_sums, present
from operant.engine.over_seeds import over_seeds
from operant.engine.pace import Pace
from operant.engine.programs import Program
from operant.engine.statistics import WINDOW
from operant.engine.train import Stepped
from operant.engine.train_state import TrainState, initial_state
from operant.engine.watch import Stopped, Watch
from operant.envs.base import Environment
from operant.frozen import apart, together
from operant.plans import Rollout
from operant.types import PyTree


class DeviceLoop:
    """Advances a run, or several stacked along a first axis, by compiled chunks of iterations.

    Several seeds are vmapped and their axis is spread over the machine's devices, as many as divide it; with `devices`
    over that number, which share the environments of a learner where there are more of them than seeds.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        environment: Environment,
        num_envs: int,
        seeds: int | None,
        return_experience: bool = False,
        window: int = WINDOW,
        devices: int | None = None,
    ) -> None:
        self.environment, self.seeds = environment, seeds
        self.environments = None  # none is stepped in Python
        self._return_experience = return_experience
        self.spec, self.window = replace(environment.spec, num_envs=num_envs), window
        self.devices = Devices(devices, seeds, num_envs)
        self._mesh = self.devices.mesh
        # A reward model is handed to programs as the algorithm is; all else of an environment is built into them.
        frozen, self._built_in = apart(environment)
        self._frozen = self.devices.everywhere(frozen)
        self.exchange(algorithm)
        self._chunks: dict[int, Program] = {}
        self._warm_ups: dict[int, Program] = {}
        self._paces: defaultdict[tuple[str, int], Pace] = defaultdict(Pace)  # those of the programs
        self.watch = Watch("this chunk of training")

    @property
    def return_experience(self) -> bool:
        return self._return_experience

    @return_experience.setter
    def return_experience(self, wanted: bool) -> None:
        if wanted != self._return_experience:  # which is part of the programs
            self._return_experience = wanted
            for known in (self._chunks, self._warm_ups, self._paces):
                known.clear()

    def init(self, key: jax.Array, size: int | None = None) -> TrainState:
        """Meanwhile the program of chunks of `size` iterations is loaded or compiled."""

        def initial(algorithm: Algorithm, key: jax.Array) -> tuple[PyTree, tuple]:
            return initial_state(algorithm, self.spec, key), ()

        def first(algorithm: Algorithm, state: PyTree, key: jax.Array) -> tuple[TrainState, tuple]:
            return begin(algorithm, self.environment, self.spec, state, key, self.window), ()

        if self.seeds is not None:
            initial, first = jax.vmap(initial, in_axes=(None, 0)), jax.vmap(first, in_axes=(None, 0, 0))
        state_like, _ = jax.eval_shape(initial, self.algorithm, key)
        like, _ = jax.eval_shape(first, self.algorithm, state_like, key)
        if size is not None:
            self._chunk(size).prepare(self._given, like, no_sums(self.seeds), np.int32(0), np.int32(0))
        make = Program(initial, self._about("initial state"), options=settings.once(exact=False))
        state, _ = make(self.algorithm, key, like=state_like)
        make = Program(first, self._about("begin"), donate=(1,), options=settings.once(exact=True))
        run, _ = make(self.algorithm, state, key, like=like)
        return run

    def step(self, run: TrainState, count: int, size: int, more: bool = False) -> Stepped:
        """Iterations come in calls of about `pace.LONGEST` seconds, which learn the same; fewer where `watch` says stop
        between two. Raises Stopped where that is before the first.
        """
        program, sums = self._chunk(size), no_sums(self.seeds)

        def call(run: TrainState, count: int, before: int) -> tuple[TrainState, PyTree, PyTree]:
            nonlocal sums
            run, (metrics, returned, sums) = program(
                self._given, self.devices.placed(run), sums, np.int32(count), np.int32(before), like=run
            )
            return run, metrics, returned

        return self._in_parts(call, run, count, ("chunk", size))

    def warm_up(self, run: TrainState, count: int, size: int | None = None) -> Stepped:
        size = size or count
        program = self._warm_up(size)

        def call(run: TrainState, count: int, before: int) -> tuple[TrainState, PyTree, PyTree]:
            run, (metrics, returned) = program(
                self.algorithm, self.devices.placed(run), np.int32(count), like=run
            )
            return run, metrics, returned

        return self._in_parts(call, run, count, ("warm-up", size), "warming up")

    def exchange(self, algorithm: Algorithm) -> None:
        self.algorithm = self.devices.everywhere(algorithm)
        self._given = self.algorithm, self._frozen

    def invalidate(self) -> None:
        """Nobody else plays environments that are part of the run."""

    def stored(self) -> None:
        """They are part of the run."""
        return None

    def resume(self, run: TrainState, environments: Mapping[str, np.ndarray]) -> None:
        """They are part of the run."""

    def salvage(self) -> None:
        """A call takes the arrays of the run that it was given, and leaves no other."""
        return None

    @property
    def lost(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""

    def _in_parts(
        self,
        call: Callable[[TrainState, int, int], tuple[TrainState, PyTree, PyTree]],
        run: TrainState,
        count: int,
        program: tuple[str, int],
        phase: str = "",
    ) -> Stepped:
        """What `call(run, part, before)` gives, in parts of `count` iterations; the first one shows their pace."""
        done, metrics, blocks, pace = 0, {}, [], self._paces[program]
        while done < count:
            if processes.any_of(self.watch.stop):
                if done == 0:
                    raise Stopped(run)
                break
            # Processes that train together must make the same calls, whatever time each of them takes.
            part = pace.part(count - done) if processes.count() == 1 else count - done
            doing = self.watch.doing(
                phase if pace.compiled else "compiling"
            )  # which the first call does as well
            # Arrays are used up and made in one call: interrupted, both would be gone.
            with self.watch.unbroken(), doing, pace.timed(part), self.devices.in_force():
                run, metrics, returned = call(run, part, done)
                metrics = jax.device_get(metrics)
                if returned is not None:  # [S, size, T, N, …] → [part·T, S·N, …]
                    blocks.append(
                        jax.tree.map(lambda x, n=part: _in_order(np.asarray(x), n, self.seeds), returned)
                    )
            done += part
        experience = jax.tree.map(lambda *x: np.concatenate(x), *blocks) if blocks else None
        return run, present(metrics), experience

    def _chunk(self, size: int) -> Program:
        """The program of chunks of `size` iterations."""
        if size not in self._chunks:

            def function(given: tuple, run: TrainState, *rest: jax.Array) -> tuple[TrainState, list]:
                algorithm, environment = given[0], together(given[1], self._built_in)
                wanted, several = self.return_experience, self.seeds is not None
                run, *others = chunk(
                    algorithm, environment, self.spec, size, wanted, run, *rest, several=several
                )
                return run, others

            self._chunks[size] = self._compile(function, ("chunk", size), own=1, shared=2)
        return self._chunks[size]

    def _warm_up(self, size: int) -> Program:
        """The program of `size` random iterations."""
        if size not in self._warm_ups:

            def function(algorithm: Algorithm, run: TrainState, count: jax.Array) -> tuple[TrainState, list]:
                run, *others = warm_up_chunk(
                    algorithm, self.environment, self.spec, size, self.return_experience, run, count
                )
                return run, others

            self._warm_ups[size] = self._compile(function, ("warm-up", size), shared=1)
        return self._warm_ups[size]

    def _about(self, *what: Any) -> tuple | None:
        """All that a program of this loop depends on; None where its traced form is not for keeping."""
        if self.return_experience or self._mesh.size > 1 or processes.count() > 1:
            return None
        return *what, self.algorithm, self._built_in, self.spec, self.seeds, self.window

    def _compile(self, function: Callable, what: tuple, own: int = 0, shared: int = 0) -> Program:
        """`function(algorithm, run, *rest)`, compiled for one run or for all seeds; the run's buffers are used up.

        Of the arguments after the run, each seed has its `own`; the algorithm and the `shared` ones are common to all.
        """
        about, mapped = self._about(*what), function
        if self.devices.divide:
            mapped = divided(function, self.devices, own)
        elif self.seeds is not None:
            mapped = over_seeds(function, self._mesh, own, shared, in_turn=lambda: self._in_turn)
        return Program(mapped, about, donate=(1,))

    @property
    def _in_turn(self) -> bool:
        """Whether a device trains its seeds one after another rather than together.

        Learning a table from single steps is a few scalar operations; a processor does many seeds' worth of them half
        as fast again when their gathers and scatters need not be batched.
        """
        return self.algorithm.experience == Rollout(1) and jax.default_backend() == "cpu"


def _in_order(rows: np.ndarray, count: int, seeds: int | None) -> np.ndarray:
    if seeds is None:
        return rows[:count].reshape(-1, *rows.shape[2:])
    rows = np.moveaxis(rows[:, :count], 0, 2)  # [count, T, S, N, …]
    return rows.reshape(rows.shape[0] * rows.shape[1], -1, *rows.shape[4:])
