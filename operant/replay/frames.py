"""Frames stored once: observations that are stacks of the last k, of which only the newest is kept.

Frames lie in a ring of their own. In an episode of T steps an environment shows T + 1 of them, the last of which is
only ever a successor, so each environment has a column with a write position of its own, and every transition knows the
index of its observation's frame. Its successor's is always the next one: what an observation shows has been written as
the successor of the step before, and where an episode opens its first frame is written before it.

    frames of a column    f0 f1 f2 f3 | g0 g1 …        f3 is the last successor, g0 opens the next episode
    transitions           f0→f1 f1→f2 f2→f3 g0→g1

A stack goes back over at most k − 1 frames, and no further than its episode's first, which is repeated. The ring of
frames is longer than that of transitions by a part (`SLACK`), so that a million frames of 84×84 take 7.2 GB. Where
episodes are so short that their last frames take more, the oldest transitions are given up when their frames are
overwritten: of episodes of 16 steps one in 23.
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.types import PyTree, Transition

SLACK = 64  # one more frame for this number of transitions


class Frames(eqx.Module):
    """The frames, and where each transition's are. F frames, R rows of transitions."""

    frames: PyTree  # [F, N, …, C]
    position: jax.Array  # [N] int32: where the next frame goes
    age: (
        jax.Array
    )  # [N] int32: how many steps old its episode is at the newest frame, at most k − 1; −1 to begin anew
    ended: jax.Array  # [N]: the newest transition ended its episode
    frame_index: jax.Array  # [R, N] int32: the frame of each transition's observation
    ages: jax.Array  # [R, N] uint8 where that is enough: how many frames before it belong to its stack
    frame_stack: int = eqx.field(static=True)  # k

    @classmethod
    def init(cls, observation: PyTree, frame_stack: int, rows: int, added: int) -> Frames:
        """No frames yet, for observations `[N, …, k·C]` and insertions of `added` of `rows` rows."""
        num_envs = jax.tree.leaves(observation)[0].shape[0]
        length = rows + max(rows // SLACK, 2 * added + frame_stack)

        def empty(x: jax.Array) -> jax.Array:
            if x.ndim < 2 or x.shape[-1] % frame_stack:
                shape = "×".join(map(str, x.shape[1:])) or "a number"
                raise ValueError(
                    f"frame_stack={frame_stack}: an observation ({shape}) is not a stack of this many frames."
                )
            return jnp.zeros((length, *x.shape[:-1], x.shape[-1] // frame_stack), x.dtype)

        return cls(
            frames=jax.tree.map(empty, observation),
            position=jnp.zeros(num_envs, jnp.int32),
            age=jnp.full(num_envs, -1, jnp.int32),
            ended=jnp.zeros(num_envs, bool),
            frame_index=jnp.zeros((rows, num_envs), jnp.int32),
            ages=jnp.zeros((rows, num_envs), jnp.uint8 if frame_stack <= 256 else jnp.int32),
            frame_stack=frame_stack,
        )

    @property
    def length(self) -> int:
        """F."""
        return jax.tree.leaves(self.frames)[0].shape[0]

    def insert(self, row: jax.Array, transition: Transition) -> tuple[Frames, jax.Array]:
        """With the frames of new rows `[T, N, …]` from `row` on, and how many each column was given, `[N]`."""

        def walk(column: tuple, step: tuple[jax.Array, jax.Array]) -> tuple[tuple, tuple]:
            (position, age, ended), (done, valid) = column, step
            # A step that never happened shows the end of an episode once more, and what comes after it opens the next.
            opens = (age < 0) | (ended & valid)
            index = jnp.where(opens, position, position - 1) % self.length
            age = jnp.where(opens, 0, age)
            next_age = jnp.where(valid, jnp.minimum(age + 1, self.frame_stack - 1), -1)
            return ((index + 2) % self.length, next_age, done), (opens, index, age)

        start = (self.position, self.age, self.ended)
        steps = (transition.done, transition.mask)
        (position, age, ended), (opens, index, ages) = jax.lax.scan(walk, start, steps)
        env = jnp.broadcast_to(jnp.arange(len(self.age))[None], index.shape)
        opening = jnp.where(opens, index, self.length)  # outside, so not written, where nothing opens

        def write(frames: jax.Array, seen: jax.Array, successor: jax.Array) -> jax.Array:
            channels = frames.shape[-1]
            frames = frames.at[opening, env].set(seen[..., -channels:], mode="drop")
            return frames.at[(index + 1) % self.length, env].set(successor[..., -channels:])

        def at_rows(x: jax.Array, new: jax.Array) -> jax.Array:
            return jax.lax.dynamic_update_slice_in_dim(x, new.astype(x.dtype), row, 0)

        written = replace(
            self,
            frames=jax.tree.map(write, self.frames, transition.observation, transition.next_observation),
            position=position,
            age=age,
            ended=ended,
            frame_index=at_rows(self.frame_index, index),
            ages=at_rows(self.ages, ages),
        )
        return written, jnp.sum(1 + opens, 0)

    def overwritten(self, row: jax.Array, written: jax.Array) -> jax.Array:
        """Whether the last `written` frames `[N]` of the columns overwrote what older rows `[M]` need."""
        oldest = self.frame_index[row] - self.ages[row].astype(jnp.int32)
        before = (self.position - written)[None]
        kept = (before - 1 - oldest) % self.length + 1  # frames from the oldest on, when all were there
        return jnp.any(kept + written[None] > self.length, -1)

    def observation(self, row: jax.Array, env: jax.Array) -> PyTree:
        """What transitions `[…]` saw, `[…, k·C]`."""
        return self._stack(self.frame_index[row, env], self.ages[row, env].astype(jnp.int32), env)

    def next_observation(self, row: jax.Array, env: jax.Array) -> PyTree:
        """Their successors."""
        age = jnp.minimum(self.ages[row, env].astype(jnp.int32) + 1, self.frame_stack - 1)
        return self._stack(self.frame_index[row, env] + 1, age, env)

    def truncate_open_episodes(self) -> Frames:
        """With the next rows opening new episodes."""
        return replace(self, age=jnp.full_like(self.age, -1))

    def _stack(self, index: jax.Array, age: jax.Array, env: jax.Array) -> PyTree:
        shape = (*index.shape, self.frame_stack)
        steps = jnp.broadcast_to(jnp.arange(self.frame_stack - 1, -1, -1), shape)  # back, the oldest first
        at = (index[..., None] - jnp.minimum(steps, age[..., None])) % self.length
        env = jnp.broadcast_to(env[..., None], shape)

        def leaf(frames: jax.Array) -> jax.Array:
            stack = jnp.moveaxis(frames[at, env], index.ndim, -2)  # […, k, …, C] → […, …, k, C]
            return stack.reshape(*stack.shape[:-2], -1)

        return jax.tree.map(leaf, self.frames)
