"""What users may read of the core that they hold."""

from __future__ import annotations

from typing import Any

from operant.agent.best import Best
from operant.agent.core import Core
from operant.agent.learner import Learner
from operant.algorithms.base import Algorithm
from operant.envs.border import Border
from operant.envs.source import Source
from operant.types import EnvSpec, PyTree


class Learned:
    """Holds a core; all that it has can be read here, and nothing of it assigned."""

    _core: Core

    @property
    def algorithm(self) -> Algorithm:
        """What learns, with its hyperparameters."""
        return self._core.algorithm

    @property
    def source(self) -> Source:
        """The environment, as it was given."""
        return self._core.source

    @property
    def spec(self) -> EnvSpec:
        """What is observed and done there, by `num_envs` environments."""
        return self._core.spec

    @property
    def border(self) -> Border:
        """The environment's spaces as Gymnasium has them."""
        return self._core.border

    @property
    def name(self) -> str:
        """The algorithm's, for people."""
        return self._core.name

    @property
    def seed(self) -> int:
        """What all randomness derives from."""
        return self._core.seed

    @property
    def seeds(self) -> tuple[int, ...] | None:
        """Those of its learners; None where there is one."""
        return self._core.seeds

    @property
    def num_envs(self) -> int:
        """Environments that each learner steps together."""
        return self._core.num_envs

    @property
    def learner(self) -> Learner:
        """What is being trained, at this moment."""
        return self._core.learner

    @property
    def state(self) -> PyTree:
        """What has been learnt: the algorithm's state; with several seeds every leaf has a first axis for them."""
        return self._core.state

    @property
    def step(self) -> int:
        """Environment steps trained for so far, of each seed."""
        return self._core.step

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of metrics so far."""
        return self._core.history

    @property
    def best_so_far(self) -> Best | None:
        """The best model of what was evaluated during training, with its score and step."""
        return self._core.best
