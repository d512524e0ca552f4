"""The actors of all workers, in environments that are stepped in Python or in native ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine import collect
from operant.engine.asynchronous.environments import WorkerEnvironments
from operant.engine.asynchronous.exchange import Order, Played
from operant.engine.asynchronous.threads import Actor, key_of_worker
from operant.engine.chunk import begin
from operant.engine.collect import ActorState
from operant.engine.collector import Collector
from operant.engine.first_alone import FirstAlone
from operant.engine.flat import Packed, packed_jit
from operant.engine.host_start import first_run, with_fresh_episodes
from operant.engine.train_state import Stream, TrainState, acted_by, initial_state, start_of_episode
from operant.engine.watch import Watch
from operant.envs.base import Environment
from operant.envs.goals import Goals, native_goals
from operant.ops.metrics import Metrics
from operant.types import EnvSpec, PyTree, Transition


class Actors(Protocol):
    """W actors with N environments each, those of the first one first wherever there are rows for all of them."""

    spec: EnvSpec  # of one actor

    @property
    def each(self) -> Sequence[Actor]: ...

    @property
    def environments(self) -> WorkerEnvironments | None:
        """Those that are stepped in Python; None of native ones, which are part of the run."""
        ...

    @property
    def goals(self) -> Goals | None: ...

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics] | None: ...

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None:
        """What acts, with the numbers of now."""
        ...

    def first_run(self, key: jax.Array, window: int) -> TrainState:
        """A run before its first step."""
        ...

    def afresh(self, run: TrainState) -> TrainState:
        """A run whose environments have been played by somebody else, or were stopped, with fresh episodes where that
        cannot be undone."""
        ...

    def place(self, run: TrainState) -> list[ActorState]:
        """Every actor stands where the run says, which is what is returned."""
        ...


class HostActors:
    """In environments that are stepped in Python."""

    def __init__(self, algorithm: Algorithm, environments: WorkerEnvironments) -> None:
        self.environments = environments
        first, *others = environments.parts
        self.spec, self.goals, self.judge = first.spec, environments.goals, environments.judge
        collector = Collector(first, self.spec, None, algorithm.experience.stores_carry)
        collectors = [collector, *map(collector.another, others)]
        next_rollout = jax.jit(lambda a, exploration: a.exploration.next_rollout(exploration))
        self.each = [HostActor(w, one, environments, next_rollout) for w, one in enumerate(collectors)]

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None:
        self._algorithm = algorithm
        for actor in self.each:
            actor.take_up(algorithm, packed)

    def first_run(self, key: jax.Array, window: int) -> TrainState:
        self._reset(key, 0)
        return first_run(self._algorithm, self._all, None, key, self._seen, window, self.goals)

    def afresh(self, run: TrainState) -> TrainState:
        self._reset(run.key, int(np.asarray(run.iteration)) + 1)
        carries = start_of_episode(self._algorithm, self._all, run.state)
        return with_fresh_episodes(run, self._seen, carries)

    def place(self, run: TrainState) -> list[ActorState]:
        seen = jax.tree.map(np.asarray, (run.observation, run.action_mask))
        stands = apart(((), *seen, run.carry, run.exploration), len(self.each))
        for actor, stand in zip(self.each, stands, strict=True):
            actor.begin(run.key)
            actor.collector.actor = stand
        return stands

    @property
    def _all(self) -> EnvSpec:
        return self.environments.spec

    def _reset(self, key: jax.Array, count: int) -> None:
        for actor in self.each:
            actor.begin(key)
            actor.reset(count)

    @property
    def _seen(self) -> tuple[PyTree, PyTree]:
        """What is acted on next, of all of them."""
        seen = together([actor.collector.actor._replace(carry=(), exploration=()) for actor in self.each])
        return seen.observation, seen.action_mask


class HostActor:
    """Plays environments step by step."""

    def __init__(
        self,
        index: int,
        collector: Collector,
        environments: WorkerEnvironments,
        next_rollout: Callable[[Algorithm, PyTree], PyTree],
    ) -> None:
        self.index, self.collector, self._environments = index, collector, environments
        self._next_rollout = next_rollout

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None:
        self._algorithm, self._packed = algorithm, packed

    def begin(self, key: jax.Array) -> None:
        """What is played for is the run of this key."""
        self.key = key_of_worker(jnp.copy(key), self.index)
        self.collector.noise.clear()

    def reset(self, count: int) -> None:
        """Fresh episodes everywhere, those of this count."""
        self.collector.reset(self.key, count)
        self.collector.env_stale = False

    def play(self, order: Order, watch: Watch) -> Played:
        steps = self._algorithm.experience.unroll_length
        given = self._packed, order.policy, self.key, watch
        experience, memory = self.collector.collect(*given, order.number * steps, steps)
        actor = self.collector.actor
        exploration = actor.exploration
        if jax.tree.leaves(exploration):
            actor = actor._replace(exploration=self._next_rollout(self._algorithm, exploration))
        self.collector.actor = actor
        return Played(order, experience, memory, exploration, actor)

    def restart(self, order: Order) -> None:
        self.collector.environments = self._environments.remake(self.index)
        self.reset(order.number + 1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Unrolled:
    """Experience that is there as transitions."""

    experience: Transition  # [T, N, …]

    def transitions(self) -> Transition:
        return self.experience


class NativeActors:
    """In native environments, whose rollouts are one compiled program for all actors."""

    environments = None

    def __init__(self, environment: Environment, num_envs: int, count: int) -> None:
        self.spec = replace(environment.spec, num_envs=num_envs)
        self.goals, self.judge = native_goals(environment), environment.judge
        self._environment, self._all = environment, replace(self.spec, num_envs=count * num_envs)
        self._program: FirstAlone | None = None
        self._needed: list[bool] = []
        self.each = [NativeActor(w, self) for w in range(count)]

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None:
        self._algorithm, self._packed = algorithm, packed

    def first_run(self, key: jax.Array, window: int) -> TrainState:
        def first(algorithm: Algorithm, key: jax.Array) -> TrainState:
            state = initial_state(algorithm, self._all, key)
            return begin(algorithm, self._environment, self._all, state, key, window)

        return jax.jit(first)(self._algorithm, key)

    def afresh(self, run: TrainState) -> TrainState:
        """As it was: nobody else plays environments that are part of the run."""
        return run

    def place(self, run: TrainState) -> list[ActorState]:
        stands = apart(tuple(collect.stage_of(run)), len(self.each))
        for actor, stand in zip(self.each, stands, strict=True):
            actor.key, actor.stand = key_of_worker(jnp.copy(run.key), actor.index), stand
        return stands

    def rollout(self, policy: Packed, key: jax.Array, stand: ActorState, number: int) -> tuple:
        """`(stand after it, experience, memory, exploration at its end)` of a rollout of this number."""
        if self._program is None:
            layouts = self._packed.layout, policy.layout, None, None, None
            self._needed = policy.needed(acted_by)
            self._program = FirstAlone(packed_jit(self._unroll, layouts))
        parts = [x if wanted else None for x, wanted in zip(policy.arrays, self._needed, strict=True)]
        return self._program(self._packed.arrays, parts, key, stand, np.int32(number))

    def _unroll(
        self, algorithm: Algorithm, run: TrainState, key: jax.Array, stand: ActorState, number: jax.Array
    ) -> tuple:
        steps = algorithm.experience.unroll_length
        noise = collect.sample_rollout_noise(
            algorithm, self._environment, self.spec, key, Stream.ACT, number * steps, steps
        )
        initial = start_of_episode(algorithm, self.spec, run.state)
        after, experience, memory = collect.rollout(
            algorithm,
            run.state,
            self._environment,
            collect.with_stage(run, stand),
            initial,
            noise,
            remember=algorithm.experience.stores_carry,
        )
        stand = collect.stage_of(after)
        exploration = algorithm.exploration.next_rollout(stand.exploration)
        return stand._replace(exploration=exploration), Unrolled(experience), memory, stand.exploration


class NativeActor:
    """Plays native environments, a rollout at a time."""

    def __init__(self, index: int, shared: NativeActors) -> None:
        self.index, self._shared = index, shared
        self.key: Any = None
        self.stand: ActorState | None = None

    def play(self, order: Order, watch: Watch) -> Played:
        assert self.stand is not None
        answer = self._shared.rollout(order.policy, self.key, self.stand, order.number)
        stand, experience, memory, exploration = jax.block_until_ready(answer)
        self.stand = stand
        return Played(order, experience, memory, exploration, stand)

    def restart(self, order: Order) -> None:
        """They go on where they stood: nothing of them was lost."""


def apart(stand: tuple, count: int) -> list[ActorState]:
    """Where the environments of all actors stand, actor by actor."""

    def rows(w: int) -> ActorState:
        def leaf(x: Any) -> Any:
            n = len(x) // count
            return x[w * n : (w + 1) * n]

        return ActorState(*jax.tree.map(leaf, stand))

    return [rows(w) for w in range(count)]


def together(stands: Sequence[ActorState]) -> ActorState:
    """Where they all stand: the inverse of `apart`."""
    if len(stands) == 1:
        return stands[0]
    return jax.tree.map(lambda *x: (np if isinstance(x[0], np.ndarray) else jnp).concatenate(x), *stands)
