"""What is trained, where, and what came of it: the one place that writes the history and the best model.

Training, evaluation, pictures and files work on a core. None of them knows of the `Agent` that users hold.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.agent import inputs, parallel_inputs
from operant.agent.best import Best, better_of
from operant.agent.learner import Begun, Learner
from operant.agent.recorded import Recorded
from operant.algorithms.base import Algorithm
from operant.engine import room
from operant.engine.asynchronous.workers import Workers
from operant.engine.log import ITERATIONS, STEP
from operant.engine.statistics import WINDOW
from operant.engine.train_state import TrainState
from operant.envs.border import Border
from operant.envs.running_statistics import ADVICE
from operant.envs.source import Source
from operant.envs.stored import require_same_spaces
from operant.types import EnvSpec, PyTree


class Core:
    """An algorithm in an environment, its learner, and the record of its training.

    Raises ValueError where the algorithm cannot learn there, the seeds or the number of environments cannot be, and
    where there is not enough memory.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        source: Source,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        stats_window_size: int = WINDOW,
        recorded: Recorded | None = None,
        workers: Workers | None = None,
    ) -> None:
        inputs.at_least_one(stats_window_size=stats_window_size)
        algorithm = algorithm if workers is None else algorithm.for_workers()
        inputs.require_same_discount(algorithm, source.wrappers)
        self.seed = inputs.seed_of(seed)
        learners = inputs.number_of_learners(seeds)
        self.num_envs = inputs.copies(source, num_envs, algorithm.default_num_envs, learners)
        if source.normalizes:
            warnings.warn(ADVICE, stacklevel=3)
        spec = replace(source.spec, num_envs=self.num_envs)
        algorithm.check(spec)
        algorithm.experience.require_shared(self.num_envs)
        if async_collect:
            parallel_inputs.require_asynchronous(algorithm, source, recorded is not None)
        parallel_inputs.require_devices(devices, seeds, self.num_envs, algorithm.name, recorded is not None)
        if workers is not None:
            parallel_inputs.require_workers(
                workers, algorithm, source, seeds is not None, recorded is not None, async_collect, devices
            )
        room.require_learners(algorithm, spec, learners)  # networks that cannot be made say so here, too
        self.seeds = inputs.seeds_of(self.seed, seeds)
        own = self.seed if self.seeds is None else self.seeds
        self._place(
            Learner(
                algorithm, source, spec, own, stats_window_size, recorded, async_collect, devices, workers
            )
        )
        self._history: list[dict[str, Any]] = []
        self._best: Best | None = None
        self.lacks_replay = (
            False  # it was left out of the checkpoint, and is to be filled before learning goes on
        )
        self.refilled = 0  # iterations that filled it again, without updates

    def _place(self, learner: Learner) -> None:
        self.learner, self._border = learner, None

    # what is trained, and where

    @property
    def algorithm(self) -> Algorithm:
        """What learns, with its hyperparameters."""
        return self.learner.algorithm

    @property
    def source(self) -> Source:
        """The environment, as it was given."""
        return self.learner.source

    @property
    def spec(self) -> EnvSpec:
        """What is observed and done there, by `num_envs` environments."""
        return self.learner.spec

    @property
    def recorded(self) -> Recorded | None:
        """The dataset that is learnt from; None for what plays."""
        return self.learner.recorded

    @property
    def border(self) -> Border:
        """The environment's spaces as Gymnasium has them."""
        if self._border is None:
            self._border = Border.of(self.spec)
        return self._border

    @property
    def name(self) -> str:
        """The algorithm's, for people."""
        return self.algorithm.name

    def tune(self, algorithm: Algorithm, traced: bool) -> None:
        """Go on with other hyperparameters; nothing is compiled anew where only `traced` numbers differ."""
        self.learner.tune(algorithm, traced)

    def move(self, source: Source) -> None:
        """Go on in another environment of the same spaces, with what has been learnt; replay starts empty.

        Raises ValueError for other spaces or another number of environments.
        """
        require_same_spaces(self.spec, source.spec)
        inputs.copies(source, self.num_envs, self.num_envs, len(self.seeds or (self.seed,)))
        spec, before = replace(source.spec, num_envs=self.num_envs), self.learner
        self.algorithm.check(spec)
        seeds = self.seed if self.seeds is None else self.seeds
        if before.async_collect:
            parallel_inputs.require_asynchronous(self.algorithm, source, before.recorded is not None)
        if before.workers is not None:
            parallel_inputs.require_workers(before.workers, self.algorithm, source)
        how = before.window, before.recorded, before.async_collect, before.devices, before.workers
        learner = Learner(self.algorithm, source, spec, seeds, *how)
        learner.state = jax.tree.map(jnp.copy, before.state)
        learner.begun = Begun(before.step, before.iteration)
        self._place(learner)

    def make_env(self, source: Source, render_mode: str | None = None) -> gym.Env:
        """One environment to play outside training, of a source of the same spaces."""
        if source is self.source:
            return self.learner.single(render_mode)
        return self.learner.as_trained(source.single(render_mode))

    # what came of it

    @property
    def state(self) -> PyTree:
        """What has been learnt: the algorithm's state; with several seeds every leaf has a first axis for them."""
        return self.learner.state

    @property
    def step(self) -> int:
        """Environment steps trained for so far, of each seed."""
        return self.learner.step

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of metrics so far."""
        return self._history

    @property
    def best(self) -> Best | None:
        """The best model of what was evaluated during training."""
        return self._best

    def add_row(self, row: dict[str, Any]) -> None:
        """A chunk of training has this row of metrics."""
        self._history.append(row)

    def keep_if_best(self, new: Best) -> bool:
        """Keep a model where it is at least as good as the best before; whether it is, for any learner."""
        before = self._best
        self._best = better_of(before, new)
        return before is None or bool(before.reached_by(new).any())

    def count_from_zero(self) -> TrainState:
        """The present run, as if no step had been counted; what has been learnt and stored stays."""
        self._history, self._best = [], None
        return self.learner.count_from_zero()

    def restored(
        self,
        run: TrainState,
        rows: Sequence[Mapping[str, Any]],
        best: Best | None,
        lacks_replay: bool,
        environments: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Take over a stored run, and of its rows of metrics those that come before its step.

        `environments` are arrays of where those in Python stood, if they were stored.
        """
        self.learner.restored(run, environments)
        self.lacks_replay = lacks_replay
        self._history = [dict(row) for row in rows if row[STEP] <= self.step]
        self.learner.count_updates(self._history)
        if lacks_replay and self._history:
            plan, last = self.algorithm.experience, self._history[-1]
            learning = np.max(self.learner.updates) // max(plan.updates_per_iteration(self.num_envs), 1)
            iterations = int(np.max(last.get(ITERATIONS, 0))) - plan.warm_up_iterations(self.num_envs)
            self.refilled = max(0, iterations - int(learning))
        self._best = best

    def loaded(self, state: PyTree, begun: Begun, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take over what a model knows, and how it came to know it."""
        self.learner.state, self.learner.begun = state, begun
        self._history = [dict(row) for row in rows if row[STEP] <= self.step]

    # others of its kind

    def of_seed(self, index: int) -> Core:
        """The learner of the index-th seed as a core of its own. Raises ValueError where there is one learner."""
        if self.seeds is None:
            raise ValueError("This agent has one learner; make several with seeds=….")
        begun = Begun(self.step, self.learner.iteration)
        rows = [{name: _of_one(value, index) for name, value in row.items()} for row in self._history]
        core = self._like(self.learner.state_of(index), self.seeds[index], None, begun, rows)
        core.learner.take_statistics(self.learner, [range(len(self.seeds))[index]])
        return core

    def apart(self, algorithm: Algorithm, state: PyTree, step: int) -> Core:
        """A core of one learner with its state at a step, which training in another thread leaves alone."""
        core = self._like(state, self.seed, None, Begun(step), [])
        core.tune(algorithm, traced=True)
        return core

    def of_best(self) -> Core:
        """The best model as a core of its own; of several seeds, each one's. Raises ValueError where there is none."""
        best = self._best
        if best is None:
            raise ValueError("No best model was kept: train with learn(…, evaluate_every=…).")
        begun = Begun(best.step.tolist(), self.learner.iteration)
        core = self._like(best.state, self.seed, self.seeds, begun, self._history)
        core.learner.take_statistics(self.learner, range(len(self.seeds or (self.seed,))))
        return core

    def _like(
        self,
        state: PyTree,
        seed: int,
        seeds: Sequence[int] | None,
        begun: Begun,
        rows: Sequence[Mapping[str, Any]],
    ) -> Core:
        core = Core(
            self.algorithm,
            self.source,
            seed=seed,
            seeds=seeds,
            num_envs=self.num_envs if self.source.copies is None else None,
            async_collect=self.learner.async_collect,
            devices=self.learner.devices if seeds == self.seeds else 1,
            workers=self.learner.workers,
            stats_window_size=self.learner.window,
            recorded=self.recorded,
        )
        core.loaded(state, begun, rows)
        return core


def _of_one(value: Any, index: int) -> Any:
    """Of a metric of several seeds, that of one; of one that all share, itself."""
    return np.asarray(value)[index] if np.ndim(value) else value
