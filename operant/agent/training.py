"""One stretch of training: what is logged, kept, shown and asked between two chunks, and what a failure leaves."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.agent import saving
from operant.agent.best import Selection
from operant.agent.inputs import at_least_one
from operant.engine.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from operant.engine.log import RETURN, STEP, CsvLog, Logger, TensorBoardLog
from operant.engine.observers import Observer
from operant.engine.run import Run
from operant.engine.run_directory import RunDirectory
from operant.engine.train import LARGEST, deferred_interrupt, steps_done, train

if TYPE_CHECKING:
    from operant.agent.agent import Agent


@dataclass(frozen=True)
class Progress:
    """What a callback is told between two chunks of training."""

    step: int  # environment steps so far, of each seed
    total: int
    metrics: dict[str, Any]  # the row just logged: numbers, or arrays [S] with several seeds
    agent: Agent


Callback = Callable[[Progress], bool | None]


@dataclass(frozen=True)
class Plan:
    """What a run was asked for beside the agent itself; `config.json` holds it, so that it can be resumed."""

    total_timesteps: int  # at which training ends, counted from the agent's first step
    chunk_size: int  # iterations
    checkpoint_every: int | None = None  # environment steps
    evaluate_every: int | None = None  # environment steps
    evaluation_episodes: int = 20

    def __post_init__(self) -> None:
        at_least_one(**asdict(self))
        if self.total_timesteps > LARGEST:
            raise ValueError(f"total_timesteps: {self.total_timesteps} in all; must be at most {LARGEST}.")

    @classmethod
    def of(cls, directory: RunDirectory) -> Plan:
        """The plan of a run that was started."""
        config = directory.read_config()
        return cls(**{field.name: config[field.name] for field in fields(cls) if field.name in config})


class Session:
    """Trains an agent to the end of its plan, and leaves it usable whatever happens."""

    def __init__(
        self,
        agent: Agent,
        plan: Plan,
        directory: RunDirectory | None = None,
        *,
        callback: Callback | None = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
        observers: Sequence[Observer] = (),
        resumed: bool = False,
    ) -> None:
        for name, functions in (
            ("callback", (callback,) if callback is not None else ()),
            ("observers", observers),
        ):
            for function in functions:
                if not callable(function):
                    raise ValueError(f"{name}: {function!r} must be a function.")

        from operant.engine.progress import Progress as LiveView  # draws with rich, which only training needs

        self.agent, self.plan, self.directory = agent, plan, directory
        self.callback, self.observers = callback, observers
        self.run = agent.learner.started(bool(observers), plan.chunk_size)
        self.view = LiveView(enabled=progress_bar)
        self.first = self.previous = agent.step
        self.saved = agent.step if resumed else None  # the step of the last checkpoint
        self.selection = None if plan.evaluate_every is None else Selection(agent, plan.evaluation_episodes)
        self.evaluated: dict[str, Any] = {}  # the newest evaluation, which stays in view
        self.loggers = list(loggers)
        self.diverged = False  # and said so

    def train(self) -> None:
        """Train; Ctrl-C stops behind the chunk that is running, and then raises KeyboardInterrupt."""
        agent, plan = self.agent, self.plan
        self.started = time.perf_counter()
        if self.directory is not None:
            after = self.saved  # what a resumed run logged behind its checkpoint is dropped
            own = (
                CsvLog(self.directory.metrics_file, after),
                TensorBoardLog(self.directory.tensorboard, after),
            )
            self.loggers[:0] = own  # first: a logger of the user's that fails must not cost them a row
        with deferred_interrupt() as interrupted, self.view:

            def on_chunk(run: Run, metrics: dict[str, np.ndarray]) -> bool:
                return self.tell(self.row(run, metrics)) and not interrupted()

            with ExitStack() as closing:
                for sink in (*self.loggers, *self.observers):
                    if hasattr(sink, "close"):  # a plain function will do as an observer
                        closing.callback(sink.close)
                if self.selection is not None:
                    closing.callback(self.selection.close)
                closing.callback(self.save_model)
                closing.callback(self.save)
                try:
                    run = train(
                        agent.learner,
                        self.run,
                        plan.total_timesteps,
                        plan.chunk_size,
                        on_chunk,
                        self.observers,
                    )
                except BaseException as error:
                    self.recover(error)
                    raise
                agent.learner.run = run
            if interrupted():
                raise KeyboardInterrupt

    def row(self, run: Run, metrics: dict[str, np.ndarray]) -> dict[str, Any]:
        """The row of metrics of a chunk that has just been finished, written wherever rows go."""
        step, elapsed = steps_done(run), time.perf_counter() - self.started
        row = metrics | {
            STEP: step,
            "time/time_elapsed": elapsed,
            "time/fps": (step - self.first) * (self.agent.learner.seeds or 1) / elapsed,
            "time/iterations": int(np.asarray(run.iteration).max()),
        }
        self.look(metrics, step)
        if self._passed(self.plan.evaluate_every, step) or step >= self.plan.total_timesteps:
            row |= self.evaluate()
        self.agent.history.append(row)
        for logger in self.loggers:
            logger.write(row)
        return row

    def look(self, metrics: dict[str, Any], step: int) -> None:
        """Warn, once, where a loss is not a number any more: nothing is learnt from then on."""
        lost = [name for name, value in metrics.items() if "loss" in name and not np.isfinite(value).all()]
        if lost and not self.diverged:
            self.diverged = True
            warnings.warn(
                f"{lost[0]} is not a finite number at step {step:,}: learning diverged, or observations or rewards "
                "were not finite. A lower learning_rate may help, or normalize_observations and normalize_rewards.",
                stacklevel=2,
            )

    def evaluate(self) -> dict[str, Any]:
        """Score the policy, where that was asked for, and keep the best model."""
        if self.selection is None:
            return {}
        self.evaluated, news = self.selection.evaluate()
        if self.directory is not None and (news or not self.directory.best.exists()):
            saving.save_best(self.agent, self.directory)
        return self.evaluated

    def tell(self, row: dict[str, Any]) -> bool:
        """Show and keep what the chunk came to; whether training should go on."""
        step, total = row[STEP], self.plan.total_timesteps
        self.view.update(self.evaluated | row, step, total)
        if self._passed(self.plan.checkpoint_every, step):
            self.save()
        self.previous = step
        return self.callback is None or self.callback(Progress(step, total, row, self.agent)) is not False

    def save(self) -> None:
        """Write a checkpoint, unless the last one is of this very step."""
        learner = self.agent.learner
        if self.directory is None or learner.lost or learner.step == self.saved:
            return
        config = self.directory.read_config()
        save_checkpoint(self.directory.checkpoints, learner.step, learner.run, config, keep=2)
        self.saved = learner.step

    def save_model(self) -> None:
        """Write the model as it is; of several seeds that of the one which was paid most lately."""
        agent = self.agent
        if self.directory is None or agent.learner.lost:
            return
        if agent.seeds is not None:
            paid = agent.history[-1][RETURN] if agent.history else np.zeros(len(agent.seeds))
            agent = agent[int(np.argmax(np.nan_to_num(paid, nan=-np.inf)))]
        agent.save(self.directory.model_file)

    def recover(self, error: BaseException) -> None:
        """After a failure: where the run's arrays went with the chunk that failed, go back to the last checkpoint."""
        learner = self.agent.learner
        if not learner.lost:
            return
        path = None if self.directory is None else latest_checkpoint(self.directory.checkpoints)
        if path is None:
            error.add_note(
                "operant: what the agent had learnt was lost with the chunk of training that failed, and there was no "
                "checkpoint to go back to; learn(run_dir=…, checkpoint_every=…) keeps some."
            )
            return
        run, _ = load_checkpoint(path, learner.run)
        learner.restored(run)
        self.saved = learner.step
        self.agent.history = [row for row in self.agent.history if row[STEP] <= learner.step]
        error.add_note(
            f"operant: the agent is back at its last checkpoint, of step {learner.step:,} ({path})."
        )

    def _passed(self, every: int | None, step: int) -> bool:
        """Whether the chunk that ended at this step went over a multiple of `every`."""
        return every is not None and step // every > self.previous // every
