"""Scoring a policy: whole episodes on the environment itself, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium as gym
import jax
import numpy as np

from operant.envs.view import EnvironmentView
from operant.ops.intervals import mean_interval
from operant.types import PyTree

Policy = Callable[[PyTree, PyTree, PyTree, np.ndarray, int], tuple[PyTree, PyTree]]
"""`(observation, action mask, carry, new episode [M], t) → (action, carry)` over a batch of M environments."""


@dataclass(frozen=True)
class Evaluation:
    """What a policy achieved; `returns` are raw sums of reward, `lengths` in steps, both in the order of the seeds."""

    environment: str
    returns: np.ndarray
    lengths: np.ndarray
    seed: int  # episode i was reset with seed + i

    @property
    def mean(self) -> float:
        return float(self.returns.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the mean."""
        _, low, high = mean_interval(self.returns)
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.mean:.1f} [{low:.1f}, {high:.1f}] over {len(self.returns)} episodes of {self.environment}"
        )

    def to_json(self) -> dict[str, Any]:
        values = asdict(self) | {
            "mean": self.mean,
            "interval": list(self.interval),
            "episodes": len(self.returns),
        }
        return values | {"returns": self.returns.tolist(), "lengths": self.lengths.tolist()}


def evaluate(
    policy: Policy,
    make: Callable[[], gym.Env],
    *,
    episodes: int,
    seed: int,
    slots: int,
) -> Evaluation:
    """Run `episodes` whole episodes in up to `slots` environments side by side; episode i is reset with `seed + i`.

    Every episode that is begun is counted, so that short ones are not over-represented.
    """
    slots = min(slots, episodes)
    views = [EnvironmentView(make()) for _ in range(slots)]
    returns, lengths = np.zeros(episodes), np.zeros(episodes, np.int64)
    following = iter(range(episodes))
    number = [next(following) for _ in views]
    for view, episode in zip(views, number, strict=True):
        view.reset(seed + episode)
    fresh, carry, alive, t = np.ones(slots, bool), None, np.ones(slots, bool), 0
    while alive.any():
        observation = jax.tree.map(lambda *x: np.stack(x), *[view.observation for view in views])
        mask = None if views[0].action_mask is None else np.stack([view.action_mask for view in views])
        action, carry = policy(observation, mask, carry, fresh, t)
        fresh = np.zeros(slots, bool)
        for i in np.flatnonzero(alive):
            view, episode = views[i], number[i]
            reward, done = view.step(jax.tree.map(lambda x: x[i], action))
            returns[episode] += reward
            lengths[episode] += 1
            if done:
                number[i] = next(following, -1)
                alive[i], fresh[i] = number[i] >= 0, True
                if alive[i]:
                    view.reset(seed + number[i])
        t += 1
    name = views[0].id
    for view in views:
        view.close()
    return Evaluation(name, returns, lengths, seed)
