"""operant: reinforcement learning, from gridworlds to pixels, on one fast engine.

    agent = operant.PPO("CartPole-v1").learn(100_000)
    agent.evaluate(episodes=100)

Everything is imported when it is first asked for, so that `import operant` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from operant import settings
from operant.lazy import exports

if TYPE_CHECKING:
    from operant import mdp
    from operant.agent import Agent
    from operant.agent.handwritten import HandWritten
    from operant.algorithms.base import Algorithm
    from operant.construct import constructor, make
    from operant.curiosity import ICM, RND, Counts
    from operant.envs.base import Environment
    from operant.envs.gridworld import GridWorld
    from operant.envs.tabular import Tabular
    from operant.envs.toy_text import toy_text
    from operant.envs.wrappers import (
        ClipAction,
        ClipReward,
        Discretize,
        DiscretizeObservation,
        FrameStack,
        PotentialShaping,
        Repeat,
        RescaleAction,
        ScaleReward,
        Select,
        StickyActions,
        TimeAware,
        TimeLimit,
    )
    from operant.networks import Network
    from operant.ops.schedules import Cosine, Exponential, Linear, Step

    REINFORCE = constructor("reinforce")
    A2C = constructor("a2c")
    TRPO = constructor("trpo")
    PPO = constructor("ppo")
    DQN = constructor("dqn")
    Rainbow = constructor("rainbow")
    QRDQN = constructor("qr-dqn")
    IQN = constructor("iqn")
    Random = constructor("random")
    QLearning = constructor("q-learning")
    DoubleQLearning = constructor("double-q-learning")
    SARSA = constructor("sarsa")
    ExpectedSARSA = constructor("expected-sarsa")
    SARSALambda = constructor("sarsa-lambda")
    DynaQ = constructor("dyna-q")
    LinearQ = constructor("linear-q")
    TD = constructor("td")
    MonteCarlo = constructor("monte-carlo")
    GridSearch = constructor("grid-search")
    RandomSearch = constructor("random-search")
    GeneticAlgorithm = constructor("genetic")
    CEM = constructor("cem")
    EvolutionStrategies = constructor("evolution-strategies")
    ARS = constructor("ars")
    load = Agent.load
    resume = Agent.resume
    __version__: str

settings.apply()

__all__ = [
    "A2C",
    "ARS",
    "CEM",
    "DQN",
    "ICM",
    "IQN",
    "PPO",
    "QRDQN",
    "REINFORCE",
    "RND",
    "SARSA",
    "TD",
    "TRPO",
    "Agent",
    "Algorithm",
    "ClipAction",
    "ClipReward",
    "Cosine",
    "Counts",
    "Discretize",
    "DiscretizeObservation",
    "DoubleQLearning",
    "DynaQ",
    "Environment",
    "EvolutionStrategies",
    "ExpectedSARSA",
    "Exponential",
    "FrameStack",
    "GeneticAlgorithm",
    "GridSearch",
    "GridWorld",
    "HandWritten",
    "Linear",
    "LinearQ",
    "MonteCarlo",
    "Network",
    "PotentialShaping",
    "QLearning",
    "Rainbow",
    "Random",
    "RandomSearch",
    "Repeat",
    "RescaleAction",
    "SARSALambda",
    "ScaleReward",
    "Select",
    "Step",
    "StickyActions",
    "Tabular",
    "TimeAware",
    "TimeLimit",
    "load",
    "make",
    "mdp",
    "resume",
    "toy_text",
]

_AGENTS = {
    "REINFORCE": "reinforce",
    "A2C": "a2c",
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
_WRAPPERS = (
    "ClipAction",
    "ClipReward",
    "Discretize",
    "DiscretizeObservation",
    "FrameStack",
    "PotentialShaping",
    "Repeat",
    "RescaleAction",
    "ScaleReward",
    "Select",
    "StickyActions",
    "TimeAware",
    "TimeLimit",
)
_exported = exports(
    __name__,
    {
        "Agent": "operant.agent",
        "Algorithm": "operant.algorithms.base",
        "Environment": "operant.envs.base",
        "GridWorld": "operant.envs.gridworld",
        "HandWritten": "operant.agent.handwritten",
        "Network": "operant.networks",
        "Tabular": "operant.envs.tabular",
        "make": "operant.construct",
        "toy_text": "operant.envs.toy_text",
        **dict.fromkeys(("Counts", "ICM", "RND"), "operant.curiosity"),
        **dict.fromkeys(("Cosine", "Exponential", "Linear", "Step"), "operant.ops.schedules"),
        **dict.fromkeys(_WRAPPERS, "operant.envs.wrappers"),
    },
)


def __getattr__(name: str) -> Any:
    if name in _AGENTS:
        value = import_module("operant.construct").constructor(_AGENTS[name])
    elif name in ("load", "resume"):
        value = getattr(import_module("operant.agent").Agent, name)
    elif name == "mdp":
        value = import_module("operant.mdp")
    elif name == "__version__":
        value = import_module("importlib.metadata").version("operant")
    else:
        return _exported(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
