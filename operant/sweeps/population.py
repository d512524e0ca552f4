"""Trials that train together: the learners of one compiled run, whose hyperparameters are their own.

K trials of S seeds are K·S learners, those of a trial side by side; where the devices do not divide them, copies of the
last fill up the rest, and nobody looks at them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant import settings
from operant.agent.core import Core
from operant.agent.held import Held
from operant.agent.selection import Selection
from operant.algorithms.base import Algorithm
from operant.algorithms.varied import Varied, VariedState
from operant.engine.checkpoint import load_checkpoint, save_checkpoint
from operant.engine.log import RETURN
from operant.engine.metrics import NAN
from operant.engine.train import chunk_size, steps_done, train
from operant.engine.train_state import Stream, TrainState, stream
from operant.engine.watch import Watch
from operant.envs.source import Source
from operant.memory import TooLarge
from operant.replay import ring
from operant.sweeps.kept import Kept
from operant.sweeps.trial import Record, Score
from operant.types import PyTree

MOST_POINTS = 200  # of a learning curve


@dataclass(frozen=True)
class Kind:
    """What learners have in common that are trained by one program."""

    varied: Varied
    source: Source
    num_envs: int | None
    total: int  # environment steps of a training that is not stopped
    episodes: int  # of an evaluation


class Learners:
    """Learners of a kind, whose programs are compiled once; batch after batch is trained by them."""

    def __init__(self, kind: Kind, seeds: Sequence[int]) -> None:
        try:
            self.core = Core(kind.varied, kind.source, seeds=padded(seeds), num_envs=kind.num_envs)
        except TooLarge as error:
            raise TooLarge(f"together: {error}") from error
        self.selection = Selection(self.core, kind.episodes)
        self.size = chunk_size(kind.varied.experience, self.core.num_envs, kind.total)
        varied, spec = kind.varied, self.core.spec

        def initial(numbers: PyTree, key: jax.Array) -> VariedState:
            return varied.begin(spec, stream(key, Stream.INIT), numbers)

        self._initial = jax.jit(jax.vmap(initial), compiler_options=settings.once(exact=False))
        self._chosen = jax.jit(lambda run, rows: jax.tree.map(lambda x: x[rows], run))
        self._exchanged = jax.jit(exchanged, donate_argnums=0)

    def begin(self, numbers: Sequence[np.ndarray]) -> None:
        """A run before its first step, of learners with these numbers `[L]`."""
        learner = self.core.learner
        learner.run, learner.begun = None, replace(learner.begun, step=0, iteration=0)
        learner.state = self._initial(tuple(map(padded_array, numbers)), learner.key)

    def chosen(self, rows: Sequence[int]) -> TrainState:
        """The present run of some of the learners, and of copies of the last where the devices want more."""
        return self._chosen(self.core.learner.run, np.asarray(padded(rows)))

    def exchange(self, rows: Sequence[int], numbers: Sequence[np.ndarray]) -> None:
        """Each learner goes on from what learner `rows[l]` has learnt, with the numbers `[L]`."""
        own = tuple(jnp.asarray(padded_array(each)) for each in numbers)
        taken = np.asarray([*rows, *range(len(rows), len(padded(rows)))])
        self.core.learner.run = self._exchanged(self.core.learner.run, taken, own)

    def close(self) -> None:
        """Closes environments in Python."""
        self.selection.close()
        self.core.learner.close()


def exchanged(run: TrainState, rows: jax.Array, numbers: tuple[jax.Array, ...]) -> TrainState:
    """The run `[L]` in which learner l has the weights, optimizer, statistics and replay of learner `rows[l]`.

    Its environments and its randomness stay its own: its episodes go on, played by the new policy. Replay treats those
    under way as cut short, where the other's experience ends and its own begins.
    """
    learner = jax.tree.map(lambda x: x[rows], run.state.learner)
    replay = run.replay
    if replay is not None:
        replay = ring.truncate_open_episodes(jax.tree.map(lambda x: x[rows], replay))
    return replace(run, state=VariedState(learner, numbers), replay=replay)


class Population:
    """The trials of one program, from their first step to where each is stopped or finished.

    `records` has all that is noted of each trial, those that were stopped included.
    """

    def __init__(
        self,
        kind: Kind,
        trials: dict[int, Algorithm],
        seeds: dict[int, tuple[int, ...]],
        stock: Stock,
    ) -> None:
        self.kind, self.algorithms, self.seeds, self.stock = kind, trials, seeds, stock
        self.alive = list(trials)
        self.records = {number: Record() for number in trials}
        self._learners: Learners | None = None
        self._stored: Path | None = None  # a checkpoint whose arrays nobody has needed yet
        self._diverged: dict[int, Any] = {}  # `[S]` of each trial

    @property
    def learners(self) -> Learners:
        """Those of the trials that are alive; a stored run is read when it is first needed."""
        if self._learners is None:
            self._learners = self._take()
            if self._stored is None:
                self._learners.begin(self._numbers())
            else:
                self._load(self._stored)
        return self._learners

    @property
    def steps(self) -> int:
        """How far the trials that are alive have come."""
        return self.learners.core.step

    def train(self, until: int, watch: Watch, on_row: Callable[[int], None]) -> None:
        """Train all that are alive up to this many steps, or until `watch` says stop.

        `on_row(steps)` is called after each row of metrics.
        """
        learners, learner = self.learners, self.learners.core.learner
        run = learner.started(False, learners.size, watch)
        if self.steps >= until:
            return

        def on_chunk(run: TrainState, metrics: dict[str, np.ndarray]) -> bool:
            self._note(steps_done(run), metrics)
            on_row(steps_done(run))
            return steps_done(run) < until

        learner.run = train(
            Held(learner),
            run,
            self.kind.total,
            learners.size,
            on_chunk,
            on_warm_up=lambda run: not watch.stop,
            end_after=lambda step: until,
        )

    def evaluate(self, until: int, watch: Watch) -> None:
        """Note a score of each trial that is alive, as that after `until` steps.

        Raises Stopped where `watch` says stop before all are finished.
        """
        with watch.doing("evaluating"):
            scores = [score.mean for score in self.learners.selection.scores(watch)]
        for number, own in zip(self.alive, self._of_trials(np.array(scores)), strict=True):
            diverged = self._diverged.get(number, np.False_)
            values = np.where(diverged, np.nan, own)  # what plays on without sense may score by chance
            self.records[number].scores.append(Score(until, tuple(map(float, values))))

    def keep(self, numbers: Sequence[int]) -> None:
        """Let go of all trials but these: they leave the program."""
        left = [number for number in self.alive if number in numbers]
        if left == self.alive:
            return
        if not left:
            self._release()
            self.alive, self._stored = [], None
            return
        before = self.learners
        rows = [row for number in left for row in self._rows(number)]
        run = before.chosen(rows)
        self._release()
        self.alive = left
        self._learners = self._take()
        self._learners.core.learner.restored(run)

    def exchange(self, sources: dict[int, int], algorithms: dict[int, Algorithm]) -> None:
        """Each trial goes on from what trial `sources[number]` has learnt, as another algorithm of the same kind."""
        self.algorithms = dict(algorithms)
        rows = [row for number in self.alive for row in self._rows(sources[number])]
        self.learners.exchange(rows, self._numbers())
        self._diverged = {number: self._diverged.get(sources[number], np.False_) for number in self.alive}

    # files

    def save(self, directory: Path, more: dict[str, Any]) -> None:
        """Write a checkpoint of all that is alive, with all records."""
        manifest = {
            "alive": self.alive,
            "records": {str(number): record.to_json() for number, record in self.records.items()},
            **more,
        }
        save_checkpoint(directory, self.steps, self.learners.core.learner.run, manifest, keep=1)

    def restore(self, directory: Path) -> dict[str, Any] | None:
        """Go on from the last checkpoint here: what was saved with it, or None where there is none."""
        kept = Kept.latest(directory, self.records)
        if kept is None:
            return None
        self.alive, self.records, self._stored = kept.alive, kept.records, kept.path
        return kept.more

    def load(self) -> None:
        """Read a stored run now, and not when it is first needed."""
        _ = self.learners

    def close(self) -> None:
        """The learners are free for others."""
        self._release()

    # learners

    def _take(self) -> Learners:
        return self.stock.take(self.kind, [seed for number in self.alive for seed in self.seeds[number]])

    def _release(self) -> None:
        if self._learners is not None:
            self.stock.give(self.kind, self._learners)
            self._learners = None

    def _load(self, path: Path) -> None:
        assert self._learners is not None
        learner = self._learners.core.learner
        self._learners.begin(self._numbers())
        like = learner.started(False, self._learners.size)
        run, _ = load_checkpoint(path, like, in_place=True)
        learner.restored(run)

    def _numbers(self) -> tuple[np.ndarray, ...]:
        """`[K·S]` each: the learners' own."""
        each = [self.algorithms[number] for number in self.alive for _ in self.seeds[number]]
        return self.kind.varied.numbers_of(each)

    def _rows(self, number: int) -> range:
        """Which learners are of this trial."""
        before = self.alive[: self.alive.index(number)]
        first = sum(len(self.seeds[each]) for each in before)
        return range(first, first + len(self.seeds[number]))

    def _of_trials(self, values: np.ndarray) -> list[np.ndarray]:
        """`[L]` as `[S]` of each trial that is alive."""
        return [values[list(self._rows(number))] for number in self.alive]

    def _note(self, step: int, metrics: dict[str, np.ndarray]) -> None:
        """A point of each curve, and who has diverged."""
        learners = self.learners.core.learner.seeds or 1
        returns = np.broadcast_to(metrics.get(RETURN, np.nan), (learners,))
        diverged = np.broadcast_to(metrics[NAN], (learners,))
        thin = math.ceil(self.kind.total / MOST_POINTS)
        for number, own, lost in zip(
            self.alive, self._of_trials(returns), self._of_trials(diverged), strict=True
        ):
            record = self.records[number]
            if lost.any():
                self._diverged[number] = self._diverged.get(number, np.False_) | lost
            if not record.steps or step - record.steps[-1] >= thin or step >= self.kind.total:
                record.steps.append(step)
                record.returns.append([float(f"{value:.5g}") for value in own])


