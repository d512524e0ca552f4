"""operant: reinforcement learning, from gridworlds to pixels, on one fast engine.

    agent = operant.PPO("CartPole-v1").learn(100_000)
    agent.evaluate(episodes=100)

Everything is imported when it is first asked for, so that `import operant` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from operant import settings
from operant.constructors import NAMES as _AGENTS
from operant.lazy import exports
from operant.version import __version__ as __version__

if TYPE_CHECKING:
    from operant import mdp
    from operant.agent import Agent, DivergedError, callbacks
    from operant.agent.callbacks import (
        Callback,
        Curriculum,
        EpisodeLog,
        EvaluateOn,
        EveryNTimesteps,
        JsonLog,
        Progress,
        SaveModels,
        StopOnMaxEpisodes,
        StopOnNoImprovement,
        StopOnReturn,
        TextLog,
        WandbLog,
    )
    from operant.agent.collecting import Collected, collect
    from operant.agent.handwritten import HandWritten
    from operant.algorithms.advice import TrainingWarning
    from operant.algorithms.base import Algorithm
    from operant.comparison import compare
    from operant.construct import make
    from operant.constructors import (
        A2C,
        ARS,
        CEM,
        DQN,
        IMPALA,
        IQN,
        PPO,
        QRDQN,
        REINFORCE,
        SARSA,
        TD,
        TRPO,
        DoubleQLearning,
        DynaQ,
        EvolutionStrategies,
        ExpectedSARSA,
        GeneticAlgorithm,
        GridSearch,
        LinearQ,
        MonteCarlo,
        QLearning,
        Rainbow,
        Random,
        RandomSearch,
        SARSALambda,
    )
    from operant.curiosity import ICM, RND, Counts
    from operant.engine.files import DiskError
    from operant.engine.run_lock import RunInUseError
    from operant.engine.trajectories import Trajectory, to_transitions
    from operant.envs.base import Environment
    from operant.envs.check import check
    from operant.envs.gridworld import GridWorld
    from operant.envs.tabular import Tabular
    from operant.envs.toy_text import toy_text
    from operant.envs.wrappers import (
        ClipAction,
        ClipReward,
        Discretize,
        DiscretizeObservation,
        FrameStack,
        IgnoreMasks,
        PotentialShaping,
        Repeat,
        RescaleAction,
        ScaleReward,
        Select,
        StickyActions,
        TimeAware,
        TimeLimit,
    )
    from operant.fields import FileError
    from operant.networks import Network
    from operant.ops.schedules import Cosine, Exponential, Linear, Step

    load = Agent.load
    resume = Agent.resume

settings.apply()

__all__ = [
    "A2C",
    "ARS",
    "CEM",
    "DQN",
    "ICM",
    "IMPALA",
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
    "Callback",
    "ClipAction",
    "ClipReward",
    "Collected",
    "Cosine",
    "Counts",
    "Curriculum",
    "Discretize",
    "DiscretizeObservation",
    "DiskError",
    "DivergedError",
    "DoubleQLearning",
    "DynaQ",
    "Environment",
    "EpisodeLog",
    "EvaluateOn",
    "EveryNTimesteps",
    "EvolutionStrategies",
    "ExpectedSARSA",
    "Exponential",
    "FileError",
    "FrameStack",
    "GeneticAlgorithm",
    "GridSearch",
    "GridWorld",
    "HandWritten",
    "IgnoreMasks",
    "JsonLog",
    "Linear",
    "LinearQ",
    "MonteCarlo",
    "Network",
    "PotentialShaping",
    "Progress",
    "QLearning",
    "Rainbow",
    "Random",
    "RandomSearch",
    "Repeat",
    "RescaleAction",
    "RunInUseError",
    "SARSALambda",
    "SaveModels",
    "ScaleReward",
    "Select",
    "Step",
    "StickyActions",
    "StopOnMaxEpisodes",
    "StopOnNoImprovement",
    "StopOnReturn",
    "Tabular",
    "TextLog",
    "TimeAware",
    "TimeLimit",
    "TrainingWarning",
    "Trajectory",
    "WandbLog",
    "callbacks",
    "check",
    "collect",
    "compare",
    "load",
    "make",
    "mdp",
    "resume",
    "to_transitions",
    "toy_text",
]

_CALLBACKS = (
    "Callback",
    "Curriculum",
    "EpisodeLog",
    "EvaluateOn",
    "EveryNTimesteps",
    "JsonLog",
    "Progress",
    "SaveModels",
    "StopOnMaxEpisodes",
    "StopOnNoImprovement",
    "StopOnReturn",
    "TextLog",
    "WandbLog",
)
_WRAPPERS = (
    "ClipAction",
    "ClipReward",
    "Discretize",
    "DiscretizeObservation",
    "FrameStack",
    "IgnoreMasks",
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
        **dict.fromkeys(("Agent", "DivergedError", "callbacks"), "operant.agent"),
        **dict.fromkeys(_CALLBACKS, "operant.agent.callbacks"),
        "Algorithm": "operant.algorithms.base",
        "DiskError": "operant.engine.files",
        "Environment": "operant.envs.base",
        "FileError": "operant.fields",
        "GridWorld": "operant.envs.gridworld",
        "Collected": "operant.agent.collecting",
        "HandWritten": "operant.agent.handwritten",
        "Trajectory": "operant.engine.trajectories",
        "collect": "operant.agent.collecting",
        "to_transitions": "operant.engine.trajectories",
        "Network": "operant.networks",
        "RunInUseError": "operant.engine.run_lock",
        "Tabular": "operant.envs.tabular",
        "TrainingWarning": "operant.algorithms.advice",
        "compare": "operant.comparison",
        "check": "operant.envs.check",
        "make": "operant.construct",
        "toy_text": "operant.envs.toy_text",
        **dict.fromkeys(("Counts", "ICM", "RND"), "operant.curiosity"),
        **dict.fromkeys(("Cosine", "Exponential", "Linear", "Step"), "operant.ops.schedules"),
        **dict.fromkeys(_WRAPPERS, "operant.envs.wrappers"),
        **dict.fromkeys(_AGENTS, "operant.constructors"),
    },
)


if not TYPE_CHECKING:  # else every misspelt name would be taken for one that is found here

    def __getattr__(name: str) -> Any:
        if name in ("load", "resume"):
            value = getattr(import_module("operant.agent").Agent, name)
        elif name == "mdp":
            value = import_module("operant.mdp")
        elif name.startswith("_") or name in __all__:
            return _exported(name)
        else:
            raise import_module("operant.habits").of_module(name, __all__)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
