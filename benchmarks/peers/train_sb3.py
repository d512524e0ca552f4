"""Train and score a pair of `benchmarks.parity` with Stable-Baselines3 or sb3-contrib, one seed after another.

python -m benchmarks.peers.train_sb3 '{"pair": {…}, "seeds": […], "episodes": …, "evaluation_seed": …}' prints a line of
JSON for each seed.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np
import sb3_contrib.common.maskable.evaluation as of_masks
import stable_baselines3.common.evaluation as of_all
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from benchmarks import common
from benchmarks.parity_cases import Pair
from benchmarks.peers.masks import Masked

WINDOW = 100  # episodes whose mean return counts while training, as operant's `rollout/ep_rew_mean`


def main() -> None:
    argument = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    pair = Pair(**argument["pair"])
    for seed in argument["seeds"]:
        result = train(pair, seed, argument["episodes"], argument["evaluation_seed"])
        print(json.dumps(result | {"versions": common.versions()}), flush=True)


def train(pair: Pair, seed: int, episodes: int, evaluation_seed: int) -> dict[str, Any]:
    """The scores of one seed: of the policy at the end, and of the last 100 episodes of training."""
    package, name = pair.peer.split(".")
    env = make_vec_env(lambda: environment(pair), pair.num_envs, seed)
    arguments = {"policy": "MlpPolicy", "seed": seed, "device": "cpu"} | pair.hyperparameters | pair.theirs
    model = getattr(import_module(package), name)(env=env, **arguments)
    model.learn(pair.steps)

    # All episodes side by side, episode i reset with evaluation_seed + i, as operant's are.
    scoring = DummyVecEnv([lambda: environment(pair)] * episodes)
    scoring.seed(evaluation_seed)
    evaluate = (of_masks if pair.masked else of_all).evaluate_policy
    returns, _ = evaluate(model, scoring, episodes, return_episode_rewards=True, warn=False)
    # By its monitors, and not by `ep_info_buffer`, of which ARS keeps a generation and all others 100 episodes.
    ended = zip(env.env_method("get_episode_times"), env.env_method("get_episode_rewards"), strict=True)
    window = [reward for _, reward in sorted(pair for one in ended for pair in zip(*one, strict=True))][
        -WINDOW:
    ]
    return {
        "seed": seed,
        "final": float(np.mean(returns)),
        "training": float(np.mean(window)) if window else None,
        "steps": int(model.num_timesteps),
    }


def environment(pair: Pair) -> gym.Env:
    env = gym.make(pair.environment)
    if pair.bins is not None:
        env = gym.wrappers.DiscretizeAction(env, pair.bins)
    return Masked(env, pair.environment) if pair.masked else env


if __name__ == "__main__":
    main()