class Stock:
    """Learners that are compiled already, for whoever asks for as many of the same kind."""

    def __init__(self) -> None:
        self._free: list[tuple[Kind, Learners]] = []

    def take(self, kind: Kind, seeds: Sequence[int]) -> Learners:
        """Learners with these seeds; new ones where none are free."""
        for index, (known, learners) in enumerate(self._free):
            if alike(known, kind) and learners.core.seeds == padded(seeds):
                del self._free[index]
                return learners
        return Learners(kind, seeds)

    def give(self, kind: Kind, learners: Learners) -> None:
        """They are not used any more; what they have learnt is let go of."""
        learners.core.learner.run = None
        self._free.append((kind, learners))

    def close(self) -> None:
        """Closes all that are free."""
        for _, learners in self._free:
            learners.close()
        self._free.clear()


def alike(one: Kind, other: Kind) -> bool:
    """Whether one program trains both: they differ in the learners' own numbers at most."""
    (a, b), same = (one.varied, other.varied), ("num_envs", "total", "episodes")
    if (
        a.places != b.places
        or jax.tree.structure(a) != jax.tree.structure(b)
        or one.source is not other.source
    ):
        return False
    pairs = zip(jax.tree.leaves(a.algorithm), jax.tree.leaves(b.algorithm), strict=True)
    shared = (pair for place, pair in enumerate(pairs) if place not in a.places)
    return all(getattr(one, name) == getattr(other, name) for name in same) and all(
        x is y or np.array_equal(x, y) for x, y in shared
    )


def padded(rows: Sequence[int]) -> tuple[int, ...]:
    """As many as all devices share evenly: the last one again and again."""
    devices = len(jax.devices())
    missing = -len(rows) % devices if len(rows) > devices else 0
    return (*rows, *itertools.repeat(rows[-1], missing))


def padded_array(values: np.ndarray) -> np.ndarray:
    """The same of an array `[L]`."""
    return values[list(padded(range(len(values))))]
