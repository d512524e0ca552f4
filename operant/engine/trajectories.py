"""Experience, one episode after another: what was collected side by side, cut where episodes end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jax
import numpy as np

from operant.types import PyTree, Transition


@dataclass(frozen=True)
class Trajectory:
    """The steps of one episode, or the part of it that was seen. Everything is NumPy and in operant's own terms:
    float32, choices counted from 0, actions as the policy chose them (before clipping to a Box).
    """

    transition: Transition  # leaves [L, …]

    def __len__(self) -> int:
        return len(self.transition.reward)

    @property
    def observations(self) -> PyTree:
        """`[L + 1, …]`: the last one is the true final one, which nobody acted on."""
        step = self.transition
        return jax.tree.map(
            lambda seen, later: np.concatenate([seen, later[-1:]]), step.observation, step.next_observation
        )

    @property
    def actions(self) -> PyTree:
        """`[L, …]`."""
        return self.transition.action

    @property
    def rewards(self) -> np.ndarray:
        """`[L]`, as they were learnt from."""
        return np.asarray(self.transition.reward)

    @property
    def terminated(self) -> bool:
        """Whether the task itself ended here."""
        return bool(self.transition.terminated[-1])

    @property
    def truncated(self) -> bool:
        """Whether it was cut short from outside."""
        return bool(self.transition.truncated[-1])

    @property
    def ended(self) -> bool:
        """Whether this is all of it; False for one that was under way when collecting stopped."""
        return self.terminated or self.truncated

    @property
    def total_reward(self) -> float:
        """The undiscounted return, of the environment's own rewards."""
        step = self.transition
        raw = step.reward if step.raw_reward is None else step.raw_reward
        return float(np.sum(raw, dtype=np.float64))


class EpisodeSplitter:
    """Takes blocks `[T, N, …]` in order, gives the episodes that end in them. Steps that never happened are absent."""

    def __init__(self) -> None:
        self._running: dict[int, list[Transition]] = {}  # environment → parts of its episode under way

    def __call__(self, block: Transition) -> Iterator[Trajectory]:
        """Those that end in this block, environment by environment."""
        done, happened = np.asarray(block.done), np.asarray(block.mask)
        for n in range(done.shape[1]):
            steps = np.flatnonzero(happened[:, n])
            for part in np.split(steps, np.flatnonzero(done[steps, n]) + 1):
                if part.size:
                    rows = jax.tree.map(lambda x, part=part, n=n: np.asarray(x)[part, n], block)
                    self._running.setdefault(n, []).append(rows)
                    if done[part[-1], n]:
                        yield self._taken(n)

    def unfinished(self) -> Iterator[Trajectory]:
        """The parts of those under way, which are forgotten here."""
        for n in list(self._running):
            yield self._taken(n)

    def _taken(self, n: int) -> Trajectory:
        return Trajectory(jax.tree.map(lambda *parts: np.concatenate(parts), *self._running.pop(n)))


def to_transitions(trajectories: Sequence[Trajectory]) -> Transition:
    """All of their steps, one after another: leaves `[B, …]`. Raises ValueError where there are none."""
    if not trajectories:
        raise ValueError("to_transitions needs at least one trajectory.")
    return jax.tree.map(lambda *parts: np.concatenate(parts), *[each.transition for each in trajectories])
