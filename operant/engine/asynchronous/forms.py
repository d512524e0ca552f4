"""Which trees the arrays are that cross between a learner and a worker in another process.

Both sides work that out by themselves, from the algorithm and the environment: only arrays are sent, and how many of
them belong to what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant import spaces
from operant.algorithms.base import Algorithm
from operant.engine.asynchronous.gradients import Gradients
from operant.engine.asynchronous.native_actors import NativeActors
from operant.engine.collect import ActorState, act, noise_of, stage_of
from operant.engine.collected import Collected, form_of
from operant.engine.flat import Layout, flatten, layout_of
from operant.engine.train_state import TrainState, initial_state, start, start_of_episode
from operant.envs import sent
from operant.envs.base import Environment
from operant.envs.goals import Goals
from operant.types import Clock, EnvSpec, PyTree

OF_ACTORS = ("environment", "observation", "action_mask", "carry", "exploration")  # the parts of a run


def without_actors(run: TrainState) -> TrainState:
    """A run without what its actors hold."""
    return replace(run, **dict.fromkeys(OF_ACTORS))


@dataclass
class Forms:
    """The trees of a run of W workers with N environments each.

    Args:
        algorithm: with arrays for its numbers.
        spec: of one worker's environments.
        count: W.
        window: of how many episodes there are statistics.
        key: a random key of the kind that runs have.
        environment: the native one; None where environments are stepped in Python.
        goals: of environments that are stepped in Python.
    """

    algorithm: Algorithm
    spec: EnvSpec
    count: int
    window: int
    key: jax.Array
    environment: Environment | None = None
    goals: Goals | None = None
    run: Layout = field(init=False)  # of what acts, packed
    shapes: list[tuple[int, ...]] = field(init=False)  # of its arrays
    actor: Layout = field(init=False)  # of where a worker's environments stand
    _native: Layout | None = field(init=False, default=None)  # of what a native rollout gives
    _step: Any = field(
        init=False, default=None
    )  # the structure of the actions of a step, and what came with them
    _gradients: Layout | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        given = self.algorithm, self.key
        self.run, arrays = layout_of(lambda a, key: without_actors(self._begun(a, key)), *given, pack=True)
        self.shapes = [array.shape for array in arrays]
        if self.environment is None:
            self.actor, _ = layout_of(lambda a, key: self._actor(a, key), *given)
            return
        alone = NativeActors(self.environment, self.spec.num_envs, 1)

        def actor(a: Algorithm, key: jax.Array) -> ActorState:
            return stage_of(alone.begun(a, key, self.window))

        self.actor, _ = layout_of(actor, *given)
        self._native, _ = layout_of(
            lambda a, key: alone.unrolled(
                a, alone.begun(a, key, self.window), key, actor(a, key), jnp.int32(0)
            ),
            *given,
        )

    # what a worker gives

    def given(self, stand: ActorState, experience: Any, memory: PyTree, exploration: PyTree) -> tuple:
        """`(values for JSON, arrays)` of a rollout."""
        if self._native is not None:
            return {}, flatten((stand, experience, memory, exploration))[0]
        *_, timestep = (
            experience.steps
            if experience.form is None
            else experience.form.structure.unflatten(experience.form.kinds)
        )
        values = {
            "form": None if experience.form is None else [[s, d.name] for s, d in experience.form.kinds],
            "frames": experience.frames,
            "names": sent.names_of(timestep),
        }
        seen = experience.observation, experience.action_mask
        parts = [flatten(part)[0] for part in (stand, seen, experience.steps, memory, exploration)]
        return values | {"counts": [len(part) for part in parts]}, [x for part in parts for x in part]

    def received(self, values: dict[str, Any], arrays: Sequence[Any]) -> tuple:
        """`(stand, experience, memory, exploration)`, the inverse of `given`."""
        if self._native is not None:
            return self._native.tree(arrays)
        ends = np.cumsum(values["counts"])
        stand, seen, steps, memory, exploration = (
            list(arrays[a:b]) for a, b in zip((0, *ends[:-1]), ends, strict=True)
        )
        stand = self.actor.tree(stand)
        like = ActorState(*jax.tree.map(lambda _: 0, tuple(stand)))
        observation, mask = jax.tree.unflatten(jax.tree.structure((like.observation, like.action_mask)), seen)
        if self._step is None:
            self._step, _ = layout_of(self._acted, self.algorithm, self.key, observation, mask)
        action, extras = self._step.structure.unflatten([0] * self._step.structure.num_leaves)
        timestep = sent.timestep_like(values["names"], like.observation)
        structure = jax.tree.structure((action, extras, timestep))
        form = None
        if values["form"] is not None:
            form = form_of(structure, tuple((tuple(shape), np.dtype(name)) for shape, name in values["form"]))
        experience = Collected(
            observation,
            mask,
            steps[0] if form is not None else structure.unflatten(steps),
            None,
            form,
            values["frames"],
        )
        carried = jax.tree.structure(like.carry), jax.tree.structure(like.exploration)
        return stand, experience, carried[0].unflatten(memory), carried[1].unflatten(exploration)

    def gradients(self, program: Gradients, experience: Any, memory: PyTree) -> Layout:
        """The tree of the gradients of such experience, and their metrics."""
        if self._gradients is None:
            self._gradients, _ = layout_of(
                lambda a, key, fresh, before: program.computed(
                    a, self._begun(a, key), fresh, before, key, jnp.int32(0)
                ),
                *(self.algorithm, self.key, experience, memory),
            )
        return self._gradients

    # traced

    def _begun(self, algorithm: Algorithm, key: jax.Array) -> TrainState:
        if self.environment is not None:
            return NativeActors(self.environment, self.spec.num_envs, self.count).begun(
                algorithm, key, self.window
            )
        whole = replace(self.spec, num_envs=self.count * self.spec.num_envs)
        state = initial_state(algorithm, whole, key)
        return start(algorithm, whole, key, state, (), (), None, self.window, self.goals)

    def _actor(self, algorithm: Algorithm, key: jax.Array) -> ActorState:
        carries = start_of_episode(algorithm, self.spec, initial_state(algorithm, self.spec, key))
        seen = spaces.example(self.spec.observation_space, (self.spec.num_envs,))
        return ActorState((), seen, jnp.zeros(()) if self.spec.masked else None, *carries)

    def _acted(self, algorithm: Algorithm, key: jax.Array, observation: PyTree, mask: PyTree) -> tuple:
        state = initial_state(algorithm, self.spec, key)
        carries = start_of_episode(algorithm, self.spec, state)
        noise = noise_of(algorithm, self.spec, key, jnp.int32(0))
        action, _, extras = act(algorithm, state, observation, mask, carries, noise, Clock.start())
        return action, extras
