"""Stable-Baselines3's side of `benchmarks.parity_update`: learn from the rollouts given, from the weights given."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import configure
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from benchmarks.parity_cases import Pair
from benchmarks.peers.train_sb3 import environment

STOCHASTIC = ("SAC", "TQC", "CrossQ")
ORDER = {  # in which actions are sampled
    "SAC": ("of_policy", "in_target"),
    "TQC": ("of_policy", "in_target"),
    "CrossQ": ("in_target", "of_policy"),
    "TD3": ("in_target",),
    "DDPG": ("in_target",),
}


def main() -> None:
    argument = json.loads(sys.argv[1])
    pair, given = Pair(**argument["pair"]), dict(np.load(argument["given"]))
    torch.set_num_threads(1)
    package, name = pair.peer.split(".")
    arguments = {"seed": 0, "device": "cpu"} | pair.hyperparameters | pair.theirs
    env = make_vec_env(lambda: environment(pair), pair.num_envs, 0)
    model: Any = getattr(import_module(package), name)("MlpPolicy", env, **arguments)
    model.set_logger(configure(None, []))
    if name in STOCHASTIC:
        model.actor.action_dist.epsilon = 0.0  # 1e-6 in log(1 − a² + ε), which operant does without
    known = {key.partition("/")[2]: value for key, value in given.items() if key.startswith("weights/")}
    temperature = known.pop("log_ent_coef", None)
    names = model.policy.state_dict()
    model.policy.load_state_dict(
        {key: torch.as_tensor(value) for key, value in with_target(known, names).items()}
    )
    if temperature is not None:
        model.log_ent_coef.data = torch.as_tensor(temperature)
    answer = {}
    for index in range(len({key.partition("/")[0] for key in given} - {"weights"})):
        prefix = f"{index}/"
        batch = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}
        if hasattr(model, "rollout_buffer"):
            fill(model, batch)
            model.train()
        else:
            replay(model, batch)
            with normals(batch, ORDER.get(name, ())), biased():
                model.train(1, len(batch["reward"]))
        now = dict(model.policy.state_dict())
        logged = model.logger.name_to_value
        now |= {key: torch.as_tensor(value) for key, value in logged.items() if key.endswith("_loss")}
        logged.clear()
        if temperature is not None:
            now["log_ent_coef"] = model.log_ent_coef.detach()
        answer |= {prefix + key: value.numpy().copy() for key, value in now.items()}
    np.savez(argument["answer"], **answer)


def with_target(weights: dict[str, np.ndarray], names: Collection[str]) -> dict[str, np.ndarray]:
    """Target networks, where there are some of these names, begin as copies."""
    copies = {}
    for key, value in weights.items():
        network, _, rest = key.partition(".")
        if f"{network}_target.{rest}" in names:
            copies[f"{network}_target.{rest}"] = value
    return weights | copies


@contextmanager
def biased() -> Iterator[None]:
    """Let variances be divided by N, as in the code of CrossQ's authors; sb3-contrib's are divided by N − 1."""
    var = torch.Tensor.var

    def of_all(tensor: torch.Tensor, dim: int) -> torch.Tensor:
        return var(tensor, dim=dim, unbiased=False)

    with patch.object(torch.Tensor, "var", of_all):
        yield


@contextmanager
def normals(batch: dict[str, np.ndarray], names: tuple[str, ...]) -> Iterator[None]:
    """Where the batch has normals for actions, let those that are sampled be these, in the order of their use here."""
    if "in_target" not in batch:
        yield
        return
    given = iter([torch.as_tensor(batch[name]) for name in names])

    def standard(shape: torch.Size, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        return next(given).reshape(shape)

    def normal_(tensor: torch.Tensor, mean: float = 0.0, std: float = 1.0) -> torch.Tensor:
        return tensor.copy_(mean + std * next(given).reshape(tensor.shape))

    with (
        patch.object(torch.distributions.normal, "_standard_normal", standard),
        patch.object(torch.Tensor, "normal_", normal_),
    ):
        yield


def replay(model: Any, steps: dict[str, np.ndarray]) -> None:
    """Let the replay buffer give these steps `[B, 1, …]`, and no others."""
    tensors = {key: torch.as_tensor(value[:, 0]) for key, value in steps.items()}
    samples = ReplayBufferSamples(
        observations=tensors["observation"],
        actions=torch.as_tensor(scaled(model, steps["action"][:, 0])),
        next_observations=tensors["next_observation"],
        dones=tensors["terminated"][:, None].float(),
        rewards=tensors["reward"][:, None],
    )
    model.replay_buffer.sample = lambda *_, **__: samples


def scaled(model: Any, actions: np.ndarray) -> np.ndarray:
    """Actions `[B, …]` as the replay buffer stores them: of a Box in [−1, 1]."""
    return actions[:, None] if actions.ndim == 1 else model.policy.scale_action(actions)


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
