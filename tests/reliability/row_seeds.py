"""R13: the same seed in fresh processes, and seeds that are trained together against the same seeds alone."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

import operant
from operant.agent import Agent
from operant.engine.files import is_key
from tests.reliability.rows import Row
from tools.digests import CASES

ROOT = Path(__file__).parents[2]
NAMES = list({case[0]: name for name, case in reversed(CASES.items())}.values())[
    ::-1
]  # one of each algorithm
ROW = Row(
    "R13",
    "the same seed in two fresh processes; three seeds together against each alone: every algorithm",
    passes="bit-identical; equal first rollouts, and within 1e-5 after one update",
    full=2 * len(NAMES),
    fast=tuple(2 * NAMES.index(name) + 1 for name in ("Q-learning", "random")),
)
ONE_UPDATE: dict[str, dict[str, Any]] = {  # where an iteration has more
    "PPO": {"batch_size": 64, "n_epochs": 1},
    "PQN": {"batch_size": 64, "n_epochs": 1},
    "TRPO": {"batch_size": 64, "n_critic_updates": 1},
    "IMPALA": {"policy_lag": 1},
}


def case(index: int, directory: Path) -> None:
    name = NAMES[index // 2]
    together(name) if index % 2 else fresh(name, directory)


def fresh(name: str, directory: Path) -> None:
    """Two processes that know nothing of each other have the same digests of every tensor and metric."""
    files = [directory / "one.json", directory / "other.json"]
    started = [
        subprocess.Popen([sys.executable, "-m", "tools.digests", file, "--only", name], cwd=ROOT)
        for file in files
    ]
    assert [process.wait() for process in started] == [0, 0]
    one, other = (json.loads(file.read_text()) for file in files)
    assert one == other
    assert all(found["tensors"] for found in one.values())


def together(name: str) -> None:
    algorithm, environment, _, arguments = CASES[name]
    arguments = {**arguments, **ONE_UPDATE.get(algorithm, {})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agents = [getattr(operant, algorithm)(environment, preset=None, seeds=(3, 4, 5), **arguments)]
        agents += [
            getattr(operant, algorithm)(environment, preset=None, seed=s, **arguments) for s in (3, 4, 5)
        ]
        several, *alone = [first_iteration(agent) for agent in agents]
    width = agents[1].num_envs
    for i, (rollout, agent) in enumerate(zip(alone, agents[1:], strict=True)):
        own = jax.tree.map(lambda x, i=i: x[:, i * width : (i + 1) * width], several)
        for mine, whole in zip(jax.tree.leaves(rollout), jax.tree.leaves(own), strict=True):
            np.testing.assert_array_equal(mine, whole)
        for mine, whole in zip(numbers(agent.state), numbers(agents[0].learner.state_of(i)), strict=True):
            np.testing.assert_allclose(mine, whole, rtol=1e-5, atol=1e-5)


def first_iteration(agent: Agent) -> Any:
    """The experience `[T, S·N, …]` of what is collected until the first update, which has been made then."""
    plan, seen = agent.algorithm.experience, []
    per_iteration = plan.steps_per_iteration(agent.num_envs)
    steps = (plan.warm_up_iterations(agent.num_envs) + 1) * per_iteration
    agent.learn(
        2 * steps,
        lambda progress: False,  # the first row is that of the first update
        progress_bar=False,
        log_interval=per_iteration,
        observers=[seen.append],
    )
    rows = [(part.observation, part.action, part.reward) for part in seen]
    return jax.tree.map(lambda *x: np.concatenate([np.asarray(one) for one in x]), *rows)


def numbers(state: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state) if not is_key(leaf)]
