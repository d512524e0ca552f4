"""A Gymnasium environment that says which actions are possible, as sb3-contrib and operant both ask for it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.parity_cases import MASKS


class Masked(gym.Wrapper):
    """`action_masks()` by the rule of `MASKS` for an environment's id."""

    def __init__(self, env: gym.Env, environment: str) -> None:
        super().__init__(env)
        self._rule = MASKS[environment]

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        self._seen, info = self.env.reset(**options)
        return self._seen, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        result = self.env.step(action)
        self._seen = result[0]
        return result

    def action_masks(self) -> np.ndarray:
        return np.array(self._rule(self._seen), bool)
