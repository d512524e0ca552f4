"""The loop over a dataset: nothing is collected, and every iteration is one update on recorded steps.

A dataset in memory lies on the device once, for all seeds, and is in no checkpoint: where a run stands in it follows
from how many updates it has made, and the order of an epoch from the run's key and the epoch's number.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from operant import memory, settings
from operant.algorithms.base import Algorithm
from operant.engine.demonstrations import DatasetError, Demonstrations, Stream
from operant.engine.learn import report
from operant.engine.metrics import SUMS, Summands, present
from operant.engine.over_seeds import SEEDS, mesh_of, over_seeds
from operant.engine.programs import Program
from operant.engine.statistics import WINDOW, EpisodeStatistics
from operant.engine.train import Stepped
from operant.engine.train_state import Stream as Randomness
from operant.engine.train_state import TrainState, initial_state, stream
from operant.engine.watch import Stopped, Watch
from operant.ops.metrics import Metrics, mean_metrics
from operant.ops.shuffle import permutations
from operant.types import Batch, Clock, Dataset, EnvSpec, PyTree, Transition

LONGEST = (
    2.0  # seconds that one call of a program may take, after which it is seen whether somebody asked to stop
)
ORDERED = 2**20  # indices of the epochs whose order is made at once, at the most (or one epoch)
EPOCHS = "time/epochs"


class Order(NamedTuple):
    """In which order the K epochs from `first` on go through a dataset's windows."""

    windows: jax.Array  # int32 [K, W]
    offset: jax.Array  # int32 [K]: the step with which the first window begins


class Rows(NamedTuple):
    """A batch's steps, `[L, B]`."""

    rows: jax.Array  # int32
    weight: jax.Array  # float32: 0 for what fills up the last window, or the last batch


