"""One measurement of Stable-Baselines3, in a process of its own; prints JSON like `benchmarks.measure_operant`."""

from __future__ import annotations

import json
import sys
import time

import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from benchmarks.cases import ENVIRONMENT, HYPERPARAMETERS, NUM_ENVS
from benchmarks.common import machine, versions


def main() -> None:
    peer = json.loads(sys.argv[1])
    name, steps = peer["algorithm"], peer["steps"]
    before = machine()
    torch.set_num_threads(peer["threads"])
    env = make_vec_env(ENVIRONMENT, n_envs=NUM_ENVS[name], seed=peer["seed"], vec_env_cls=DummyVecEnv)
    values = HYPERPARAMETERS[name] | {"seed": peer["seed"], "device": "cpu"}
    if name == "ppo":
        model = PPO("MlpPolicy", env, **values)
    else:
        model = DQN("MlpPolicy", env, policy_kwargs={"net_arch": [64, 64]}, **values)
    seconds = []
    for _ in range(2):
        before_steps, started = model.num_timesteps, time.perf_counter()
        model.learn(steps, reset_num_timesteps=False)
        seconds.append(time.perf_counter() - started)
    taken = model.num_timesteps - before_steps
    result = {
        "steps_per_second": taken / seconds[1],
        "steps": taken,
        "seconds": seconds[1],
        "startup_seconds": seconds[0] - seconds[1],
        "threads": f"torch {torch.get_num_threads()}",
        "machine": before,
        "versions": versions(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
