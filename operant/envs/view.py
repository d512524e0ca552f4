"""One Gymnasium environment as a policy sees it: observations, masks and actions in operant's own terms."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.gymnasium_checked import Checked
from operant.envs.gymnasium_layers import MASK
from operant.envs.gymnasium_spaces import action_to_gym, flat_mask, observation_to_jax, split_actions
from operant.types import PyTree


class EnvironmentView:
    """Steps one environment; `observation` and `action_mask` are what the policy acts on next."""

    def __init__(self, env: gym.Env) -> None:
        self.env = env
        self._checked = Checked(env, self.id, 0)
        self.observation: PyTree = None
        self.action_mask: np.ndarray | None = None

    @property
    def id(self) -> str:
        spec = self.env.spec
        return (
            spec.id
            if spec is not None
            else getattr(self.env.unwrapped, "id", type(self.env.unwrapped).__name__)
        )

    def reset(self, seed: int | None = None) -> None:
        """Begin an episode."""
        self._see(*self._checked.reset(seed=seed))

    def step(self, action: Any) -> tuple[float, bool]:
        """`(reward, whether the episode ended)`."""
        space = self.env.action_space
        (one,) = split_actions(space, action_to_gym(space, np.asarray(action)[None]), 1)
        observation, reward, terminated, truncated, info = self._checked.step(one)
        self._see(observation, info, terminated or truncated)
        return float(reward), terminated or truncated

    def close(self) -> None:
        self.env.close()

    def _see(self, observation: Any, info: dict[str, Any], final: bool = False) -> None:
        self.observation = observation_to_jax(self.env.observation_space, observation)
        mask = info.get(MASK)
        self.action_mask = None if mask is None else flat_mask(self.env.action_space, mask, final=final)
