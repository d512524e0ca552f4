"""One measurement of Stable-Baselines3, sb3-contrib or SBX in a process, like `benchmarks.measure_operant`."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from sb3_contrib.common.vec_env import AsyncEval
from stable_baselines3.common.env_util import make_atari_env, make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from benchmarks.cases import FAMILIES, Peer
from benchmarks.common import sit


class ActionMasks(gym.Wrapper):
    """The mask that the environment has told of last, asked for as sb3-contrib asks for it."""

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        self._mask = info["action_mask"]
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        successor = self.env.step(action)
        self._mask = successor[-1]["action_mask"]
        return successor

    def action_masks(self) -> np.ndarray:
        return self._mask


def main() -> None:
    argument = json.loads(sys.argv[1])
    seed, rounds, peer = argument.pop("seed"), argument.pop("rounds"), Peer(**argument)
    family = FAMILIES[peer.family]
    package, name = (peer.peer or family.peer).split(".")
    wrapper = ActionMasks if name == "MaskablePPO" else None

    def environments(count: int = 1) -> VecEnv:
        torch.set_num_threads(peer.threads)  # here, for a process of its own too
        if family.atari:
            gym.register_envs(import_module("ale_py"))
            return VecFrameStack(make_atari_env(family.environment, count, seed), n_stack=4)
        return make_vec_env(family.environment, count, seed, wrapper_class=wrapper)

    arguments = {"policy": "MlpPolicy", "seed": seed, "device": "cpu"}
    arguments |= family.hyperparameters | family.theirs
    model = getattr(import_module(package), name)(env=environments(family.num_envs), **arguments)

    def learn() -> int:
        more = {}
        if peer.processes:
            more["async_eval"] = AsyncEval([environments] * peer.processes, model.policy)
            more["async_eval"].seed(seed)  # answered when all of them have started
        before = model.num_timesteps
        model.learn(peer.steps // rounds, reset_num_timesteps=False, **more)
        return model.num_timesteps - before

    sit(learn, f"torch {torch.get_num_threads()}")


if __name__ == "__main__":
    main()
