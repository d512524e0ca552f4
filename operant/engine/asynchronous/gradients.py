"""Workers that learn: each computes the gradients of what it played, by the policy that it played by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.engine.asynchronous.exchange import Order, Played
from operant.engine.asynchronous.threads import Actor
from operant.engine.first_alone import FirstAlone
from operant.engine.flat import Packed, packed_jit
from operant.engine.learn import Judge, gradients_of, judged, sample_learning_noise
from operant.engine.train_state import TrainState, acted_by
from operant.engine.watch import Watch
from operant.types import EnvSpec, PyTree


class Gradients:
    """The compiled program by which all workers compute gradients."""

    def __init__(self, spec: EnvSpec, judge: Judge) -> None:
        self._spec, self._judge = spec, judge
        self.algorithm: Packed | None = None  # with the numbers of now
        self._program: Callable[..., Any] | None = None
        self._needed: list[bool] = []

    def __call__(self, played: Played, key: jax.Array) -> PyTree:
        """`(gradients, metrics)` of a rollout, whose randomness is of its worker's key."""
        policy, packed = played.order.policy, self.algorithm
        assert packed is not None
        if self._program is None:
            self._needed = policy.needed(acted_by)
            layouts = packed.layout, policy.layout, None, None, None, None
            self._program = FirstAlone(packed_jit(self.computed, layouts))
        parts = [x if wanted else None for x, wanted in zip(policy.arrays, self._needed, strict=True)]
        given = played.experience, played.memory, key, jnp.int32(played.order.number)
        return self._program(packed.arrays, parts, *given)

    def computed(
        self,
        algorithm: Algorithm,
        run: TrainState,
        experience: Any,
        memory: PyTree,
        key: jax.Array,
        number: jax.Array,
    ) -> PyTree:
        """The same. Traced."""
        noise = sample_learning_noise(algorithm, self._spec.num_envs, key, number)
        fresh, _ = judged(self._judge, experience.transitions())
        return gradients_of(algorithm, run, fresh, memory, noise)


class LearningActor:
    """An actor that computes the gradients of what it plays."""

    def __init__(self, actor: Actor, gradients: Gradients) -> None:
        self._actor, self._gradients = actor, gradients

    @property
    def index(self) -> int:
        return self._actor.index

    @property
    def key(self) -> Any:
        return self._actor.key

    def play(self, order: Order, watch: Watch) -> Played:
        played = self._actor.play(order, watch)
        gradients = jax.block_until_ready(self._gradients(played, self._actor.key))
        return played._replace(gradients=gradients)

    def restart(self, order: Order) -> None:
        self._actor.restart(order)
