"""Experience as the host collects it: what crosses into learning, and how it becomes transitions there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.engine.flat import SMALL, as_bytes, from_bytes
from operant.engine.train_state import transition
from operant.types import PyTree, TimeStep, Transition

Step = tuple[PyTree, PyTree, TimeStep]  # the actions, what acting computed besides, and what was answered


@dataclass(frozen=True)
class Form:
    """What the arrays of a step are: its structure, and the shape and dtype of each."""

    structure: Any
    kinds: tuple[tuple[tuple[int, ...], np.dtype], ...]

    @classmethod
    def of(cls, step: PyTree) -> Form:
        leaves, structure = jax.tree.flatten(step)
        return form_of(structure, tuple([(leaf.shape, leaf.dtype) for leaf in leaves]))

    @cached_property
    def nbytes(self) -> int:
        """Of one step."""
        return sum(math.prod(shape) * dtype.itemsize for shape, dtype in self.kinds)

    def steps(self, rows: jax.Array) -> Step:
        """Those of bytes `[T, B]`: leaves `[T, n, …]`."""
        return self.structure.unflatten(from_bytes(rows, self.kinds))


@cache
def form_of(structure: Any, kinds: tuple[tuple[tuple[int, ...], np.dtype], ...]) -> Form:
    """One and the same object for all steps alike, since a compiled function is found by it at every call."""
    return Form(structure, kinds)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Collected:
    """T steps of n environments, each array handed over once."""

    observation: PyTree  # [n, …] before the first step
    action_mask: PyTree  # the same
    steps: Any  # uint8 [T, B] of this form, or a `Step` [T, n, …]
    alive: Any = (
        None  # [T, n]: of whole episodes, whether they had not ended before; None: steps go on and on
    )
    form: Form | None = field(default=None, metadata={"static": True})
    frames: int = field(
        default=1, metadata={"static": True}
    )  # k: of stacks of k, only the newest are in `steps`

    def transitions(self) -> Transition:
        """The experience `[T, n, …]`. Traced."""
        action, extras, timestep = self.steps if self.form is None else self.form.steps(self.steps)
        if self.frames > 1:
            timestep = restacked(self.observation, timestep, self.frames)

        def before(first: jax.Array, after: jax.Array) -> jax.Array:
            return jnp.concatenate([first[None], after[:-1]])

        seen = jax.tree.map(before, self.observation, timestep.observation)
        mask = jax.tree.map(before, self.action_mask, timestep.action_mask)
        # Without it XLA sums both parts of what is joined by themselves, in another order than the device's loop.
        seen, mask = jax.lax.optimization_barrier((seen, mask))
        experience = transition(seen, mask, action, extras, timestep)
        if self.alive is None:
            return experience
        taken = self.alive.any(1)
        last = (jnp.arange(len(taken)) == len(taken) - 1) & taken

        def only_taken(x: jax.Array) -> jax.Array:
            return jnp.where(taken.reshape(-1, *[1] * (x.ndim - 1)), x, jnp.zeros((), x.dtype))

        return replace(
            experience,
            observation=jax.tree.map(only_taken, seen),
            action_mask=jax.tree.map(only_taken, mask),
            valid=self.alive & experience.mask,
            truncated=experience.truncated | (last[:, None] & ~experience.done),
        )


LARGE = 2**14  # bytes of a step, from which on it is copied as soon as it is there


class Gathering:
    """Puts an iteration's steps together, one after another, while the environments are at the next one.

    `count` is how many there are at most, and those that are never taken are zeros. Of stacks of `frames` observations
    only the newest are kept.
    """

    def __init__(self, count: int, frames: int) -> None:
        self.count, self.frames = count, frames
        self.form: Form | None = None
        self._at_once = False  # whether steps are copied as they come
        self._steps: list[Step] = []
        self._arrays: list[np.ndarray] = []
        self._taken = 0

    def add(self, step: Step) -> None:
        """Keep the next step."""
        if self.form is None:
            self.form = Form.of(step)
            self._at_once = self.form.nbytes >= LARGE
        if self._at_once:
            self._copy(step)
        else:  # together they take less time at the end
            self._steps.append(step)
        self._taken += 1

    def collected(
        self, observation: PyTree, action_mask: PyTree, alive: Sequence[np.ndarray] | None
    ) -> Collected:
        """All of them, after this first observation; of whole episodes `alive` says who was there at each."""
        assert self.form is not None
        missing = self.count - self._taken
        small = self.form.nbytes * self.count <= SMALL
        if small:
            steps: Any = as_bytes([jax.tree.leaves(step) for step in self._steps])
            if missing:
                steps = np.concatenate([steps, np.zeros((missing, steps.shape[1]), np.uint8)])
        elif self._at_once:
            steps = self.form.structure.unflatten(self._arrays)
        else:
            steps = jax.tree.map(partial(_stacked, missing), *map(self._newest, self._steps))
        return Collected(
            observation,
            action_mask,
            steps,
            None if alive is None else _stacked(missing, *alive),
            self.form if small else None,
            1 if small else self.frames,
        )

    def _copy(self, step: Step) -> None:
        leaves = jax.tree.leaves(self._newest(step))
        if not self._arrays:
            self._arrays = [np.zeros((self.count, *leaf.shape), leaf.dtype) for leaf in leaves]
        for array, leaf in zip(self._arrays, leaves, strict=True):
            array[self._taken] = leaf

    def _newest(self, step: Step) -> Step:
        if self.frames == 1:
            return step
        action, extras, timestep = step
        return action, extras, newest(timestep, self.frames)


def _stacked(missing: int, *rows: np.ndarray) -> np.ndarray:
    # Half the time of np.stack if small.
    return np.array([*rows, *[np.zeros_like(rows[0])] * missing])


def newest(timestep: TimeStep, frames: int) -> TimeStep:
    """With the newest observation of each stack of `frames` only."""

    def leaf(x: np.ndarray) -> np.ndarray:
        return x[..., -(x.shape[-1] // frames) :]

    return replace(
        timestep,
        observation=jax.tree.map(leaf, timestep.observation),
        next_observation=jax.tree.map(leaf, timestep.next_observation),
    )


def restacked(first: PyTree, timestep: TimeStep, frames: int) -> TimeStep:
    """The inverse of `newest` for `[T, n, …]`: `first` is the stack before the first step. Traced.

    An episode opens with its first observation repeated, as `replay.frames` has it.
    """

    def leaf(first: jax.Array, seen: jax.Array, successor: jax.Array) -> tuple[jax.Array, jax.Array]:
        done = timestep.terminated | timestep.truncated
        done = done.reshape(*done.shape, *[1] * (first.ndim - 1))
        channels = seen.shape[-1]

        def step(stack: jax.Array, row: tuple) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            seen, successor, done = row
            after = jnp.concatenate([stack[..., channels:], successor], -1)
            now = jnp.where(done, jnp.concatenate([seen] * frames, -1), after)
            return now, (now, after)

        return jax.lax.scan(step, first, (seen, successor, done))[1]

    leaves, structure = jax.tree.flatten(first)
    own = [jax.tree.leaves(x) for x in (timestep.observation, timestep.next_observation)]
    rebuilt = [leaf(*x) for x in zip(leaves, *own, strict=True)]
    observation, next_observation = (structure.unflatten(x) for x in zip(*rebuilt, strict=True))
    return replace(timestep, observation=observation, next_observation=next_observation)
