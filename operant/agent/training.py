"""One stretch of training: what is logged, kept, shown and asked between two chunks, and what a failure leaves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax
import numpy as np

from operant.agent import showing
from operant.agent.callbacks.hooks import Hooks
from operant.agent.configuration import config
from operant.agent.core import Core
from operant.agent.divergence import Divergence
from operant.agent.held import Held
from operant.agent.intervening import Intervening, Interventions
from operant.agent.keeping import Keeper
from operant.agent.plan import Plan
from operant.agent.refilling import refill
from operant.agent.samples import MOMENTS, Samples
from operant.agent.selection import Selection
from operant.agent.steering import Steering
from operant.engine import processes
from operant.engine.episode_infos import EpisodeInfos
from operant.engine.log import ELAPSED, ITERATIONS, STEP, UPDATES, CsvLog, Logger
from operant.engine.metrics import NAN
from operant.engine.observers import Observer
from operant.engine.run_directory import RunDirectory
from operant.engine.tensorboard import TensorBoardLog
from operant.engine.train import iterations_done, steps_done, train
from operant.engine.train_state import TrainState
from operant.engine.watch import Stopped, Watch
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.host import HostEnvironments
from operant.envs.timeouts import when_stuck
from operant.types import Transition


class Session:
    """Trains a core to the end of its plan, and leaves it usable whatever happens.

    Of several processes that train together, one keeps the run, and the others follow.
    """

    def __init__(
        self,
        core: Core,
        plan: Plan,
        directory: RunDirectory | None = None,
        *,
        hooks: Hooks,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
        observers: Sequence[Observer] = (),
        info_keywords: Sequence[str] = (),
        evaluate_env: Any = None,
        from_zero: bool = False,
        resumed: bool = False,
        steering: Steering | None = None,
        interventions: str | Path | None = None,
    ) -> None:
        for function in observers:
            if not callable(function):
                raise ValueError(f"observers: {function!r} must be a function.")
        for logger in loggers:
            if not callable(getattr(logger, "write", None)):
                raise ValueError(
                    f"loggers: {logger!r} has no write(row); give objects, such as operant.JsonLog('progress.json')."
                )

        from operant.engine.progress import LiveView  # draws with rich, which only training needs

        follows = directory is not None and not processes.writes()
        directory = None if follows else directory
        self.core, self.plan, self.directory = core, plan, directory
        self.hooks, self.records = hooks, hooks.records
        native = not core.learner.steps_in_python
        require_collected(core, observers, info_keywords, hooks)
        self.watch = Watch("this chunk of training" if native else "this environment step")
        self.observers: list[Any] = list(observers)
        self.ended = EpisodeInfos(info_keywords, core.learner.seeds, core.learner.window)
        if native and info_keywords:
            raise ValueError(
                f"info_keywords={list(info_keywords)}: native environments have no infos; pass backend='gymnasium'."
            )
        if hooks.wants("on_step"):
            if native:
                self.observers.append(self.tell_steps)
            else:
                self.watch.on_step = self.tell_step
        self.run = core.learner.started(bool(self.observers), plan.chunk_size, self.watch)
        if not native:
            core.learner.environments.on_end = self.ended.end
        self.view = LiveView(enabled=progress_bar and processes.writes(), watch=self.watch)
        self.first = self.previous = core.step
        self.iterations = iterations_done(self.run)  # at the last row
        if not np.any(core.learner.updates):
            core.learner.count_updates(core.history)  # of a loaded agent
        self.divergence = Divergence(core.seeds)
        self.resumed_at = core.step if resumed else None
        self.keeper = Keeper(core, plan, directory, self.watch, self.divergence, self.resumed_at, follows)
        self.samples = Samples.of(core, directory, self.resumed_at)
        self.from_zero = from_zero
        self.selection = (
            None if plan.evaluate_every is None else Selection(core, plan.evaluation_episodes, evaluate_env)
        )
        self.evaluated: dict[str, Any] = {}  # the newest evaluation, which stays in view
        self.loggers = list(loggers)
        own = None if directory is None else directory.interventions_file
        recorded = Interventions.of(own, interventions) if resumed or interventions else Interventions(own)
        made = core.step if resumed else -1  # by `saving.restore`
        self.intervening = Intervening(
            core, self.watch, self.keeper.save, recorded, steering, made, repeats=interventions is not None
        )

    def train(self) -> None:
        """Train; Ctrl-C stops after the environment step or chunk under way, and then raises KeyboardInterrupt."""
        core, plan, watch, keeper = self.core, self.plan, self.watch, self.keeper
        processes.any_of(False)  # all have read what the first one may now change
        showing.announce(core)
        if self.resumed_at is not None:
            showing.announce_resumed(core)
        self.started, trained = time.perf_counter(), core.step > 0
        if self.from_zero:
            self.run = core.count_from_zero()
            self.first = self.previous = 0
        if self.directory is not None:
            self.directory.tidy()
            after = self.resumed_at  # what a resumed run logged after its checkpoint is dropped
            board = TensorBoardLog(self.directory.tensorboard, after)
            if after is None:
                board.write_hyperparameters(hyperparameters(config(core)))
            own = (CsvLog(self.directory.metrics_file, after), board)
            self.loggers[:0] = own  # first: a logger of the user's that fails must not cost them a row
            if trained:  # what was learnt before is there to go back to, whatever comes now
                keeper.save()
        with watch.listening(), self.view, when_stuck(keeper.rescue):
            self.view.begin(core.step, plan.total_timesteps)
            self.ask(core.step)
            with ExitStack() as closing:
                for sink in (*self.loggers, *self.observers):
                    if hasattr(sink, "close"):  # a plain function will do as an observer
                        closing.callback(keeper.at_the_end, sink.close)
                if self.selection is not None:
                    closing.callback(self.selection.close)
                closing.callback(self.ended.warn_of_missing)
                closing.callback(setattr, watch, "rescue", None)
                closing.callback(keeper.at_the_end, keeper.save_model)
                closing.callback(keeper.at_the_end, keeper.save)
                closing.callback(self.end)
                closing.callback(self.intervening.end)
                watch.rescue = keeper.rescue
                try:
                    self.intervening.begin()
                    self.run = self.newest(self.run)
                    if self.hooks.start(plan.total_timesteps):
                        if core.lacks_replay:
                            self.run = refill(
                                core, self.run, plan.total_timesteps, self.observers, self.on_warm_up
                            )
                        run = train(
                            Held(core.learner),
                            self.run,
                            plan.total_timesteps,
                            plan.chunk_size,
                            self.on_chunk,
                            self.observers,
                            on_warm_up=self.on_warm_up,
                            on_iteration=self.on_iteration if self.hooks.wants("on_rollout") else None,
                            end_after=self.intervening.recorded.next_step,
                            newest=self.newest,
                        )
                        core.learner.run = processes.whole(run)  # what comes now, one of them may do alone
                    watch.shields = 1  # nothing is broken off until all is kept, but for on_end
                except BaseException as error:
                    watch.shields = 1
                    keeper.recover(error)
                    if isinstance(error, EnvironmentFault) and (interruption := watch.interruption()):
                        raise interruption from error  # processes of environments were sent the signal as well
                    raise
            if interruption := watch.interruption():
                raise interruption

    # told by the loop

    def on_warm_up(self, run: TrainState) -> bool:
        """Some of the random steps before learning have been taken."""
        self.view.begin(steps_done(run), self.plan.total_timesteps)
        return True

    def on_iteration(self, run: TrainState) -> bool:
        """An iteration has been finished."""
        metrics = self.core.history[-1] if self.core.history else {}
        return self.hooks.rollout(steps_done(run), self.plan.total_timesteps, metrics)

    def on_chunk(self, run: TrainState, metrics: dict[str, np.ndarray]) -> bool:
        """A chunk has been finished: evaluate, tell, log, show and keep; whether training should go on."""
        step, evaluated = steps_done(run), False
        nan = np.asarray(metrics[NAN])
        row = self.row(run, {name: value for name, value in metrics.items() if name != NAN})
        try:
            self.divergence.look(row, nan, step)
            if self._passed(self.plan.evaluate_every, step) or step >= self.plan.total_timesteps:
                evaluation = self.evaluate()
                row |= evaluation
                evaluated = bool(evaluation)
            row |= self.records.take()
            self.core.add_row(row)
            going = self.hooks.row(step, self.plan.total_timesteps, row, evaluated)
        finally:  # a row is kept even if whoever is told of it fails
            row.update(self.records.take())
            self.write(row)
        self.view.update(
            self.records.for_place(self.evaluated | row, "table"), step, self.plan.total_timesteps
        )
        if self._passed(self.plan.checkpoint_every, step):
            self.keeper.save()
        if (
            self._passed(max(1, self.plan.total_timesteps // MOMENTS), step)
            or step >= self.plan.total_timesteps
        ):
            self.ask(step)
        self.previous = step
        if going and step < self.plan.total_timesteps:
            self.started += self.intervening.between(step)  # a pause is not time of training
        return going

    def newest(self, run: TrainState) -> TrainState:
        """The run with what people have told it since its last chunk."""
        return run if self.core.learner.run is None else self.core.learner.run

    def end(self) -> None:
        """Training is over, in whatever way; who is told of it may be broken off, but not what comes after."""
        self.watch.shields = 0
        try:
            self.hooks.end()
        finally:
            self.watch.shields = 1

    def tell_step(self, transition: Transition, environments: HostEnvironments) -> None:
        """A step has been taken on the host."""
        if not self.hooks.step(transition, self.first + self.watch.steps, environments.infos):
            self.watch.stop = True

    def tell_steps(self, transition: Transition) -> None:
        """The steps `[T, S·N, …]` of a chunk have been taken on the device."""
        mask = np.asarray(transition.mask)
        seeds = self.core.learner.seeds or 1
        nothing: list[dict[str, Any]] = [{}] * mask.shape[1]
        for t in np.flatnonzero(mask.any(1)):
            self.watch.steps += int(mask[t].sum()) // seeds
            row = jax.tree.map(lambda x, t=t: x[t], transition)
            if not self.hooks.step(row, self.first + self.watch.steps, nothing):
                self.watch.stop = True
                return

    # rows

    def row(self, run: TrainState, metrics: dict[str, np.ndarray]) -> dict[str, Any]:
        """The row of metrics of a chunk that has just been finished."""
        step, elapsed = steps_done(run), time.perf_counter() - self.started
        return metrics | {
            STEP: step,
            ELAPSED: elapsed,
            "time/fps": (step - self.first) * (self.core.learner.seeds or 1) / elapsed,
            ITERATIONS: iterations_done(run),
            UPDATES: self.count_updates(iterations_done(run), metrics),
            **self.ended.report(),
        }

    def count_updates(self, iterations: int, metrics: dict[str, np.ndarray]) -> Any:
        """Updates of the parameters so far: a whole number, or `[S]`. Without a word of the algorithm's, one in each
        iteration.
        """
        learner, plan = self.core.learner, self.core.algorithm.experience
        before, self.iterations = self.iterations, iterations
        num_envs = self.core.num_envs
        if plan.replay is not None:
            learning = max(0, iterations - plan.warm_up_iterations(num_envs) - self.core.refilled)
            learner.updates = np.asarray(learning * plan.updates_per_iteration(num_envs))
        else:
            each = np.asarray(metrics.get(UPDATES, 1.0), np.float64)  # the mean over the chunk
            learner.updates = np.rint(learner.updates + each * (iterations - before)).astype(np.int64)
        return learner.updates if learner.updates.shape else int(learner.updates)

    def write(self, row: dict[str, Any]) -> None:
        """Write a row wherever rows go."""
        media = self.records.take_media()
        for logger in self.loggers:
            place = getattr(logger, "place", None)
            logger.write(self.records.for_place(row, place))
            if media and hasattr(logger, "write_media"):
                logger.write_media(row[STEP], self.records.for_place(media, place))  # pyright: ignore[reportAttributeAccessIssue]

    # evaluation

    def evaluate(self) -> dict[str, Any]:
        """Score the policy, where that was asked for, and keep the best model."""
        if self.selection is None:
            return {}
        try:
            with self.watch.doing("evaluating"):
                self.evaluated, news = self.selection.evaluate(self.watch, self.divergence.diverged)
        except Stopped:
            return {}
        self.keeper.save_best(news)
        return self.evaluated

    def ask(self, step: int) -> None:
        """Ask what is learnt, where that is a language model, and keep what it says."""
        if self.samples is not None:
            with self.watch.doing("asking the model"):
                self.samples.take(step)

    def _passed(self, every: int | None, step: int) -> bool:
        """Whether the chunk that ended at this step went over a multiple of `every`."""
        return every is not None and step // every > self.previous // every


def hyperparameters(config: dict[str, Any]) -> dict[str, Any]:
    """What tells one run from another, flat."""
    about = ("algorithm", "environment", "seed", "num_envs", "backend")
    return {name: config.get(name) for name in about} | dict(config.get("hyperparameters") or {})


def require_collected(
    core: Core, observers: Sequence[Observer], info_keywords: Sequence[str], hooks: Hooks
) -> None:
    """Raise ValueError, naming who waits for them, where no environment steps come that could be looked at."""
    if core.learner.workers is not None and hooks.wants("on_step"):
        raise ValueError(
            "on_step: workers step environments at the same time, in threads of their own. Use on_row, on_rollout "
            "or observers; or leave out workers."
        )
    if core.recorded is None:
        return
    waiting = {"observers": observers, "info_keywords": info_keywords, "on_step": hooks.wants("on_step")}
    for name, asked in waiting.items():
        if asked:
            raise ValueError(
                f"{name}: {core.name} learns from a dataset, and no step of an environment is taken that could be "
                "looked at. Leave it out."
            )