def windows(plan: Dataset, steps: int) -> int:
    """W: of how many sequences an epoch consists; without a memory, of all steps."""
    return -(-steps // plan.sequence)


def updates_per_epoch(plan: Dataset, steps: int) -> int:
    """Of how many batches; the last one may have less in it than the others."""
    return -(-windows(plan, steps) // plan.batch_size)


def order(plan: Dataset, steps: int, count: int, key: jax.Array, first: jax.Array) -> Order:
    """That of `count` epochs of a run with this key: each one's own, whichever are made together."""

    def one(epoch: jax.Array) -> Order:
        mine = jax.random.fold_in(stream(key, Randomness.REPLAY), epoch)
        shuffled = permutations(mine, 1, windows(plan, steps))[0]
        return Order(shuffled, jax.random.randint(jax.random.fold_in(mine, 1), (), 0, plan.sequence))

    return jax.lax.map(one, first + jnp.arange(count, dtype=jnp.int32))


def select_rows(plan: Dataset, steps: int, order: Order, update: jax.Array) -> Rows:
    """The batch of the update of this number, counted from the first of these epochs."""
    each = updates_per_epoch(plan, steps)
    epoch, batch = update // each, update % each
    slot = batch * plan.batch_size + jnp.arange(plan.batch_size)
    known = slot < windows(plan, steps)
    window = order.windows[epoch, jnp.where(known, slot, 0)]
    step = (window * plan.sequence)[None] + jnp.arange(plan.sequence)[:, None]
    known = known[None] & (step < steps)
    rows = (jnp.where(known, step, 0) + order.offset[epoch]) % steps
    return Rows(rows, known.astype(jnp.float32))


def batch_of(algorithm: Algorithm, plan: Dataset, state: PyTree, steps: Transition, selected: Rows) -> Batch:
    """What `Algorithm.update` learns from: `[B]`, or sequences `[L, B]`."""
    rows, weight = selected if plan.sequence > 1 else jax.tree.map(lambda x: x[0], selected)
    carry = algorithm.initial_carry(state, plan.batch_size) if plan.sequence > 1 else ()
    return Batch(jax.tree.map(lambda x: x[rows], steps), weight, carry)


def update(algorithm: Algorithm, run: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
    """The run after one update."""
    key = jax.random.fold_in(stream(run.key, Randomness.UPDATE), run.iteration)
    clock = Clock(run.clock.step + 1, run.clock.total)
    learnt = algorithm.update(run.state, batch, key, clock)
    if len(learnt) != 2:
        raise TypeError(
            f"{type(algorithm).__name__}.update returned {len(learnt)} things; must be (state, metrics)."
        )
    state, metrics = learnt
    changed = (state, clock, run.iteration + 1)
    return eqx.tree_at(lambda r: (r.state, r.clock, r.iteration), run, changed), metrics


def chunk(
    algorithm: Algorithm,
    run: TrainState,
    sums: jax.Array,
    order: Order,
    steps: Transition,
    first: jax.Array,
    count: jax.Array,
    before: jax.Array,
) -> tuple[TrainState, list]:
    """`(run, [metrics, sums])` after `count` updates, the first of which is number `first` of these epochs.

    Metrics are means over the chunk. It may come in parts: `sums` `[SUMS]` are those of its metrics over `before`
    updates, and over all of them in the end.
    """
    plan = algorithm.experience
    assert isinstance(plan, Dataset)
    length = steps.reward.shape[0]

    @jax.jit  # so that it is traced once, for the shapes and for the loop
    def one(run: TrainState, i: jax.Array) -> tuple[TrainState, Metrics]:
        selected = select_rows(plan, length, order, first + i)
        return update(algorithm, run, batch_of(algorithm, plan, run.state, steps, selected))

    _, like = jax.eval_shape(one, run, jnp.zeros((), jnp.int32))
    summands = Summands.of(like)
    totals = summands.begun(sums, algorithm.name)

    def body(i: jax.Array, loop: tuple[TrainState, PyTree]) -> tuple[TrainState, PyTree]:
        run, totals = loop
        run, metrics = one(run, i.astype(jnp.int32))
        return run, summands.added(totals, metrics)

    run, totals = jax.lax.fori_loop(0, count, body, (run, totals))
    metrics = {**summands.means(totals, before + count), **report(algorithm, run.state)}
    return run, [metrics, summands.kept(sums, totals)]


def validate(algorithm: Algorithm, state: PyTree, steps: Transition) -> tuple[PyTree, dict[str, jax.Array]]:
    """`(state, metrics of held-out steps)`, in batches of the plan's size and in order."""
    plan = algorithm.experience
    assert isinstance(plan, Dataset)
    length = steps.reward.shape[0]
    in_order = Order(jnp.arange(windows(plan, length), dtype=jnp.int32)[None], jnp.zeros((1,), jnp.int32))

    def one(i: jax.Array) -> tuple[PyTree, jax.Array]:
        batch = batch_of(algorithm, plan, state, steps, select_rows(plan, length, in_order, i))
        return algorithm.validation(state, batch), jnp.sum(batch.weight)

    metrics, weight = jax.lax.map(one, jnp.arange(updates_per_epoch(plan, length)))
    return state, jax.tree.map(lambda x: jnp.sum(x * weight) / jnp.sum(weight), metrics)


class DatasetLoop:
    """Advances a run, or several stacked along a first axis, by compiled chunks of updates.

    Several seeds are vmapped and their axis is spread over the machine's devices, as many as divide it. `data` gives
    the dataset when it is first needed.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        spec: EnvSpec,
        data: Callable[[], Demonstrations | Stream],
        seeds: int | None,
        window: int = WINDOW,
    ) -> None:
        self.algorithm, self.spec, self.seeds, self.window = algorithm, spec, seeds, window
        self.return_experience = False  # nothing is collected that could be looked at
        self.environments = None  # nor stepped
        self.watch = Watch("this chunk of updates")
        self._given = data
        self._mesh = mesh_of(seeds)
        self._order: tuple[int, Order] | None = None  # the first of the epochs that it is of, and theirs
        self._batches: Iterator[Transition] | None = None
        self._pace: float | None = None  # seconds of an update
        self._called = False  # the program is compiled

    # the protocol of a loop

    def init(self, key: jax.Array, size: int | None = None) -> TrainState:
        """The run before its first update; with seeds, `key` is `[S]`."""

        def initial(algorithm: Algorithm, key: jax.Array) -> PyTree:
            return initial_state(algorithm, self.spec, key)

        def first(state: PyTree, key: jax.Array) -> TrainState:
            count = jnp.zeros((), jnp.int32)
            statistics = EpisodeStatistics.init(1, self.window)
            clock = Clock(count, jnp.ones((), jnp.int32))
            return TrainState(state, (), (), None, (), None, key, count, clock, statistics)

        if self.seeds is not None:
            initial, first = jax.vmap(initial, in_axes=(None, 0)), jax.vmap(first)
        state = jax.jit(initial, compiler_options=settings.once(exact=False))(self.algorithm, key)
        return jax.jit(first, donate_argnums=0, compiler_options=settings.once(exact=True))(state, key)

    def step(self, run: TrainState, count: int, size: int) -> Stepped:
        """`(run, metrics, None)` after `count` updates; the given run is used up.

        They come in calls of about `LONGEST` seconds, which learn the same; fewer where `watch` says stop between two.
        Raises Stopped where that is before the first.
        """
        if self.watch.stop:
            raise Stopped(run)
        if _updates(run) == 0:
            run = self._seen(run)
        step = self._streamed if isinstance(self._data, Stream) else self._drawn
        with (
            self.watch.unbroken()
        ):  # arrays are used up and made in one call: interrupted, both would be gone
            run, metrics = step(run, count)
        metrics = present(metrics)
        if self._held_out is not None:
            _, held_out = self._validate(self.algorithm, run.state, self._held_out)
            metrics |= jax.device_get(held_out)
        if not isinstance(self._data, Stream):
            metrics[EPOCHS] = np.asarray(_updates(run) / self._each)
        return run, metrics, None

    def warm_up(self, run: TrainState, count: int, size: int | None = None) -> Stepped:
        """There is nothing to do before learning."""
        return run, {}, None

    def exchange(self, algorithm: Algorithm) -> None:
        """Go on with other numbers in the same algorithm: they are an argument of what is compiled."""
        self.algorithm = algorithm

    def invalidate(self) -> None:
        """There are no environments."""

    def salvage(self) -> None:
        """A call takes the arrays of the run that it was given, and leaves no other."""
        return None

    @property
    def lost(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held but the dataset."""

    # the dataset

    @property
    def plan(self) -> Dataset:
        """How batches are drawn."""
        plan = self.algorithm.experience
        assert isinstance(plan, Dataset)
        return plan

    @cached_property
    def _data(self) -> Demonstrations | Stream:
        data = self._given()
        if isinstance(data, Stream):
            if self.plan.validation_fraction:
                raise DatasetError(
                    f"validation_fraction={self.plan.validation_fraction}: nothing of {data.name}, which are streamed, "
                    "is held back. Set it to 0, or give the dataset in memory."
                )
        elif self.plan.sequence > 1 and not data.ends_known:
            raise DatasetError(
                f"{data.name}: a network with a memory has to know where episodes end. Add terminations or truncations."
            )
        return data

    @cached_property
    def _parts(self) -> tuple[Transition, Transition | None]:
        """Steps to learn from and those held out, on the devices."""
        assert isinstance(self._data, Demonstrations)
        parts = self._data.split(self.plan.validation_fraction)
        there, needed = memory.available(list(self._mesh.devices.flat)), memory.nbytes(parts)
        if there is not None and needed > there:
            raise memory.TooLarge(
                f"{self._data.name} takes {memory.text(needed)} of memory; {memory.text(there)} are available. Stream "
                "it: give an iterable of batches."
            )
        if self._mesh.size == 1:
            return jax.device_put(parts)
        return jax.device_put(parts, NamedSharding(self._mesh, PartitionSpec()))

    @property
    def _steps(self) -> Transition:
        return self._parts[0]

    @property
    def _held_out(self) -> Transition | None:
        return None if isinstance(self._data, Stream) else self._parts[1]

    @cached_property
    def _each(self) -> int:
        """Updates of an epoch."""
        return updates_per_epoch(self.plan, len(self._steps.reward))

    @cached_property
    def _at_once(self) -> int:
        """Epochs whose order is made at once."""
        return max(1, ORDERED // windows(self.plan, len(self._steps.reward)))

    def _seen(self, run: TrainState) -> TrainState:
        """A run before its first update with statistics of the whole dataset, where the algorithm keeps any."""
        if isinstance(self._data, Stream):
            return run

        def seen(algorithm: Algorithm, run: TrainState, steps: Transition) -> TrainState:
            as_time = jax.tree.map(lambda x: x[:, None], steps)
            return eqx.tree_at(lambda r: r.state, run, algorithm.update_statistics(run.state, as_time))

        mapped = seen if self.seeds is None else jax.vmap(seen, in_axes=(None, 0, None))
        return jax.jit(mapped)(self.algorithm, run, jax.device_get(self._steps))

    # updates from memory

    def _drawn(self, run: TrainState, count: int) -> tuple[TrainState, dict[str, Any]]:
        done, metrics, sums, run = 0, {}, self._no_sums, self._spread(run)
        while done < count and not (self.watch.stop and done):
            now = _updates(run)
            first, ordered = self._order_at(run, now // self._each)
            place = now - first * self._each  # among the updates of these epochs
            most = 1 if self._pace is None else max(1, int(LONGEST / self._pace))
            part = min(count - done, most, self._at_once * self._each - place)
            began = time.perf_counter()
            with self.watch.doing("" if self._called else "compiling"):  # which the first call does as well
                numbers = (np.int32(place), np.int32(part), np.int32(done))
                run, (metrics, sums) = self._chunk(
                    self.algorithm, run, sums, ordered, self._steps, *numbers, like=run
                )
                metrics = jax.device_get(metrics)
            if self._called:
                self._keep_pace((time.perf_counter() - began) / part)
            self._called = True
            done += part
        return run, metrics

    def _keep_pace(self, fresh: float) -> None:
        self._pace = fresh if self._pace is None else min(fresh, self._pace)

    def _order_at(self, run: TrainState, epoch: int) -> tuple[int, Order]:
        """The order of the epochs among which this one is, and the first of them."""
        first = epoch - epoch % self._at_once
        if self._order is None or self._order[0] != first:
            self._order = first, self._make_order(run.key, np.int32(first))
        return self._order

    @cached_property
    def _make_order(self) -> Callable[[jax.Array, np.int32], Order]:
        one = partial(order, self.plan, len(self._steps.reward), self._at_once)
        made = jax.jit(one if self.seeds is None else jax.vmap(one, in_axes=(0, None)))
        if self._mesh.size == 1:
            return made
        return lambda key, first: jax.device_put(made(key, first), NamedSharding(self._mesh, SEEDS))

    @cached_property
    def _chunk(self) -> Program:
        function: Callable = chunk if self.seeds is None else over_seeds(chunk, self._mesh, own=2, shared=4)
        about = None if self._mesh.size > 1 else ("dataset", self.algorithm, self.spec, self.seeds)
        return Program(function, about, donate=(1,))

    @cached_property
    def _validate(self) -> Callable[..., tuple[PyTree, dict[str, jax.Array]]]:
        return jax.jit(validate if self.seeds is None else over_seeds(validate, self._mesh, own=0, shared=1))

    def _spread(self, run: TrainState) -> TrainState:
        """The run with its seeds on their devices; nothing moves that is there already."""
        if self.seeds is None or self._mesh.size == 1:
            return run
        return jax.device_put(run, NamedSharding(self._mesh, SEEDS))

    @property
    def _no_sums(self) -> np.ndarray:
        """Those of metrics at the beginning of a chunk."""
        return np.zeros((SUMS,) if self.seeds is None else (self.seeds, SUMS), np.float32)

    # updates from a stream

    def _streamed(self, run: TrainState, count: int) -> tuple[TrainState, dict[str, Any]]:
        done, rows, data = 0, [], self._data
        assert isinstance(data, Stream)
        if self._batches is None:  # a run that goes on has seen the first ones
            self._batches = itertools.islice(iter(data), _updates(run), None)
        while done < count and not (self.watch.stop and done):
            steps = next(self._batches)
            with self.watch.doing("" if self._called else "compiling"):
                run, metrics = self._one(self.algorithm, run, steps)
            self._called, done = True, done + 1
            rows.append(metrics)
        metrics = mean_metrics(jax.tree.map(lambda *x: np.stack(x), *jax.device_get(rows)))
        return run, jax.device_get({**metrics, **self._report(self.algorithm, run.state)})

    @cached_property
    def _one(self) -> Callable[..., tuple[TrainState, Metrics]]:
        def one(algorithm: Algorithm, run: TrainState, steps: Transition):
            sequence = steps.reward.ndim > 1
            carry = algorithm.initial_carry(run.state, steps.reward.shape[1]) if sequence else ()
            run, metrics = update(algorithm, run, Batch(steps, jnp.ones(steps.reward.shape), carry))
            seen = steps if sequence else jax.tree.map(lambda x: x[:, None], steps)
            state = algorithm.update_statistics(run.state, seen)
            return eqx.tree_at(lambda r: r.state, run, state), metrics

        mapped = one if self.seeds is None else jax.vmap(one, in_axes=(None, 0, None))
        return jax.jit(mapped, donate_argnums=1)

    @cached_property
    def _report(self) -> Callable[..., dict[str, jax.Array]]:
        return jax.jit(report if self.seeds is None else jax.vmap(report, in_axes=(None, 0)))


def _updates(run: TrainState) -> int:
    """So far."""
    return int(np.asarray(run.iteration).max())
