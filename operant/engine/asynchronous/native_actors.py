"""Actors in native environments, whose rollouts are one compiled program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine import collect
from operant.engine.asynchronous.actors import apart
from operant.engine.asynchronous.exchange import Order, Played
from operant.engine.asynchronous.gradients import Gradients, LearningActor
from operant.engine.asynchronous.threads import Actor, key_of_worker
from operant.engine.chunk import begin
from operant.engine.collect import ActorState
from operant.engine.first_alone import FirstAlone
from operant.engine.flat import Packed, packed_jit
from operant.engine.train_state import Stream, TrainState, acted_by, initial_state, start_of_episode
from operant.engine.watch import Watch
from operant.envs.base import Environment
from operant.envs.goals import native_goals
from operant.types import Transition


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

    def __init__(
        self, environment: Environment, num_envs: int, count: int, each: Sequence[Any] | None = None
    ) -> None:
        """By these actors, or else by new ones in threads of this process."""
        self.spec = replace(environment.spec, num_envs=num_envs)
        self.goals, self.judge = native_goals(environment), environment.judge
        self._environment, self._all = environment, replace(self.spec, num_envs=count * num_envs)
        self._program: FirstAlone | None = None
        self._needed: list[bool] = []
        self.each: Sequence[Any] = each or [NativeActor(w, self) for w in range(count)]

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None:
        self._algorithm, self._packed = algorithm, packed
        for actor in self.each:
            actor.take_up(algorithm, packed)

    def first_run(self, key: jax.Array, window: int) -> TrainState:
        return jax.jit(lambda algorithm, key: self.begun(algorithm, key, window))(self._algorithm, key)

    def begun(self, algorithm: Algorithm, key: jax.Array, window: int) -> TrainState:
        """A run before its first step. Traced."""
        state = initial_state(algorithm, self._all, key)
        return begin(algorithm, self._environment, self._all, state, key, window)

    def afresh(self, run: TrainState) -> TrainState:
        """As it was: nobody else plays environments that are part of the run."""
        return run

    def place(self, run: TrainState) -> list[ActorState]:
        stands = apart(tuple(collect.stage_of(run)), len(self.each))
        for actor, stand in zip(self.each, stands, strict=True):
            actor.place(run.key, stand)
        return stands

    def learning(self, gradients: Gradients) -> Sequence[Actor]:
        return [actor.learning(gradients) for actor in self.each]

    def close(self) -> None:
        for actor in self.each:
            actor.close()

    def rollout(self, policy: Packed, key: jax.Array, stand: ActorState, number: int) -> tuple:
        """`(stand after it, experience, memory, exploration at its end)` of a rollout of this number."""
        if self._program is None:
            layouts = self._packed.layout, policy.layout, None, None, None
            self._needed = policy.needed(acted_by)
            self._program = FirstAlone(packed_jit(self.unrolled, layouts))
        parts = [x if wanted else None for x, wanted in zip(policy.arrays, self._needed, strict=True)]
        return self._program(self._packed.arrays, parts, key, stand, np.int32(number))

    def unrolled(
        self, algorithm: Algorithm, run: TrainState, key: jax.Array, stand: ActorState, number: jax.Array
    ) -> tuple:
        """What `rollout` gives. Traced."""
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

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None:
        """What acts is the same for all of them."""

    def place(self, key: jax.Array, stand: ActorState) -> None:
        self.key, self.stand = key_of_worker(jnp.copy(key), self.index), stand

    def learning(self, gradients: Gradients) -> Actor:
        return LearningActor(self, gradients)

    def close(self) -> None:
        """It has nothing of its own."""

    def play(self, order: Order, watch: Watch) -> Played:
        assert self.stand is not None
        answer = self._shared.rollout(order.policy, self.key, self.stand, order.number)
        stand, experience, memory, exploration = jax.block_until_ready(answer)
        self.stand = stand
        return Played(order, experience, memory, exploration, stand)

    def restart(self, order: Order) -> None:
        """They go on where they stood: nothing of them was lost."""
