"""A layer that looks at what one environment answers before it is converted, and keeps its last observations."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym

from operant.envs.gymnasium_checks import Checks
from operant.envs.gymnasium_layers import MASK, PassThrough
from operant.types import PyTree


class Checked(PassThrough):
    """For environments that something else puts together: Gymnasium's vector environments, here or in processes.

    They convert what does not fit. And they reset an environment before they have copied its last observation, which
    one that writes all observations into the same array then overwrites.

    Args:
        name: the environment's, for messages.
        number: which copy it is.
    """

    def __init__(self, env: gym.Env, name: str, number: int) -> None:
        super().__init__(env)
        self.checks = Checks(name, env.observation_space, env.action_space, 1, number)

    def reset(self, **kwargs: Any) -> tuple[PyTree, dict[str, Any]]:
        observation, info = self.checks.begin(self.env, 0, **kwargs)
        self.checks.observations((observation,))
        if MASK in info:
            self.checks.mask(info[MASK], 0)
        return observation, info

    def step(self, action: Any) -> tuple[PyTree, Any, bool, bool, dict[str, Any]]:
        checks = self.checks
        checks.taken += 1
        observation, reward, terminated, truncated, info, over = checks.step(self.env, action, 0)
        checks.observations((observation,))
        if MASK in info:
            checks.mask(info[MASK], 0, final=over)
        if over:
            observation = copy.deepcopy(observation)
            info = info | {MASK: copy.deepcopy(info[MASK])} if MASK in info else info
        return observation, reward, bool(terminated), bool(truncated), info
