"""An environment that does nothing for a while, as a simulator does that runs elsewhere."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np


class Sleeping(gym.Env):
    """Every step sleeps; nothing is seen, nothing is paid, and no episode ends."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (4,), np.float32)
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Not slept for."""
        super().reset(seed=seed)
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> Any:
        """After a sleep."""
        if self.seconds:
            time.sleep(self.seconds)
        return np.zeros(4, np.float32), 0.0, False, False, {}
