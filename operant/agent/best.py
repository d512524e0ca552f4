"""The best model is kept, since training can forget: what evaluation between chunks saw, and the best of it.

Episodes are those of Gymnasium's own environment, the same ones each time, and none that a final score is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.agent.inputs import SLOTS
from operant.engine.evaluate import Evaluation, evaluate
from operant.engine.log import EVALUATED
from operant.engine.policy import Policy
from operant.engine.watch import Watch
from operant.envs.stored import require_same_spaces
from operant.types import PyTree

if TYPE_CHECKING:
    from operant.agent.agent import Agent

REWARD, LENGTH, SUCCESS = EVALUATED, "eval/mean_ep_length", "eval/success_rate"  # Stable-Baselines3's names
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


class Selection:
    """Evaluates an agent between chunks and keeps its best. The run and its randomness are not touched."""

    def __init__(self, agent: Agent, episodes: int, env: Any = None) -> None:
        self.agent, self.episodes = agent, episodes
        source = agent.source.other(env, None)
        if source is not agent.source:
            require_same_spaces(agent.spec, source.spec)
        self._ours = not source.shared  # the one environment given is training's too, or its maker's
        count = min(episodes, SLOTS) if self._ours else 1
        learner = agent.learner
        make = learner.single if source is agent.source else lambda: learner.as_trained(source.single())
        self._environments = [make() for _ in range(count)]

    def evaluate(
        self, watch: Watch | None = None, diverged: np.ndarray | None = None
    ) -> tuple[dict[str, Any], bool]:
        """`(metrics, whether there is a new best)`; metrics are numbers, or arrays `[S]` with several seeds.

        Of several seeds those that have `diverged` `[S]` have no score. Raises Stopped where `watch` says stop before
        it is finished.
        """
        learner, best = self.agent.learner, self.agent.best_so_far
        scores = [self._score(learner.state_of(index), watch) for index in range(learner.seeds or 1)]
        reward = np.array([score.mean for score in scores])
        length = np.array([score.lengths.mean() for score in scores])
        if diverged is not None:  # what plays on without sense may score by chance
            reward, length = np.where(diverged, np.nan, reward), np.where(diverged, np.nan, length)
        if learner.seeds is None:
            reward, length = reward[0], length[0]
        step = np.full_like(reward, learner.step, int)
        new = Best(np.asarray(reward), np.asarray(length), step, self.episodes, learner.state)
        self.agent.best_so_far = better_of(best, new)
        metrics: dict[str, Any] = {REWARD: reward, LENGTH: length}
        rates = [score.success_rate for score in scores]
        if None not in rates:
            metrics[SUCCESS] = rates[0] if learner.seeds is None else np.array(rates)
        return metrics, best is None or bool(best.reached_by(new).any())

    def close(self) -> None:
        """Closes the environments that were made for evaluation."""
        for env in self._environments if self._ours else ():
            env.close()

    def _score(self, state: PyTree, watch: Watch | None) -> Evaluation:
        agent, environments = self.agent, iter(self._environments)
        agent.learner.played_outside()
        return evaluate(
            Policy(agent.algorithm, state, agent.spec),
            lambda: next(environments),
            episodes=self.episodes,
            seed=FIRST_SEED,
            slots=len(self._environments),
            close=False,
            watch=watch,
        )
