"""What a training keeps on the disk, and what it goes back to when it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from operant.agent import saving
from operant.agent.core import Core
from operant.agent.divergence import DivergedError, Divergence
from operant.agent.plan import Plan
from operant.engine import processes
from operant.engine.checkpoint import latest_checkpoint, save_checkpoint
from operant.engine.files import DiskError, has_nan
from operant.engine.log import RETURN
from operant.engine.run_directory import RunDirectory
from operant.engine.watch import Watch


class Keeper:
    """Writes checkpoints, the model and the best model into a run directory; without one, nothing. Where another
    process writes them it `follows`: it takes part in gathering what is divided among them.

    `saved` is the step of the checkpoint that training starts from, if any.
    """

    def __init__(
        self,
        core: Core,
        plan: Plan,
        directory: RunDirectory | None,
        watch: Watch,
        divergence: Divergence,
        saved: int | None,
        follows: bool = False,
    ) -> None:
        self.core, self.plan, self.directory, self.watch = core, plan, directory, watch
        self.divergence, self.follows = divergence, follows
        self.saved = saved  # the step of the last checkpoint
        self.whole = saved  # that of the last one in which no seed had diverged, which is kept
        self.failure: BaseException | None = None  # what training ended with

    def save(self) -> None:
        """Write a checkpoint, unless the last one is of this very step. What is not finite is not written."""
        if (self.directory is None and not self.follows) or self.core.learner.lost:
            return
        with self.watch.shielded(), self.watch.doing("writing a checkpoint"):
            self._save(self.directory)

    def rescue(self) -> bool:
        """The same from another thread, while this one is held up; whether what has been learnt is kept now."""
        if self.directory is None or processes.count() > 1:  # which would all have to take part
            return True
        try:
            with self.watch.writing:
                self._save(self.directory, stuck=True)
        except DiskError:  # it will not get better
            return True
        except Exception:  # such as where a chunk is under way, which has taken over the arrays
            return False
        return True

    def _save(self, directory: RunDirectory | None, stuck: bool = False) -> None:
        learner, diverged = self.core.learner, self.divergence.diverged
        if learner.step == self.saved or self._is_diverged():
            return
        spare = None if diverged is None else self.whole
        run = processes.whole(learner.run)
        if run is not None and not self.plan.checkpoint_replay:
            run = replace(run, replay=None)
        if directory is not None:
            config, keep = directory.read_config(), self.plan.keep_checkpoints
            environments = None if stuck else learner.stored_environments()
            save_checkpoint(directory.checkpoints, learner.step, run, config, keep, spare, environments)
        self.saved = learner.step
        if diverged is None:
            self.whole = learner.step

    def save_model(self) -> None:
        """Write the model as it is; of several seeds that of the one which was paid most lately."""
        core, diverged = self.core, self.divergence.diverged
        if self.directory is None or core.learner.lost or self._is_diverged():
            return
        if core.seeds is not None:
            paid = core.history[-1].get(RETURN) if core.history else None
            paid = np.zeros(len(core.seeds)) if paid is None else np.nan_to_num(paid, nan=-np.inf)
            core = core.of_seed(
                int(np.argmax(paid if diverged is None else np.where(diverged, -np.inf, paid)))
            )
        with self.watch.shielded():
            saving.save(core, self.directory.model_file)

    def save_best(self, news: bool) -> None:
        """Write the best model where there is a new one, or none is there yet."""
        if self.directory is not None and (news or not self.directory.best.exists()):
            with self.watch.shielded():
                saving.save_best(self.core, self.directory)

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

    def recover(self, error: BaseException) -> None:
        """After a failure: where the run's arrays went with the chunk that failed, or are not finite, go back to the
        last checkpoint.
        """
        self.failure = error
        core, diverged = self.core, isinstance(error, DivergedError)
        if not (core.learner.lost or diverged):
            return
        path = None if self.directory is None else latest_checkpoint(self.directory.checkpoints)
        if path is None:
            core.learner.give_up()
            error.add_note(
                "operant: what the agent had learnt was lost with the chunk of training that failed, and there was no "
                "checkpoint to go back to; learn(run_dir=…, checkpoint_every=…) keeps some."
            )
            return
        run, _ = saving.load_run(core, path, self.plan.checkpoint_replay)
        core.restored(run, core.history, core.best, not self.plan.checkpoint_replay)
        self.saved = core.step
        error.add_note(f"operant: the agent is back at its last checkpoint, of step {core.step:,} ({path}).")

    def _is_diverged(self) -> bool:
        return self.core.seeds is None and has_nan(self.core.state)
