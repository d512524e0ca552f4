"""Hindsight: transitions of an episode that failed teach how to reach what it did reach (Andrychowicz et al. 2017,
"Hindsight Experience Replay", arXiv:1707.01495).

A transition that is drawn gets, with probability 1 − 1/(k + 1), another goal in place of the one it was played with,
and the reward that this goal would have given. k is `n_sampled_goal`: as if each transition were stored once as it was
and k times with other goals (section 3.3 and algorithm 1), but nothing is stored twice, and what is stored never
changes. The goal is one that was achieved in the same episode, where all that the strategy allows are as likely:

| strategy | the goal was achieved (section 4.5) |
|---|---|
| future | by this transition or a later one of its episode |
| final | by the last transition of its episode |
| episode | by any transition of its episode |

An episode counts as far as replay holds it. Of one that is still going on, "the last" is the newest so far: its goals
have been achieved as well, and nothing has to wait for its end. Of one whose beginning is overwritten, what is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.goals import ACHIEVED, DESIRED, Goals
from operant.plans import Hindsight, Replay
from operant.types import PyTree, Transition


class EpisodeRows(eqx.Module):
    """Which rows of the ring are of one episode. R rows of N environments.

    Episodes of an environment have numbers that begin anew after R of them: no more have a row at one time.
    """

    number: jax.Array  # [R, N] int32: of the row's episode
    step: jax.Array  # [R, N] int32: how many steps of its episode came before it
    newest: jax.Array  # [R, N] int32: the newest row of the episode of each number
    playing: jax.Array  # [N] int32: the number of the episode that goes on
    played: jax.Array  # [N] int32: how many steps it has; 0: the next row opens the next one

    @classmethod
    def init(cls, rows: int, num_envs: int) -> EpisodeRows:
        """Those of an empty ring."""
        each, all_rows = jnp.zeros(num_envs, jnp.int32), jnp.zeros((rows, num_envs), jnp.int32)
        return cls(all_rows, jnp.copy(all_rows), jnp.copy(all_rows), each, jnp.copy(each))

    def insert(self, row: jax.Array, done: jax.Array) -> EpisodeRows:
        """With new rows from `row` on, which end their episodes where `done` `[T, N]`."""
        rows, (added, num_envs) = self.number.shape[0], done.shape

        def walk(column: tuple[jax.Array, jax.Array], done: jax.Array) -> tuple[tuple, tuple]:
            playing, played = column
            playing = jnp.where(played == 0, (playing + 1) % rows, playing)
            return (playing, jnp.where(done, 0, played + 1)), (playing, played)

        (playing, played), (number, step) = jax.lax.scan(walk, (self.playing, self.played), done)
        ahead = jnp.arange(added)[:, None]
        last = done | (ahead == added - 1)  # so that each number is written once

        def write(held: jax.Array, new: jax.Array) -> jax.Array:
            return jax.lax.dynamic_update_slice_in_dim(held, new, row, 0)

        at = jnp.where(last, number, rows), jnp.broadcast_to(jnp.arange(num_envs)[None], last.shape)
        newest = jnp.broadcast_to((row + ahead).astype(jnp.int32), last.shape)
        return EpisodeRows(
            write(self.number, number),
            write(self.step, step),
            self.newest.at[at].set(newest, mode="drop"),
            playing,
            played,
        )

    def extent(self, row: jax.Array, env: jax.Array, oldest: jax.Array) -> tuple[jax.Array, jax.Array]:
        """`(before, after)`: how many rows of the same episode are held before and after rows `[…]`.

        `oldest` is the oldest row of the ring.
        """
        rows = self.number.shape[0]
        before = jnp.minimum(self.step[row, env], (row - oldest) % rows)
        return before, (self.newest[self.number[row, env], env] - row) % rows

    def truncate_open_episodes(self) -> EpisodeRows:
        """With the next rows opening new episodes; seeds may be in front of all shapes."""
        return replace(self, played=jnp.zeros_like(self.played))


def choose(strategy: Hindsight, before: jax.Array, after: jax.Array, bits: jax.Array) -> jax.Array:
    """How many rows ahead the goal is achieved, `[B]`, at least −`before` and at most `after`, by uint32 `bits` `[B]`.

    The remainder of 32 random bits is uniform to within 1 part in 4,000 for an episode of a million steps.
    """
    if strategy == "final":
        return after
    first = -before if strategy == "episode" else jnp.zeros_like(before)
    return first + (bits % (after - first + 1).astype(jnp.uint32)).astype(jnp.int32)


class Relabel(NamedTuple):
    """The goals of B transitions that were drawn, and which of them are not their own."""

    says: Goals  # what the environment says of goals
    goal: jax.Array  # [B, *goal]
    chosen: jax.Array  # [B] bool: another one than its own

    @classmethod
    def draw(
        cls,
        plan: Replay,
        goals: tuple[Goals, jax.Array],
        episodes: EpisodeRows,
        rows: Transition,
        oldest: jax.Array,
        index: jax.Array,
    ) -> Relabel:
        """Those of the transitions at `index` `[B]` (row·N + environment).

        `goals` are what the environment says of them, and random uint32 numbers `[B, 2]`; `oldest` is the ring's row.
        """
        says, bits = goals
        row, env = jnp.divmod(index, episodes.number.shape[1])
        ahead = choose(plan.hindsight, *episodes.extent(row, env, oldest), bits[:, 1])
        chosen = bits[:, 0] % jnp.uint32(plan.n_sampled_goal + 1) > 0
        achieved = rows.next_observation[ACHIEVED][(row + ahead) % episodes.number.shape[0], env]
        return cls(says, _where(chosen, achieved, rows.observation[DESIRED][row, env]), chosen)

    def steps(self, transition: Transition) -> Transition:
        """Transitions `[B, …]` with these goals. Those that keep their own stay as they are, to the last bit."""
        reward, terminated = self._outcome(
            transition.next_observation[ACHIEVED], transition.reward, transition.terminated
        )
        return replace(
            transition,
            observation=self._with_goals(transition.observation),
            reward=reward,
            terminated=terminated,
            truncated=transition.truncated & ~(terminated & self.chosen),
            next_observation=self._with_goals(transition.next_observation),
        )

    def outcome_at(self, rows: Transition, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """`(rewards, terminated)` of the steps at `(rows, environments)`, each `[n, B]`, with these goals."""
        return self._outcome(rows.next_observation[ACHIEVED][at], rows.reward[at], rows.terminated[at])

    def _outcome(
        self, achieved: jax.Array, reward: jax.Array, terminated: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        goal = jnp.broadcast_to(self.goal, achieved.shape)
        chosen = jnp.broadcast_to(self.chosen, reward.shape)
        reward = jnp.where(chosen, self.says.reward(achieved, goal), reward)
        if self.says.terminated is None:
            return reward, terminated
        return reward, jnp.where(chosen, self.says.terminated(achieved, goal), terminated)

    def _with_goals(self, observation: PyTree) -> PyTree:
        return {**observation, DESIRED: _where(self.chosen, self.goal, observation[DESIRED])}


def _where(condition: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    """`new` where the condition `[B]` holds, for `[B, …]`."""
    return jnp.where(condition.reshape(-1, *[1] * (old.ndim - 1)), new, old)
