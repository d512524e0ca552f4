"""Learning on the host: one compiled function, which uses up the run's arrays and gives what they become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.engine.collected import Collected
from operant.engine.devices import Devices
from operant.engine.flat import Block, Layout, Packed, number, packed_jit
from operant.engine.learn import Judge, judged, learn, sample_learning_noise, warm_up
from operant.engine.metrics import Summands
from operant.engine.noise_blocks import NoiseBlocks
from operant.engine.seed_axis import each, inside
from operant.engine.train_state import Stream, TrainState, acted_by
from operant.engine.watch import Watch
from operant.envs.goals import Goals
from operant.ops.devices import gathered
from operant.plans import Experience
from operant.types import EnvSpec, PyTree, Transition


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Metrics:
    """What one iteration of learning reports, as one array `[…, K]` of numbers to be added up."""

    numbers: jax.Array
    summands: Summands = field(metadata={"static": True})


class HostLearner:
    """Brings a run, without what its actor state holds, up to date with fresh experience; S of them with seeds."""

    def __init__(
        self,
        plan: Experience,
        spec: EnvSpec,
        seeds: int | None,
        goals: Goals | None = None,
        judge: Judge | None = None,
        devices: Devices | None = None,
        *,
        shared: bool = False,
    ) -> None:
        """`shared` says that somebody may act by the run's arrays while they are brought up to date."""
        self._plan, self._spec, self._seeds, self._goals = plan, spec, seeds, goals
        self._shared = shared
        self._devices = devices or Devices(1, seeds, spec.num_envs)
        self._judge = judge
        self.noise = NoiseBlocks(seeds)
        self._compiled: dict[bool, Callable] = {}

    def __call__(
        self,
        algorithm: Packed,
        run: Packed,
        key: jax.Array,
        watch: Watch,
        iteration: int,
        experience: Sequence[Collected],
        memory: PyTree,
        exploration: PyTree,
        *,
        learning: bool,
        acted: Sequence | None = None,
        first: int | None = None,
        gradients: PyTree = None,
    ) -> tuple[Metrics, PyTree]:
        """Replace the run's arrays, after an iteration of learning, or of collecting only: `(metrics, exploration)`.

        `experience` are an iteration's rounds, and `memory` is the policy's before the first step `[S, N, …]`, or
        where it is stored before every one, `[S, T, N, …]`; exploration has the state `[S, N, …]` after the last one.
        `acted` are the arrays of the run that acted, where it was an earlier one; those that acting needs not are None.
        `first` is which of the run's environments the first column is of, where the run has more of them; `gradients`
        are as of `learn`.
        """
        block = self._drawn(algorithm, key, iteration)
        new = learning not in self._compiled
        if new:
            function = self._learning(block, run.layout) if learning else self._warming_up
            layouts = (algorithm.layout, run.layout, *[None] * 8)
            kept = run.needed(acted_by) if self._shared else ()
            compiled = packed_jit(function, layouts, replaces=1, kept=kept)
            self._compiled[learning] = self._devices.bound(compiled)
        phase = watch.phase
        watch.phase = "compiling" if new else phase
        watch.shields += 1  # arrays are used up and made here: interrupted, both would be gone
        try:
            run.arrays, told = self._compiled[learning](
                *(algorithm.arrays, run.arrays, experience, memory, exploration),
                *(
                    block.leaves,
                    number(iteration - block.first),
                    acted,
                    None if first is None else number(first),
                    gradients,
                ),
            )
        finally:
            watch.shields -= 1
            watch.phase = phase
        if watch.held_back is not None:
            watch.answer()
        return told

    def _learning(
        self, block: Block, of_run: Layout
    ) -> Callable[..., tuple[TrainState, tuple[Metrics, PyTree]]]:
        layout = block.layout

        def function(
            algorithm: Algorithm,
            run: TrainState,
            experience: Sequence[Collected],
            memory: PyTree,
            exploration: PyTree,
            noise: list,
            index: jax.Array,
            acted: Sequence | None,
            first: jax.Array | None,
            gradients: PyTree,
        ) -> tuple[TrainState, tuple[Metrics, PyTree]]:
            def one(
                run: TrainState, fresh: Transition, memory: PyTree, noise: list, behavior: PyTree
            ) -> tuple:
                drawn = layout.tree([leaf[index] for leaf in noise])
                fresh, told = judged(self._judge, fresh)
                others = self._goals, behavior, first, gradients
                several = self._seeds is not None
                run, metrics = learn(algorithm, run, fresh, memory, drawn, *others, several=several)
                return run, {**metrics, **told}

            fresh = self._together(experience)
            run = replace(run, exploration=exploration)
            behavior = None if acted is None else of_run.tree(acted).state
            run, metrics = each(one, self._seeds)(run, fresh, memory, noise, behavior)
            summands = Summands.of(metrics)
            return _apart(self._devices.kept(run), gathered(summands.numbers(metrics)), summands)

        return function

    def _warming_up(
        self,
        algorithm: Algorithm,
        run: TrainState,
        experience: Sequence[Collected],
        memory: PyTree,
        exploration: PyTree,
        noise: list,
        index: jax.Array,
        acted: None,
        first: None,
        gradients: None,
    ) -> tuple[TrainState, tuple[Metrics, PyTree]]:
        def one(run: TrainState, fresh: Transition, memory: PyTree) -> TrainState:
            return warm_up(algorithm, run, fresh, memory, self._goals)

        run = replace(run, exploration=exploration)
        run = each(one, self._seeds)(run, self._together(experience), memory)
        return _apart(self._devices.kept(run), [], Summands())

    def _together(self, experience: Sequence[Collected]) -> Transition:
        """`[S, T, N, …]`: the columns of later rounds after those of the first."""
        rounds = [inside(one.transitions(), self._seeds, 1) for one in experience]
        if len(rounds) == 1:
            return rounds[0]
        axis = 1 if self._seeds is None else 2
        return jax.tree.map(lambda *x: jnp.concatenate(x, axis), *rounds)

    def _drawn(self, algorithm: Packed, key: jax.Array, iteration: int) -> Block:
        """A block that holds the randomness of learning in this iteration."""
        size = 1 if self._plan.whole_episodes else max(self.noise.SIZE // self._plan.unroll_length, 1)

        def sample_noise(algorithm: Algorithm, key: jax.Array, beginning: jax.Array) -> PyTree:
            counters = beginning + jnp.arange(size)
            return jax.vmap(lambda i: sample_learning_noise(algorithm, self._spec.num_envs, key, i))(counters)

        return self.noise.get(Stream.UPDATE, sample_noise, algorithm, key, iteration, size)


def _apart(
    run: TrainState, numbers: list[jax.Array], summands: Summands
) -> tuple[TrainState, tuple[Metrics, PyTree]]:
    """The run without its exploration, which is the actor's, and that."""
    together = jnp.stack(numbers, -1) if numbers else jnp.zeros(0, jnp.float32)
    return replace(run, exploration=None), (Metrics(together, summands), run.exploration)
