"""What is being trained: an algorithm in an environment, for one seed or several, and how far it has come."""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant import settings
from operant.agent import loops
from operant.agent.recorded import Recorded
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import Algorithm
from operant.engine import processes, room
from operant.engine.asynchronous.workers import Workers
from operant.engine.devices import shape_of
from operant.engine.log import UPDATES
from operant.engine.statistics import WINDOW
from operant.engine.train import Loop, steps_done
from operant.engine.train_state import TrainState, initial_state
from operant.engine.watch import Watch
from operant.envs.host import HostEnvironments
from operant.envs.running_statistics import STATISTICS, with_training_statistics
from operant.envs.source import Source
from operant.ops.seeds import key_of, keys_of
from operant.types import EnvSpec, PyTree


@dataclass(frozen=True)
class Begun:
    """How far what was loaded, or taken from another agent, had come: training goes on from there."""

    step: int | Sequence[int] = 0  # environment steps, of each seed
    iteration: int = 0

    def onto(self, run: TrainState) -> TrainState:
        """The run before its first step, as one that has come so far."""
        if not np.any(self.step):
            return run
        counted = jnp.broadcast_to(jnp.asarray(self.step, jnp.int32), run.clock.step.shape)
        iteration = jnp.full_like(run.iteration, self.iteration)
        return replace(run, clock=replace(run.clock, step=counted), iteration=iteration)


