"""The published constructors, `operant.PPO` and the like, by name.

What editors and type checkers know of them stands in `constructors.pyi`, which `python -m tools.constructor_stubs`
writes from the algorithms.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMES = {
    "REINFORCE": "reinforce",
    "A2C": "a2c",
    "IMPALA": "impala",
    "TRPO": "trpo",
    "PPO": "ppo",
    "DQN": "dqn",
    "Rainbow": "rainbow",
    "QRDQN": "qr-dqn",
    "IQN": "iqn",
    "Random": "random",
    "QLearning": "q-learning",
    "DoubleQLearning": "double-q-learning",
    "SARSA": "sarsa",
    "ExpectedSARSA": "expected-sarsa",
    "SARSALambda": "sarsa-lambda",
    "DynaQ": "dyna-q",
    "LinearQ": "linear-q",
    "TD": "td",
    "MonteCarlo": "monte-carlo",
    "GridSearch": "grid-search",
    "RandomSearch": "random-search",
    "GeneticAlgorithm": "genetic",
    "CEM": "cem",
    "EvolutionStrategies": "evolution-strategies",
    "ARS": "ars",
}
"""Each constructor's algorithm, as the registry and the command line name it."""


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = import_module("operant.construct").constructor(NAMES[name])
    globals()[name] = value
    return value
