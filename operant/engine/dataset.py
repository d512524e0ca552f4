"""The loop over a dataset: nothing is collected, and every iteration is one update on recorded steps.

A dataset in memory lies on the device once, for all seeds, and is in no checkpoint: where a run stands in it follows
from how many updates it has made, and the order of an epoch from the run's key and the epoch's number.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from operant import memory, settings
from operant.algorithms.base import Algorithm
from operant.engine.dataset_batches import Order, batch_of, order, select_rows, updates_per_epoch, windows
from operant.engine.demonstrations import DatasetError, Demonstrations, Stream
from operant.engine.learn import report, state_and_metrics
from operant.engine.metrics import Summands, no_sums, present
from operant.engine.over_seeds import SEEDS, everywhere, mesh_of, over_seeds, spread
from operant.engine.pace import Pace
from operant.engine.programs import Program
from operant.engine.statistics import WINDOW, EpisodeStatistics
from operant.engine.train import Stepped
from operant.engine.train_state import Stream as Randomness
from operant.engine.train_state import TrainState, initial_state, stream
from operant.engine.watch import Stopped, Watch
from operant.ops.metrics import Metrics, mean_metrics
from operant.plans import Dataset
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition

ORDERED = 2**20  # indices of the epochs whose order is made at once, at the most (or one epoch)
EPOCHS = "time/epochs"


def update(algorithm: Algorithm, run: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
    """The run after one update."""
    key = jax.random.fold_in(stream(run.key, Randomness.UPDATE), run.iteration)
    clock = Clock(run.clock.step + 1, run.clock.total)
    state, metrics = state_and_metrics(algorithm, algorithm.update(run.state, batch, key, clock))
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
        devices: int | None = None,
    ) -> None:
        self.spec, self.seeds, self.window = spec, seeds, window
        self.return_experience = False  # nothing is collected that could be looked at
        self.environments = None  # nor stepped
        self.watch = Watch("this chunk of updates")
        self._given = data
        self._mesh = mesh_of(seeds, devices)
        self.exchange(algorithm)
        self._order: tuple[int, Order] | None = None  # the first of the epochs that it is of, and theirs
        self._batches: Iterator[Transition] | None = None
        self._pace = Pace()  # of the program

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

    def step(self, run: TrainState, count: int, size: int, more: bool = False) -> Stepped:
        """`(run, metrics, None)` after `count` updates; the given run is used up.

        They come in calls of about `pace.LONGEST` seconds, which learn the same; fewer where `watch` says stop between
        two. Raises Stopped where that is before the first.
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
        self.algorithm = everywhere(algorithm, self._mesh)

    def invalidate(self) -> None:
        """There are no environments."""

    def stored(self) -> None:
        """There are no environments."""
        return None

    def resume(self, run: TrainState, environments: Mapping[str, np.ndarray]) -> None:
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
        done, metrics, sums, run = 0, {}, no_sums(self.seeds), spread(run, self._mesh)
        while done < count and not (self.watch.stop and done):
            now = _updates(run)
            first, ordered = self._order_at(run, now // self._each)
            place = now - first * self._each  # among the updates of these epochs
            part = min(self._pace.part(count - done), self._at_once * self._each - place)
            with self._doing, self._pace.timed(part):
                numbers = (np.int32(place), np.int32(part), np.int32(done))
                run, (metrics, sums) = self._chunk(
                    self.algorithm, run, sums, ordered, self._steps, *numbers, like=run
                )
                metrics = jax.device_get(metrics)
            done += part
        return run, metrics

    @property
    def _doing(self) -> AbstractContextManager[None]:
        return self.watch.doing(
            "" if self._pace.compiled else "compiling"
        )  # which the first call does as well

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

    # updates from a stream

    def _streamed(self, run: TrainState, count: int) -> tuple[TrainState, dict[str, Any]]:
        done, rows, data = 0, [], self._data
        assert isinstance(data, Stream)
        if self._batches is None:  # a run that goes on has seen the first ones
            self._batches = itertools.islice(iter(data), _updates(run), None)
        while done < count and not (self.watch.stop and done):
            steps = next(self._batches)
            with self._doing, self._pace.timed(1):
                run, metrics = self._one(self.algorithm, run, steps)
            done += 1
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
