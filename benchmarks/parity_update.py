"""Is one update the same? `python -m benchmarks.parity_update`: both sides learn from the same weights and rollouts.

Where two learners differ by their means over some seeds, this tells a bug from chance: after each of `UPDATES` rollouts
the parameters of operant and of Stable-Baselines3 are compared. Everything random is left out (a minibatch is the whole
rollout), so that they differ by rounding alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

import operant
from benchmarks import common
from benchmarks.parity_cases import PAIRS, Pair
from benchmarks.peers.environment import python as make_environment
from operant.types import Batch, Clock, Transition

UPDATES = 10
TOLERANCE = 1e-4  # of a parameter, after all updates
NAMES = ("A2C CartPole", "A2C Pendulum", "PPO CartPole", "PPO Pendulum")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity_update", description=__doc__)
    parser.add_argument("--peers-python", help="interpreter that has peers/requirements.txt")
    python = parser.parse_args().peers_python or make_environment()
    worst = {pair.name: compare(pair, python) for pair in PAIRS if pair.name in NAMES}
    for name, differences in worst.items():
        print(f"{name}: after 1 update {differences[0]:.1e}, after {len(differences)} {differences[-1]:.1e}")
    missed = [name for name, differences in worst.items() if not differences[-1] < TOLERANCE]
    if missed:
        raise SystemExit(f"Updates differ by more than {TOLERANCE}: {', '.join(missed)}.")


def compare(pair: Pair, python: str) -> list[float]:
    """The largest difference of any parameter after each update."""
    values = pair.hyperparameters
    if "batch_size" in values:
        values = values | {"batch_size": values["n_steps"] * pair.num_envs, "n_epochs": 3}
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "given.npz", Path(folder) / "answer.npz"
        ours = _of_operant(pair, values, given)
        argument = {"pair": pair.settings | {"hyperparameters": values}, "given": str(given)}
        command = [
            python,
            "-m",
            "benchmarks.peers.update_sb3",
            json.dumps(argument | {"answer": str(answer)}),
        ]
        subprocess.run(command, cwd=common.ROOT, check=True)
        theirs = dict(np.load(answer))
    return [
        max(float(np.abs(mine[name] - theirs[f"{index}/{name}"]).max()) for name in mine)
        for index, mine in enumerate(ours)
    ]


def _of_operant(pair: Pair, values: dict[str, Any], given: Path) -> list[dict[str, np.ndarray]]:
    """Learn from rollouts of random actions; write them, and the weights before, for the peer."""
    agent = operant.make(
        pair.algorithm,
        pair.environment,
        preset=None,
        seed=0,
        num_envs=pair.num_envs,
        backend="native",
        **values,
        **pair.ours,
    )
    algorithm, spec = agent.algorithm, agent.spec
    state: Any = algorithm.init(spec, jax.random.key(0))
    arrays = {f"weights/{name}": value for name, value in parameters(state.network).items()}
    clock = Clock(jnp.asarray(0, jnp.int32), jnp.asarray(1_000_000, jnp.int32))
    update, after = jax.jit(algorithm.update), []
    for index, rollout in enumerate(rollouts(pair, values["n_steps"])):
        arrays |= {f"{index}/{name}": value for name, value in rollout.items()}
        transition = Transition(**{name: jnp.asarray(value) for name, value in rollout.items()})
        batch = Batch(transition, jnp.ones(rollout["reward"].shape))
        state, _ = update(state, batch, jax.random.key(index), clock)
        after.append(parameters(state.network))
    np.savez(given, **cast(Any, arrays))
    return after


def parameters(network: Any) -> dict[str, np.ndarray]:
    """A network's parameters by Stable-Baselines3's names of them."""
    found = {}
    for mine, hidden, output in (
        (network.policy_head, "policy_net", "action_net"),
        (network.value_head, "value_net", "value_net"),
    ):
        names = [f"mlp_extractor.{hidden}.{2 * index}" for index in range(len(mine.hidden))]
        for name, layer in zip([*names, output], [*mine.hidden, mine.output], strict=True):
            found[f"{name}.weight"] = np.asarray(layer.weight).T
            found[f"{name}.bias"] = np.asarray(layer.bias)
    return found if network.log_std is None else found | {"log_std": np.asarray(network.log_std)}


def rollouts(pair: Pair, length: int) -> list[dict[str, np.ndarray]]:
    """Random actions in Gymnasium's environments, leaves `[T, N, …]`; episodes have 30 steps, so that some are cut."""
    envs = [gym.make(pair.environment, max_episode_steps=30) for _ in range(pair.num_envs)]
    seen = [env.reset(seed=index)[0] for index, env in enumerate(envs)]
    for index, env in enumerate(envs):
        env.action_space.seed(index)
    found = []
    for _ in range(UPDATES):
        rows = []
        for _ in range(length):
            for index, env in enumerate(envs):
                action = env.action_space.sample()
                new, reward, terminated, truncated, _ = env.step(action)
                rows.append((seen[index], action, reward, terminated, truncated and not terminated, new))
                seen[index] = env.reset()[0] if terminated or truncated else new
        names = ("observation", "action", "reward", "terminated", "truncated", "next_observation")
        kinds = (np.float32, None, np.float32, bool, bool, np.float32)
        columns = zip(names, kinds, zip(*rows, strict=True), strict=True)
        found.append(
            {
                name: np.array(column, kind).reshape(length, pair.num_envs, *np.shape(column[0]))
                for name, kind, column in columns
            }
        )
    return found


if __name__ == "__main__":
    main()
