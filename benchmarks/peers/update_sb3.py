"""Stable-Baselines3's side of `benchmarks.parity_update`: learn from the rollouts given, from the weights given."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import configure
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from benchmarks.parity_cases import Pair
from benchmarks.peers.train_sb3 import environment


def main() -> None:
    argument = json.loads(sys.argv[1])
    pair, given = Pair(**argument["pair"]), dict(np.load(argument["given"]))
    torch.set_num_threads(1)
    package, name = pair.peer.split(".")
    arguments = {"seed": 0, "device": "cpu"} | pair.hyperparameters | pair.theirs
    env = make_vec_env(lambda: environment(pair), pair.num_envs, 0)
    model: Any = getattr(import_module(package), name)("MlpPolicy", env, **arguments)
    model.set_logger(configure(None, []))
    known = {key.partition("/")[2]: value for key, value in given.items() if key.startswith("weights/")}
    model.policy.load_state_dict({key: torch.as_tensor(value) for key, value in with_target(known).items()})
    answer = {}
    for index in range(len({key.partition("/")[0] for key in given} - {"weights"})):
        prefix = f"{index}/"
        batch = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}
        if hasattr(model, "rollout_buffer"):
            fill(model, batch)
            model.train()
        else:
            replay(model, batch)
            model.train(1, len(batch["reward"]))
        now = model.policy.state_dict()
        answer |= {prefix + key: value.numpy().copy() for key, value in now.items()}
    np.savez(argument["answer"], **answer)


def with_target(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The target network of a Q-network begins as its copy."""
    copies = {}
    for key, value in weights.items():
        for name in ("q_net.", "quantile_net."):
            if key.startswith(name):
                copies[f"{name[:-1]}_target.{key.removeprefix(name)}"] = value
    return weights | copies


def replay(model: Any, steps: dict[str, np.ndarray]) -> None:
    """Let the replay buffer give these steps `[B, 1, …]`, and no others."""
    tensors = {key: torch.as_tensor(value[:, 0]) for key, value in steps.items()}
    samples = ReplayBufferSamples(
        observations=tensors["observation"],
        actions=tensors["action"][:, None],
        next_observations=tensors["next_observation"],
        dones=tensors["terminated"][:, None].float(),
        rewards=tensors["reward"][:, None],
    )
    model.replay_buffer.sample = lambda *_, **__: samples


def fill(model: Any, rollout: dict[str, np.ndarray]) -> None:
    """What `collect_rollouts` does with steps `[T, N, …]` that were taken."""
    buffer, policy = model.rollout_buffer, model.policy
    buffer.reset()
    done = rollout["terminated"] | rollout["truncated"]
    starts = np.concatenate([np.ones_like(done[:1]), done[:-1]])
    with torch.no_grad():
        for step in range(len(done)):
            seen, action = (torch.as_tensor(rollout[key][step]) for key in ("observation", "action"))
            masks = {"action_masks": rollout["action_mask"][step]} if "action_mask" in rollout else {}
            values, log_prob, _ = policy.evaluate_actions(seen, action, **masks)
            next_value = policy.predict_values(torch.as_tensor(rollout["next_observation"][step]))
            bootstrap = next_value.numpy().flatten() * rollout["truncated"][step]
            reward = rollout["reward"][step] + model.gamma * bootstrap
            buffer.add(seen.numpy(), action.numpy(), reward, starts[step], values, log_prob, **masks)
    buffer.compute_returns_and_advantage(next_value, done[-1])


if __name__ == "__main__":
    main()
