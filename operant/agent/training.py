"""One stretch of training: what is logged, kept, shown and asked between two chunks, and what a failure leaves."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from operant import formats
from operant.agent import saving
from operant.agent.best import Selection
from operant.agent.callbacks.base import Callbacks, Progress, StepEvent
from operant.agent.inputs import at_least_one, require_episodes
from operant.engine.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from operant.engine.episode_infos import EpisodeInfos
from operant.engine.files import DiskError, has_nan
from operant.engine.learn import NAN
from operant.engine.log import RETURN, STEP, UPDATES, CsvLog, Logger, TensorBoardLog
from operant.engine.observers import Observer
from operant.engine.records import Records
from operant.engine.run_directory import RunDirectory
from operant.engine.train import LARGEST, iterations_done, steps_done, train
from operant.engine.train_state import TrainState
from operant.engine.watch import Stopped, Watch
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.host import HostEnvironments
from operant.envs.timeouts import when_stuck
from operant.types import Transition

if TYPE_CHECKING:
    from operant.agent.agent import Agent


class DivergedError(ArithmeticError):
    """Learning diverged: a loss or what has been learnt is not a number any more. The message says what is left."""


@dataclass(frozen=True)
class Plan:
    """What a run was asked for besides the agent itself; `config.json` holds it, so that it can be resumed."""

    total_timesteps: int  # at which training ends, counted from the agent's first step
    chunk_size: int  # iterations
    checkpoint_every: int | None = None  # environment steps
    evaluate_every: int | None = None  # environment steps
    evaluation_episodes: int = 20
    keep_checkpoints: int = 2  # the latest ones

    def __post_init__(self) -> None:
        at_least_one(**asdict(self))
        if self.evaluate_every is not None:
            require_episodes("evaluation_episodes", self.evaluation_episodes)
        if self.total_timesteps > LARGEST:
            raise ValueError(f"total_timesteps={self.total_timesteps}: must be at most {LARGEST} in all.")

    @classmethod
    def of(cls, directory: RunDirectory) -> Plan:
        """The plan of a run that was started."""
        config = formats.read_run(directory.path)
        return cls(**{field.name: config[field.name] for field in fields(cls) if field.name in config})


class Session:
    """Trains an agent to the end of its plan, and leaves it usable whatever happens."""

    def __init__(
        self,
        agent: Agent,
        plan: Plan,
        directory: RunDirectory | None = None,
        *,
        callback: Any = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
        observers: Sequence[Observer] = (),
        info_keywords: Sequence[str] = (),
        evaluate_env: Any = None,
        from_zero: bool = False,
        resumed: bool = False,
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

        self.agent, self.plan, self.directory = agent, plan, directory
        self.callbacks, self.records = Callbacks(callback), Records(agent.learner.seeds)
        native = agent.source.native is not None
        self.watch = Watch("this chunk of training" if native else "this environment step")
        self.observers: list[Any] = list(observers)
        self.ended = EpisodeInfos(info_keywords, agent.learner.seeds, agent.learner.window)
        if native and info_keywords:
            raise ValueError(
                f"info_keywords={list(info_keywords)}: native environments have no infos; pass backend='gymnasium'."
            )
        if self.callbacks.wants("on_step"):
            if native:
                self.observers.append(self.tell_steps)
            else:
                self.watch.on_step = self.tell_step
        self.run = agent.learner.started(bool(self.observers), plan.chunk_size, self.watch)
        if not native:
            agent.learner.environments.on_end = self.ended.end
        self.view = LiveView(enabled=progress_bar, watch=self.watch)
        self.first = self.previous = agent.step
        self.iterations = iterations_done(self.run)  # at the last row
        if not np.any(agent.learner.updates):
            agent.learner.count_updates(agent.history)  # of a loaded agent
        self.saved = agent.step if resumed else None  # the step of the last checkpoint
        self.from_zero = from_zero
        self.selection = (
            None if plan.evaluate_every is None else Selection(agent, plan.evaluation_episodes, evaluate_env)
        )
        self.evaluated: dict[str, Any] = {}  # the newest evaluation, which stays in view
        self.loggers = list(loggers)
        self.failure: BaseException | None = None  # what training ended with
        self.diverged: np.ndarray | None = None  # which of several seeds have, and were named
        self.whole = self.saved  # the step of the last checkpoint in which none had, which is kept

    def train(self) -> None:
        """Train; Ctrl-C stops after the environment step or chunk under way, and then raises KeyboardInterrupt."""
        agent, plan, watch = self.agent, self.plan, self.watch
        self.started, trained = time.perf_counter(), agent.step > 0
        if self.from_zero:
            self.run = agent.learner.count_from_zero()
            agent.history, agent.best_so_far, self.first, self.previous = [], None, 0, 0
        if self.directory is not None:
            self.directory.tidy()
            after = self.saved  # what a resumed run logged after its checkpoint is dropped
            board = TensorBoardLog(self.directory.tensorboard, after)
            if after is None:
                board.write_hyperparameters(hyperparameters(agent.config()))
            own = (CsvLog(self.directory.metrics_file, after), board)
            self.loggers[:0] = own  # first: a logger of the user's that fails must not cost them a row
            if trained:  # what was learnt before is there to go back to, whatever comes now
                self.save()
        with watch.listening(), self.view, when_stuck(self.rescue):
            self.view.begin(agent.step, plan.total_timesteps)
            with ExitStack() as closing:
                for sink in (*self.loggers, *self.observers):
                    if hasattr(sink, "close"):  # a plain function will do as an observer
                        closing.callback(self.at_the_end, sink.close)
                if self.selection is not None:
                    closing.callback(self.selection.close)
                closing.callback(self.ended.warn_of_missing)
                closing.callback(setattr, watch, "rescue", None)
                closing.callback(self.at_the_end, self.save_model)
                closing.callback(self.at_the_end, self.save)
                closing.callback(self.end)
                watch.rescue = self.rescue
                try:
                    if self.callbacks.tell("on_start", agent, plan.total_timesteps):
                        agent.learner.run = train(
                            agent.learner,
                            self.run,
                            plan.total_timesteps,
                            plan.chunk_size,
                            self.on_chunk,
                            self.observers,
                            on_warm_up=self.on_warm_up,
                            on_iteration=self.on_iteration if self.callbacks.wants("on_rollout") else None,
                        )
                    watch.shields = 1  # nothing is broken off until all is kept, but for on_end
                except BaseException as error:
                    watch.shields = 1
                    self.failure = error
                    self.recover(error)
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
        metrics = self.agent.history[-1] if self.agent.history else {}
        return self.callbacks.tell("on_rollout", self.progress(steps_done(run), metrics))

    def on_chunk(self, run: TrainState, metrics: dict[str, np.ndarray]) -> bool:
        """A chunk has been finished: evaluate, tell, log, show and keep; whether training should go on."""
        step, evaluated = steps_done(run), False
        nan = np.asarray(metrics[NAN])
        row = self.row(run, {name: value for name, value in metrics.items() if name != NAN})
        try:
            self.require_finite(row, nan, step)
            if self._passed(self.plan.evaluate_every, step) or step >= self.plan.total_timesteps:
                evaluation = self.evaluate()
                row |= evaluation
                evaluated = bool(evaluation)
            row |= self.records.take()
            self.agent.history.append(row)
            progress = self.progress(step, row)
            going = self.callbacks.tell("on_evaluation", progress) if evaluated else True
            going = self.callbacks.tell("on_row", progress) and going
        finally:  # a row is kept even if whoever is told of it fails
            row.update(self.records.take())
            self.write(row)
        self.view.update(
            self.records.for_place(self.evaluated | row, "table"), step, self.plan.total_timesteps
        )
        if self._passed(self.plan.checkpoint_every, step):
            self.save()
        self.previous = step
        return going

    def end(self) -> None:
        """Training is over, in whatever way; who is told of it may be broken off, but not what comes after."""
        self.watch.shields = 0
        try:
            self.callbacks.tell("on_end", self.agent)
        finally:
            self.watch.shields = 1

    def tell_step(self, transition: Transition, environments: HostEnvironments) -> None:
        """A step has been taken on the host."""
        if not self._tell_step(transition, self.first + self.watch.steps, environments.infos):
            self.watch.stop = True

    def tell_steps(self, transition: Transition) -> None:
        """The steps `[T, S·N, …]` of a chunk have been taken on the device."""
        happened = np.asarray(transition.mask)
        seeds = self.agent.learner.seeds or 1
        nothing: list[dict[str, Any]] = [{}] * happened.shape[1]
        for t in np.flatnonzero(happened.any(1)):
            self.watch.steps += int(happened[t].sum()) // seeds
            row = jax.tree.map(lambda x, t=t: x[t], transition)
            if not self._tell_step(row, self.first + self.watch.steps, nothing):
                self.watch.stop = True
                return

    def _tell_step(self, row: Transition, step: int, infos: Sequence[dict[str, Any]]) -> bool:
        event = StepEvent(
            step=step,
            observation=row.observation,
            action=row.action,
            reward=row.reward,
            raw_reward=row.reward if row.raw_reward is None else row.raw_reward,
            mask=row.mask,
            terminated=row.terminated,
            truncated=row.truncated,
            next_observation=row.next_observation,
            infos=infos,
            agent=self.agent,
            records=self.records,
        )
        return self.callbacks.tell("on_step", event)

    # rows

    def progress(self, step: int, metrics: dict[str, Any]) -> Progress:
        """Where training stands, for a callback."""
        return Progress(step, self.plan.total_timesteps, metrics, self.agent, self.records)

    def row(self, run: TrainState, metrics: dict[str, np.ndarray]) -> dict[str, Any]:
        """The row of metrics of a chunk that has just been finished."""
        step, elapsed = steps_done(run), time.perf_counter() - self.started
        return metrics | {
            STEP: step,
            "time/time_elapsed": elapsed,
            "time/fps": (step - self.first) * (self.agent.learner.seeds or 1) / elapsed,
            "time/iterations": iterations_done(run),
            UPDATES: self.count_updates(iterations_done(run), metrics),
            **self.ended.report(),
        }

    def count_updates(self, iterations: int, metrics: dict[str, np.ndarray]) -> Any:
        """Updates of the parameters so far: a whole number, or `[S]`. Without a word of the algorithm's, one in each
        iteration.
        """
        learner, plan = self.agent.learner, self.agent.algorithm.experience
        before, self.iterations = self.iterations, iterations
        num_envs = self.agent.num_envs
        if plan.replay is not None:
            learning = max(0, iterations - plan.warm_up_iterations(num_envs))
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

    def require_finite(self, metrics: dict[str, Any], nan: np.ndarray, step: int) -> None:
        """Stop where a loss or, as `nan` says, what has been learnt is not a number any more. Of several seeds those
        that diverged are named, and the others go on.
        """
        seeds = self.agent.seeds
        lost = [name for name, value in metrics.items() if "loss" in name and not np.isfinite(value).all()]
        what = f"{lost[0]} is {_first_not_finite(metrics[lost[0]])}" if lost else ""
        if not lost and nan.any():
            what = "what has been learnt is not a number"
        if not what:
            return
        advice = (
            f"{what} at step {step:,}: learning diverged, or observations or rewards were not finite. A lower "
            "learning_rate may help, or normalize_observations and normalize_rewards."
        )
        if seeds is None:
            raise DivergedError(advice)
        bad = np.any([nan, *(~np.isfinite(np.broadcast_to(metrics[name], len(seeds))) for name in lost)], 0)
        if bad.all():
            raise DivergedError(f"With every seed, {advice}")
        new = bad if self.diverged is None else bad & ~self.diverged
        self.diverged = bad if self.diverged is None else bad | self.diverged
        if new.any():
            named = ", ".join(str(seed) for seed, is_new in zip(seeds, new, strict=True) if is_new)
            warnings.warn(f"With seed {named}, {advice} The other seeds go on.", stacklevel=2)

    # what is kept

    def evaluate(self) -> dict[str, Any]:
        """Score the policy, where that was asked for, and keep the best model."""
        if self.selection is None:
            return {}
        try:
            with self.watch.doing("evaluating"):
                self.evaluated, news = self.selection.evaluate(self.watch, self.diverged)
        except Stopped:
            return {}
        if self.directory is not None and (news or not self.directory.best.exists()):
            with self.watch.shielded():
                saving.save_best(self.agent, self.directory)
        return self.evaluated

    def save(self) -> None:
        """Write a checkpoint, unless the last one is of this very step. What is not finite is not written."""
        if self.directory is None or self.agent.learner.lost:
            return
        with self.watch.shielded(), self.watch.doing("writing a checkpoint"):
            self._save(self.directory)

    def rescue(self) -> bool:
        """The same from another thread, while this one is held up; whether what has been learnt is kept now."""
        if self.directory is None:
            return True
        try:
            with self.watch.writing:
                self._save(self.directory)
        except DiskError:  # it will not get better
            return True
        except Exception:  # such as where a chunk is under way, which has taken over the arrays
            return False
        return True

    def _save(self, directory: RunDirectory) -> None:
        learner = self.agent.learner
        if learner.step == self.saved or self._is_diverged():
            return
        config, keep = directory.read_config(), self.plan.keep_checkpoints
        spare = None if self.diverged is None else self.whole
        save_checkpoint(directory.checkpoints, learner.step, learner.run, config, keep, spare)
        self.saved = learner.step
        if self.diverged is None:
            self.whole = learner.step

    def save_model(self) -> None:
        """Write the model as it is; of several seeds that of the one which was paid most lately."""
        agent = self.agent
        if self.directory is None or agent.learner.lost or self._is_diverged():
            return
        if agent.seeds is not None:
            paid = agent.history[-1].get(RETURN) if agent.history else None
            paid = np.zeros(len(agent.seeds)) if paid is None else np.nan_to_num(paid, nan=-np.inf)
            agent = agent[
                int(np.argmax(paid if self.diverged is None else np.where(self.diverged, -np.inf, paid)))
            ]
        with self.watch.shielded():
            agent.save(self.directory.model_file)

    def at_the_end(self, write: Callable[[], None]) -> None:
        """Write something once more. A disk that does not take it is the error, unless training ended with another."""
        try:
            write()
        except DiskError as error:
            if self.failure is None:
                self.failure = error
                raise
            if str(error) != str(self.failure):
                self.failure.add_note(f"operant: {error}")

    def _is_diverged(self) -> bool:
        return self.agent.seeds is None and has_nan(self.agent.state)

    def recover(self, error: BaseException) -> None:
        """After a failure: where the run's arrays went with the chunk that failed, or are not finite, go back to the
        last checkpoint.
        """
        learner, diverged = self.agent.learner, isinstance(error, DivergedError)
        if not (learner.lost or diverged):
            return
        path = None if self.directory is None else latest_checkpoint(self.directory.checkpoints)
        if path is None:
            learner.give_up()
            error.add_note(
                "operant: what the agent had learnt was lost with the chunk of training that failed, and there was no "
                "checkpoint to go back to; learn(run_dir=…, checkpoint_every=…) keeps some."
            )
            return
        run, _ = load_checkpoint(path, learner.run)
        learner.restored(run)
        self.saved = learner.step
        self.agent.history = [row for row in self.agent.history if row[STEP] <= learner.step]
        learner.count_updates(self.agent.history)
        error.add_note(
            f"operant: the agent is back at its last checkpoint, of step {learner.step:,} ({path})."
        )

    def _passed(self, every: int | None, step: int) -> bool:
        """Whether the chunk that ended at this step went over a multiple of `every`."""
        return every is not None and step // every > self.previous // every


def _first_not_finite(value: Any) -> float:
    values = np.asarray(value, np.float64).reshape(-1)
    return float(values[~np.isfinite(values)][0])


def hyperparameters(config: dict[str, Any]) -> dict[str, Any]:
    """What tells one run from another, flat."""
    about = ("algorithm", "environment", "seed", "num_envs", "backend")
    return {name: config.get(name) for name in about} | dict(config.get("hyperparameters") or {})
