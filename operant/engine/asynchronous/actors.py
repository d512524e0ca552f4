"""The actors of all workers, in environments that are stepped in Python or in native ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.asynchronous.environments import OfWorkers, WorkerEnvironments
from operant.engine.asynchronous.exchange import Order, Played
from operant.engine.asynchronous.gradients import Gradients, LearningActor
from operant.engine.asynchronous.threads import Actor, key_of_worker
from operant.engine.collect import ActorState
from operant.engine.collector import Collector
from operant.engine.flat import Packed
from operant.engine.host_start import first_run, with_fresh_episodes
from operant.engine.train_state import TrainState, start_of_episode
from operant.engine.watch import Watch
from operant.envs.goals import Goals
from operant.ops.metrics import Metrics
from operant.types import EnvSpec, PyTree, Transition


class Actors(Protocol):
    """W actors with N environments each, those of the first one first wherever there are rows for all of them."""

    spec: EnvSpec  # of one actor

    @property
    def each(self) -> Sequence[Actor]: ...

    @property
    def environments(self) -> OfWorkers | None:
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

    def learning(self, gradients: Gradients) -> Sequence[Actor]:
        """Actors that compute gradients of what they play."""
        ...

    def close(self) -> None:
        """Ends what they have of their own, besides environments."""
        ...


class StepActor(Actor, Protocol):
    """An actor in environments that are stepped in Python."""

    @property
    def stand(self) -> ActorState:
        """Where its environments stand."""
        ...

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None: ...

    def begin(self, key: jax.Array) -> None:
        """What is played for is the run of this key."""
        ...

    def reset(self, count: int) -> None:
        """Fresh episodes everywhere, those of this count."""
        ...

    def place(self, key: jax.Array, stand: ActorState) -> None:
        """Its environments stand there, in the run of this key."""
        ...

    def learning(self, gradients: Gradients) -> Actor:
        """One that computes gradients of what it plays."""
        ...


class HostActors:
    """In environments that are stepped in Python: by these actors, or else by new ones in threads of this process."""

    def __init__(
        self, algorithm: Algorithm, environments: OfWorkers, each: Sequence[StepActor] | None = None
    ) -> None:
        self.environments, self.each = environments, each or in_threads(algorithm, environments)
        self.spec = replace(environments.spec, num_envs=environments.spec.num_envs // len(self.each))
        self.goals, self.judge = environments.goals, environments.judge

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
            actor.place(run.key, stand)
        return stands

    def learning(self, gradients: Gradients) -> Sequence[Actor]:
        return [actor.learning(gradients) for actor in self.each]

    def close(self) -> None:
        """They have nothing but their environments."""

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
        seen = together([actor.stand._replace(carry=(), exploration=()) for actor in self.each])
        return seen.observation, seen.action_mask


def in_threads(algorithm: Algorithm, environments: OfWorkers) -> list[HostActor]:
    """Actors that step these environments themselves, by the same compiled programs."""
    assert isinstance(environments, WorkerEnvironments)
    first, *others = environments.parts
    collector = Collector(first, first.spec, None, algorithm.experience.stores_carry)
    collectors = [collector, *map(collector.another, others)]
    next_rollout = jax.jit(lambda a, exploration: a.exploration.next_rollout(exploration))
    return [HostActor(w, one, environments, next_rollout) for w, one in enumerate(collectors)]


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

    @property
    def stand(self) -> ActorState:
        return self.collector.actor

    def begin(self, key: jax.Array) -> None:
        self.key = key_of_worker(jnp.copy(key), self.index)
        self.collector.noise.clear()

    def place(self, key: jax.Array, stand: ActorState) -> None:
        self.begin(key)
        self.collector.actor = stand

    def learning(self, gradients: Gradients) -> Actor:
        return LearningActor(self, gradients)

    def reset(self, count: int) -> None:
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
        self.begin_afresh(order)

    def begin_afresh(self, order: Order) -> None:
        """Fresh episodes, in which nothing is remembered of those before."""
        self.reset(order.number + 1)
        carries = start_of_episode(self._algorithm, self.collector.spec, order.policy.tree.state)
        self.collector.actor = ActorState((), *self.collector.actor[1:3], *carries)


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
