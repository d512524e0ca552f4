"""What `operant train ppo CartPole-v1` does, with Stable-Baselines3: train by the preset, score, save.

python -m benchmarks.peers.train_cartpole PRESETS.toml RUN_DIR SEED THREADS
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv

ENVIRONMENT, EPISODES, EVALUATION_SEED = "CartPole-v1", 100, 10_000


def schedule(value: float | str) -> float | Callable[[float], float]:
    """SB3's form of `linear:start:end`: a function of what remains of training."""
    if not isinstance(value, str):
        return value
    kind, start, end = value.split(":")
    if kind != "linear":
        raise ValueError(f"{value!r}: this script knows linear schedules only.")
    return lambda remaining: float(end) + (float(start) - float(end)) * remaining


def main() -> None:
    presets, run_dir, seed, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    preset = tomllib.loads(Path(presets).read_text())[ENVIRONMENT]
    total, num_envs = preset.pop("total_timesteps"), preset.pop("num_envs")
    values = {name: schedule(value) for name, value in preset.items()}

    env = make_vec_env(ENVIRONMENT, n_envs=num_envs, seed=int(seed))
    model = PPO("MlpPolicy", env, seed=int(seed), device="cpu", **values).learn(total)

    # All episodes side by side, and without the Monitor wrapper: the fastest way that evaluate_policy has.
    scoring = DummyVecEnv([lambda: gym.make(ENVIRONMENT)] * EPISODES)
    scoring.seed(EVALUATION_SEED)  # episode i is reset with this + i, as operant's are
    returns, _ = evaluate_policy(model, scoring, EPISODES, return_episode_rewards=True, warn=False)

    directory = Path(run_dir)
    directory.mkdir(parents=True, exist_ok=True)
    model.save(directory / "model.zip")
    values = {"mean": float(sum(returns) / len(returns)), "returns": [float(value) for value in returns]}
    (directory / "evaluation.json").write_text(json.dumps(values))


if __name__ == "__main__":
    main()
