"""Digests of what training does, to show that a change of the code changes nothing of what is learnt.

    python -m tools.digests before.json              # at the commit before
    python -m tools.digests after.json --against before.json

Every case trains for some hundred steps through the public interface, stops at its last checkpoint, and keeps a digest
of every tensor of it (parameters, optimiser, replay, statistics, keys) and of every metric. They are compared by value
whatever they are called, so that renaming and moving is free. Equal digests are promised on one machine with the same
versions only. With `--against`, what is gone or new is named, and the exit status is 1 where something is gone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

import operant
from operant.engine.log import read_rows
from operant.envs import wrappers

SMALL = {"hidden_sizes": (8,)}
GRU = {"hidden_sizes": (8,), "memory": "gru", "memory_size": 8}
LSTM = {"hidden_sizes": (8,), "memory": "lstm", "memory_size": 8, "memory_layers": 2, "critic_memory": "own"}
ROLLOUT = {"num_envs": 4, "n_steps": 16, "network": SMALL}
PPO = {**ROLLOUT, "batch_size": 16, "n_epochs": 2}
TRPO = {**ROLLOUT, "batch_size": 16, "n_critic_updates": 2}
EPISODES = {"num_envs": 4, "n_episodes": 8, "max_steps": 20, "network": SMALL}
REPLAY = {
    "num_envs": 2,
    "buffer_size": 200,
    "learning_starts": 40,
    "batch_size": 16,
    "target_update_interval": 50,
    "exploration_fraction": 0.5,
    "network": SMALL,
}
SEARCH = {"max_steps": 20, "network": SMALL}
NORMAL = {"normalize_observations": True, "normalize_rewards": True}
RAINBOW = {"double": True, "dueling": "mean", "priority": True, "noisy": True, "n_step": 3}
CARTPOLE, PENDULUM, LAKE, TAXI = "CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "Taxi-v4"
STACKED = {"wrappers": [wrappers.FrameStack(2)]}

# (algorithm, environment, steps, arguments)
CASES: dict[str, tuple[str, Any, int, dict[str, Any]]] = {
    "PPO": ("PPO", CARTPOLE, 256, PPO),
    "PPO, a Box": ("PPO", PENDULUM, 256, PPO),
    "PPO, normalised": ("PPO", PENDULUM, 512, {**PPO, **NORMAL}),
    "PPO, clipped values and a target KL": (
        "PPO",
        CARTPOLE,
        256,
        {**PPO, "clip_range_vf": 0.2, "target_kl": 0.01},
    ),
    "PPO, a KL penalty": ("PPO", CARTPOLE, 256, {**PPO, "objective": "kl", "target_kl": 0.01}),
    "PPO, memory": ("PPO", CARTPOLE, 256, {**PPO, "network": GRU}),
    "PPO, memory of several layers": ("PPO", CARTPOLE, 256, {**PPO, "network": LSTM}),
    "PPO, masked": ("PPO", TAXI, 256, PPO),
    "PPO, curious": ("PPO", CARTPOLE, 256, {**PPO, "curiosity": "rnd"}),
    "PPO, curious of its features": ("PPO", CARTPOLE, 256, {**PPO, "curiosity": "icm"}),
    "PPO, several seeds": ("PPO", CARTPOLE, 256, {**PPO, "seeds": 2}),
    "PPO, frames": ("PPO", CARTPOLE, 256, {**PPO, **STACKED}),
    "A2C": ("A2C", CARTPOLE, 256, ROLLOUT),
    "A2C, exploration that depends on the state": (
        *("A2C", PENDULUM, 256),
        {**ROLLOUT, "use_sde": True, "sde_sample_freq": 3},
    ),
    "A2C, several seeds": ("A2C", CARTPOLE, 256, {**ROLLOUT, "seeds": 2}),
    "IMPALA": ("IMPALA", CARTPOLE, 256, {**ROLLOUT, "policy_lag": 2}),
    "REINFORCE": ("REINFORCE", CARTPOLE, 640, EPISODES),
    "REINFORCE, a baseline and memory": (
        *("REINFORCE", CARTPOLE, 640),
        {**EPISODES, "baseline": True, "network": LSTM},
    ),
    "TRPO": ("TRPO", CARTPOLE, 256, TRPO),
    "TRPO, a Box, normalised": ("TRPO", PENDULUM, 256, {**TRPO, **NORMAL}),
    "DQN": ("DQN", CARTPOLE, 480, REPLAY),
    "DQN, several seeds": ("DQN", CARTPOLE, 480, {**REPLAY, "seeds": 2}),
    "DQN, frames": ("DQN", CARTPOLE, 480, {**REPLAY, **STACKED}),
    "DQN, masked": ("DQN", TAXI, 480, REPLAY),
    "DQN, an averaged target, soft exploration": (
        *("DQN", CARTPOLE, 480),
        {**REPLAY, "tau": 0.05, "target_update_interval": 1, "temperature": 0.5},
    ),
    "DQN, Munchausen": ("DQN", CARTPOLE, 480, {**REPLAY, "munchausen": True, "temperature": 0.1}),
    "DQN, categorical Rainbow": (
        *("DQN", CARTPOLE, 480),
        {**REPLAY, **RAINBOW, "distributional": "categorical", "n_atoms": 11, "v_min": 0, "v_max": 100},
    ),
    "DQN, held-out states": ("DQN", CARTPOLE, 480, {**REPLAY, "held_out_states": 20}),
    "DQN, sequences by priority": (
        *("DQN", CARTPOLE, 480),
        {**REPLAY, "priority": True, "n_step": 2, "sequence_length": 3, "burn_in": 1, "network": GRU},
    ),
    "DQN, normalised and curious": (
        *("DQN", CARTPOLE, 480),
        {**REPLAY, "normalize_observations": True, "curiosity": "rnd"},
    ),
    "Rainbow": ("Rainbow", CARTPOLE, 240, {**REPLAY, "n_atoms": 11, "v_min": 0, "v_max": 100}),
    "QR-DQN": ("QRDQN", CARTPOLE, 240, {**REPLAY, "n_quantiles": 5}),
    "IQN": (
        "IQN",
        CARTPOLE,
        240,
        {**REPLAY, "n_quantiles": 4, "n_target_quantiles": 3, "n_policy_quantiles": 4},
    ),
    "PQN": ("PQN", CARTPOLE, 256, {**ROLLOUT, "batch_size": 16, "exploration_fraction": 0.5}),
    "PQN, memory and masks": (
        *("PQN", TAXI, 256),
        {**ROLLOUT, "batch_size": 16, "network": {**GRU, "layer_norm": True}},
    ),
    "Q-learning": ("QLearning", LAKE, 1000, {"num_envs": 2}),
    "Q-learning, masked": ("QLearning", TAXI, 1000, {"num_envs": 2}),
    "Q-learning, counts": ("QLearning", LAKE, 1000, {"exploration_bonus": 1.0}),
    "Double Q-learning": ("DoubleQLearning", LAKE, 1000, {}),
    "SARSA": ("SARSA", LAKE, 1000, {"num_envs": 2}),
    "Expected SARSA": ("ExpectedSARSA", LAKE, 1000, {}),
    "SARSA(λ)": ("SARSALambda", LAKE, 1000, {"num_envs": 2}),
    "Dyna-Q": ("DynaQ", LAKE, 500, {}),
    "linear Q-learning": ("LinearQ", "MountainCar-v0", 500, {"num_envs": 2}),
    "TD(0)": ("TD", LAKE, 500, {}),
    "Monte Carlo": ("MonteCarlo", LAKE, 500, {}),
    "random": ("Random", CARTPOLE, 500, {"num_envs": 2}),
    "random search": ("RandomSearch", CARTPOLE, 640, SEARCH),
    "genetic": ("GeneticAlgorithm", CARTPOLE, 640, {**SEARCH, "population_size": 8, "n_survivors": 2}),
    "CEM": ("CEM", CARTPOLE, 640, {**SEARCH, "population_size": 8, "elite_fraction": 0.5}),
    "evolution strategies": ("EvolutionStrategies", CARTPOLE, 640, {**SEARCH, "population_size": 8}),
    "ARS, normalised": (
        *("ARS", PENDULUM, 640),
        {**SEARCH, "n_delta": 2, "n_top": 1, "n_eval_episodes": 2, "normalize_observations": True},
    ),
}
BACKENDS = ("native", "gymnasium")  # the loop on the device, and that on the host


def main() -> None:
    options = _options()
    chosen = {name: case for name, case in CASES.items() if not options.only or name in options.only}
    if unknown := set(options.only) - set(CASES):
        sys.exit(f"No case is called {', '.join(sorted(unknown))}; there are {', '.join(CASES)}.")
    found: dict[str, Any] = {}
    for name, case in chosen.items():
        for backend in BACKENDS:
            found[f"{name} ({backend})"] = digests(case, backend)
            print(f"{name} ({backend})", file=sys.stderr, flush=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    if options.against:
        before = json.loads(options.against.read_text())
        sys.exit(report({name: before[name] for name in found if name in before}, found))


def digests(case: tuple[str, Any, int, dict[str, Any]], backend: str) -> dict[str, Any]:
    """`{"tensors": {name: digest}, "metrics": {name: digest}}` of training one case."""
    algorithm, environment, steps, arguments = case
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = Path(directory) / "run"
        agent = getattr(operant, algorithm)(environment, preset=None, seed=7, backend=backend, **arguments)
        agent.learn(steps, progress_bar=False, run_dir=run)
        (latest,) = sorted((run / "checkpoints").iterdir(), key=lambda path: int(path.name))[-1:]
        tensors = load_file(latest / "run.safetensors")
        rows = read_rows(run / "metrics.csv")
        agent.close()
    names = {name for row in rows for name in row if not name.startswith("time/")}
    columns = {name: [np.asarray(row.get(name)).tolist() for row in rows] for name in names}
    return {
        "tensors": {name: _digest(tensor.tobytes()) for name, tensor in sorted(tensors.items())},
        "metrics": {name: _digest(repr(values).encode()) for name, values in sorted(columns.items())},
    }


def report(before: dict[str, Any], after: dict[str, Any]) -> int:
    """Print what is gone and what is new in every case that differs; how many have lost something."""
    lost = 0
    for name, old in before.items():
        for kind, were in old.items():
            are = after[name][kind]
            gone, new = (_names(were, are), _names(are, were))
            lost += bool(gone)
            if gone or new:
                print(
                    f"{name}, {kind}: gone {', '.join(gone) or 'nothing'}; new {', '.join(new) or 'nothing'}"
                )
    print(f"{len(before)} cases; {lost} have lost tensors or metrics that were there before.")
    return int(lost > 0)


def _names(these: dict[str, str], others: dict[str, str]) -> list[str]:
    """The names of digests that `others` has not, as often as there are too many."""
    spare = Counter(these.values()) - Counter(others.values())
    names = []
    for name, digest in these.items():
        if spare[digest] > 0:
            spare[digest] -= 1
            names.append(name)
    return names


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="file to write the digests to, as JSON")
    parser.add_argument("--against", type=Path, help="digests of before to compare with")
    parser.add_argument("--only", nargs="+", default=[], metavar="CASE", help="these cases")
    return parser.parse_args()


if __name__ == "__main__":
    main()
