"""Every algorithm trains where JAX_ENABLE_X64 is on: what operant makes itself stays in 32 bits."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TRAIN = """
import sys
import jax, operant
from operant.algorithms.registry import ALGORITHMS
assert jax.config.jax_enable_x64
wrong = []
TABLES = {"q-learning", "double-q-learning", "sarsa", "expected-sarsa", "sarsa-lambda", "dyna-q", "td", "monte-carlo"}
SMALL = {"grid-search": {"resolution": 2}, "ppo": {"n_epochs": 1}}
for name in sys.argv[1:] or ALGORITHMS:
    place = "FrozenLake-v1" if name in TABLES else "MountainCar-v0" if name == "linear-q" else "CartPole-v1"
    for backend in ("native", "gymnasium"):
        agent = operant.make(name, place, backend=backend, preset=None, **SMALL.get(name, {}))
        agent.learn(200, progress_bar=False)
        leaves = jax.tree.leaves(agent.learner.run.state)
        wide = [leaf.dtype for leaf in leaves if leaf.dtype.name in ("float64", "complex128")]
        wrong += [(name, backend, agent.step, wide)] if wide or agent.step < 200 else []
assert not wrong, wrong
"""


def train(*names):
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, *names],
        env=os.environ | {"JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_what_once_failed_trains_in_32_bits():
    train("sarsa-lambda", "evolution-strategies")


@pytest.mark.slow
def test_every_algorithm_trains_in_32_bits():
    train()
