"""The best model so far, of what was evaluated during training: training can forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.types import PyTree

FIRST_SEED = 1_000_000  # episode i is reset with this + i; scores count from 10,000, films from 20,000


@dataclass(frozen=True)
class Best:
    """The best model so far by mean return; of several seeds each one's, with arrays `[S]`. Of equals the later."""

    reward: np.ndarray  # its mean return, over `episodes`
    length: np.ndarray  # their mean length
    step: np.ndarray  # environment steps it had been trained for
    episodes: int
    state: PyTree

    def to_json(self) -> dict[str, Any]:
        """All but the state."""
        numbers = {"mean_reward": self.reward, "mean_ep_length": self.length, "step": self.step}
        return {name: value.tolist() for name, value in numbers.items()} | {
            "episodes": self.episodes,
            "seed": FIRST_SEED,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], state: PyTree) -> Best:
        """What `to_json` wrote, of this state."""
        reward, length, step = (np.array(values[name]) for name in ("mean_reward", "mean_ep_length", "step"))
        return cls(reward, length, step, values["episodes"], state)

    def reached_by(self, new: Best) -> np.ndarray:
        """Where the new model is at least as good; a score that is no number is below all others."""
        return (new.reward >= self.reward) | np.isnan(self.reward)


def better_of(best: Best | None, new: Best) -> Best:
    """The new model where it is at least as good, the old one elsewhere. It shares no arrays with `new`."""
    if best is None:
        return Best(new.reward, new.length, new.step, new.episodes, jax.tree.map(jnp.copy, new.state))
    wins = best.reached_by(new)

    def choose(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.where(wins.reshape(wins.shape + (1,) * (x.ndim - wins.ndim)), x, y)

    return Best(
        np.where(wins, new.reward, best.reward),
        np.where(wins, new.length, best.length),
        np.where(wins, new.step, best.step),
        new.episodes,
        jax.tree.map(choose, new.state, best.state),
    )
