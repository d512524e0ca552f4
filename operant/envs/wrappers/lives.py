"""The wrapper that makes a lost life the end of all values, and not of the game."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import DISCOUNT, PassThrough, with_info
from operant.envs.wrappers.base import Wrapper
from operant.types import EnvSpec


@dataclass(frozen=True)
class LifeLoss(Wrapper):
    """A lost life ends values: nothing that follows counts, while the game goes on and is scored as a whole.

    For Gymnasium environments that say in `info["lives"]` how many are left, as Atari's do. Stable-Baselines3's
    `terminal_on_life_loss` ends the episode instead, and then needs a reset that is none. Give it after `Repeat`.
    Raises ValueError without lives.
    """

    def check(self, spec: EnvSpec) -> None:
        """Whether there are lives is seen at the first reset."""

    def native(self, environment: Environment) -> Environment:
        raise ValueError(
            f'LifeLoss needs info["lives"] of a Gymnasium environment; {environment.id} is native, and says in its '
            "discount() where values end."
        )

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return Lives(env)


class Lives(PassThrough):
    """Adds `info["discount"]`: 0 where a life was lost, else 1."""

    def reset(self, **kwargs: Any) -> Any:
        result = self.env.reset(**kwargs)
        self._lives = self._count(result)
        return with_info(result, DISCOUNT, 1.0)

    def step(self, action: Any) -> Any:
        result = self.env.step(action)
        before, self._lives = self._lives, self._count(result)
        return with_info(result, DISCOUNT, 0.0 if self._lives < before else 1.0)

    def _count(self, result: Any) -> int:
        info = result[-1] if isinstance(result, tuple) and result and isinstance(result[-1], dict) else {}
        if "lives" not in info:
            raise ValueError(
                f'LifeLoss: {self.env} gives no info["lives"]; it is for games of several lives, as Atari\'s are. '
                "Leave the wrapper out."
            )
        return int(info["lives"])