class Learner:
    """Holds the run; before there is one, the state that was loaded or made.

    Whatever fails between two chunks, an observer, a logger or a callback, the last finished chunk is there (`Held`).
    """

    def __init__(
        self,
        algorithm: Algorithm,
        source: Source,
        spec: EnvSpec,
        seeds: int | tuple[int, ...],
        window: int = WINDOW,
        recorded: Recorded | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.devices = devices  # None: as many as divide the seeds
        self.window, self.recorded = window, recorded
        self.async_collect, self.workers = async_collect, workers
        self.algorithm, self.source, self.spec = algorithm, source, spec
        self.seeds = None if isinstance(seeds, int) else len(seeds)
        self.key = key_of(seeds) if isinstance(seeds, int) else keys_of(seeds)
        self.run: TrainState | None = None
        self.watch = Watch()  # told how training goes; may stop it
        self.updates: Any = np.asarray(0)  # of the parameters, so far; [S] with several seeds
        self.return_experience = False
        self._given_up = False  # what was learnt is not worth keeping
        self._loop: Loop | None = None
        # Closes the environments, at once or when nobody holds this.
        self._closing: Callable[[], Any] = lambda: None
        self._state: PyTree = None
        self._whole: tuple[PyTree, PyTree] | None = None  # a run's state, and the same on one device
        self.begun = Begun()
        self.environments_restored = False  # whether those of a stored run go on where they stood
        self.statistics_taken: Sequence[Any] = ()  # of each learner's environments, from another agent

    # what has been learnt

    @property
    def state(self) -> PyTree:
        """The algorithm's state; with several seeds every leaf has a first axis for them."""
        if self.run is not None:
            self._require_whole()
            if self._whole is None or self._whole[0] is not self.run.state:
                self._whole = self.run.state, processes.whole(self.run.state)
            return self._whole[
                1
            ]  # the same object until more is learnt: who acts by it puts nothing together anew
        if self._state is None:
            # The algorithm is an argument, so that what it holds is not built into the program.
            once = settings.once(exact=False)
            self._state = jax.jit(self._initial_state, compiler_options=once)(self.algorithm, self.key)
        return self._state

    @state.setter
    def state(self, state: PyTree) -> None:
        """Take over a state from elsewhere."""
        if self.run is None:
            self._state = state
        else:
            self.run = replace(self._require_whole(), state=jax.tree.map(jnp.copy, state))

    def state_of(self, index: int) -> PyTree:
        """The state of one of the learners."""
        if self.seeds is None:
            return self.state
        return jax.tree.map(lambda x: jnp.asarray(np.asarray(x)[index]), self.state)

    def initial_state(self) -> PyTree:
        """What is known before the first step."""
        return self._initial_state(self.algorithm, self.key)

    def _initial_state(self, algorithm: Algorithm, key: jax.Array) -> PyTree:
        workers = 1 if self.workers is None else self.workers.count
        spec = replace(self.spec, num_envs=workers * self.spec.num_envs)

        def one(key: jax.Array) -> PyTree:
            return initial_state(algorithm, spec, key)

        return one(key) if self.seeds is None else jax.vmap(one)(key)

    @property
    def step(self) -> int:
        """Environment steps trained for so far, of each seed."""
        return int(np.min(self.begun.step)) if self.run is None else steps_done(self._require_whole())

    @property
    def iteration(self) -> int:
        """Iterations so far: what randomness is counted by."""
        return self.begun.iteration if self.run is None else int(np.max(self._require_whole().iteration))

    @cached_property
    def replay_bytes(self) -> int:
        """What replay takes, of all learners together; 0 without."""
        return self._demand().parts()["replay"]

    def require_room(self, chunk_size: int = 1) -> None:
        """Raise TooLarge, saying what to change, if there is not enough memory to train in chunks of this size."""
        if self.run is not None:  # what it takes has been taken
            return
        # Those that share one learner have each what it learns, and its replay.
        over_seeds, _ = shape_of(self.devices, self.seeds)
        room.require(self._demand(chunk_size), jax.devices()[:over_seeds])

    def _demand(self, chunk_size: int = 1) -> room.Demand:
        python = 0
        if self.steps_in_python and self.source.copies is None:
            python = room.PROCESS if self.source.vectorization == "async" else room.OBJECT
        return room.Demand(self.algorithm, self.spec, self.seeds or 1, self.window, chunk_size, python)

    # training

    def started(
        self, return_experience: bool, size: int | None = None, watch: Watch | None = None
    ) -> TrainState:
        """The present run, or a new one, to be advanced by chunks of `size` iterations.

        `return_experience` says whether its experience will be looked at; `watch` is told how it goes, and may stop it.
        """
        self.require_room(size or 1)
        loop = self._open_loop
        loop.return_experience = self.return_experience = return_experience
        self.watch = loop.watch = watch or Watch()
        if self.run is None:
            run = loop.init(self.key, size)
            if self._state is not None:
                run = replace(run, state=jax.tree.map(jnp.copy, self._state))
            self.run = self.begun.onto(run)
        return self._require_whole()

    @property
    def steps_in_python(self) -> bool:
        """Whether training steps environments in Python."""
        return self.recorded is None and self.source.native is None

    @property
    def _open_loop(self) -> Loop:
        """The loop, made where there is none yet or its environments are closed or lost."""
        if self._loop is not None and self._loop.lost:
            self.close()
        if self._loop is None:
            self._loop = self._made_loop()
            if self.run is not None:
                self._loop.invalidate()
            if self._loop.environments is not None:
                self._closing = closing = weakref.finalize(
                    self, _closed, self._loop.environments, self.source.lent
                )
                closing.atexit = False  # processes end with this one
        return self._loop

    def _made_loop(self) -> Loop:
        """A loop of the present algorithm, over the environments that there are, or else new ones."""
        there = None if self._loop is None else self._loop.environments
        return loops.make(
            *(self.algorithm, self.source, self.spec, self.seeds, self.window, self.recorded),
            *(self.async_collect, self.devices, self.workers, self.return_experience, there),
            self.key,
        )

    @property
    def environments(self) -> HostEnvironments:
        """Those that training steps in Python. Raises ValueError where it steps none."""
        if self.recorded is not None:
            raise ValueError(f"{self.source.id} is not stepped in training, which learns from a dataset.")
        if self.source.native is not None:
            raise ValueError(
                f"{self.source.id} is trained on natively, where nothing can be called: pass backend='gymnasium', or a "
                "function that makes the environment."
            )
        environments = self._open_loop.environments
        assert environments is not None
        return environments

    def count_updates(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Go on counting from where these rows of metrics end."""
        counted = np.nan_to_num(history[-1].get(UPDATES, 0)) if history else 0
        self.updates = np.asarray(counted).astype(np.int64)

    def count_from_zero(self) -> TrainState:
        """The present run, as if no step had been counted; what has been learnt and stored stays."""
        run = self._require_whole()
        self.run = replace(run, clock=replace(run.clock, step=jnp.zeros_like(run.clock.step)))
        return self.run

    def tune(self, algorithm: Algorithm, traced: bool) -> None:
        """Go on with other hyperparameters; nothing is compiled anew where only `traced` numbers differ."""
        self.algorithm = algorithm
        if self._loop is None:
            return
        if traced:
            self._loop.exchange(algorithm)
        else:
            self._loop = self._made_loop()
            self._loop.invalidate()
        self._loop.watch = self.watch

    def stored_environments(self) -> dict[str, np.ndarray] | None:
        """Where environments in Python stand, as arrays; None where they cannot be stored, or there are none."""
        return None if self._loop is None else self._loop.stored()

    def restored(self, run: TrainState, environments: Mapping[str, np.ndarray] | None = None) -> None:
        """Take over a stored run; environments in Python go on where they stood, or else start new episodes."""
        self.run, self._given_up = run, False
        self.environments_restored = False
        if environments and self._loop is not None:
            try:
                self._loop.resume(run, environments)
            except ValueError as error:
                warnings.warn(
                    f"{self.source.id}: episodes start afresh: {error}", TrainingWarning, stacklevel=4
                )
            else:
                self.environments_restored = True
                return
        self._invalidate()

    def _invalidate(self) -> None:
        if self._loop is not None:
            self._loop.invalidate()

    def single(self, render_mode: str | None = None) -> gym.Env:
        """One environment to play outside training."""
        self.played_outside()
        return self.as_trained(self.source.single(render_mode))

    def as_trained(self, env: gym.Env) -> gym.Env:
        """An environment that normalises observations, if it does, with the statistics of training."""
        return with_training_statistics(env, self.statistics)

    def statistics(self, index: int = 0) -> Any:
        """Those of the first environment in which a learner trains, or trained before; None where there are none."""
        environments = None if self._loop is None else self._loop.environments
        if not self.source.normalizes or environments is None:
            return self.statistics_taken[index] if self.statistics_taken else None
        return environments.call(STATISTICS)[index * self.spec.num_envs]

    def take_statistics(self, other: Learner, learners: Sequence[int]) -> None:
        """Take over a copy of those of some of another's learners, which become the learners of this one, in order."""
        self.statistics_taken = [copy.deepcopy(other.statistics(index)) for index in learners]

    def played_outside(self) -> None:
        """Whoever plays outside training may play the very instance that training steps."""
        if self.source.shared:
            self._invalidate()

    @property
    def lost(self) -> bool:
        """Whether a chunk, which takes over the arrays of the run it advances, failed and left none worth keeping."""
        leaves = jax.tree.leaves(self.run)
        return self._given_up or any(isinstance(leaf, jax.Array) and leaf.is_deleted() for leaf in leaves)

    def give_up(self) -> None:
        """What was learnt is not worth keeping, and there is nothing to go back to."""
        self._given_up = True

    def _require_whole(self) -> TrainState:
        assert self.run is not None
        self._catch_up()
        if self.lost:
            raise RuntimeError(
                "What this agent had learnt was lost when training failed, and there was no checkpoint to go back to. "
                "Make a new agent, or load one; with learn(run_dir=…, checkpoint_every=…) a failure costs no more "
                "than what came after the last checkpoint."
            )
        return self.run

    @property
    def loop(self) -> Loop:
        """The one that is at work: another one after `tune`."""
        assert self._loop is not None
        return self._loop

    def close(self) -> None:
        """Closes the environments that training steps in Python, but for those that the user made; learning again
        makes new ones."""
        if self._loop is not None and self._loop.environments is not None:
            self._closing()
            self._loop = None
        elif self._loop is not None:
            self._loop.close()

    def salvage(self) -> None:
        """A chunk failed in Python, as in an environment of the user's: keep its last finished iteration."""
        self._invalidate()
        self._catch_up()

    def _catch_up(self) -> None:
        """While a chunk is under way, its last finished iteration is what has been learnt."""
        if self._loop is not None and self.lost:
            salvaged = self._loop.salvage()
            if salvaged is not None:
                self.run = salvaged


def _closed(environments: HostEnvironments, lent: bool) -> None:
    """Closes environments that are ours."""
    if not lent:
        environments.close()
