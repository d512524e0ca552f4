"""operant: reinforcement learning, from gridworlds to pixels, on one fast engine.

    agent = operant.PPO("CartPole-v1").learn(100_000)
    agent.evaluate(episodes=100)

Everything is imported when it is first asked for, so that `import operant` costs nothing.

A new public name is added to `_MODULES` below and nowhere else; `python -m tools.constructor_stubs` then tells type
checkers of it (`__init__.pyi`). Algorithms need not be named here: they come from `operant/algorithms/names.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from operant import settings
from operant.constructors import NAMES as _CONSTRUCTORS
from operant.lazy import exports
from operant.version import __version__ as __version__

_MODULES = {
    "operant.agent": ("Agent", "DivergedError", "callbacks"),
    "operant.agent.callbacks": (
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
    ),
    "operant.agent.branching": ("branch",),
    "operant.agent.collecting": ("Collected", "collect"),
    "operant.agent.scripted": ("ScriptedPolicy",),
    "operant.agent.steering": ("Steering",),
    "operant.agent.texts": ("pretrained", "reward_model"),
    "operant.algorithms.advice": ("TrainingWarning",),
    "operant.algorithms.base": ("Algorithm",),
    "operant.comparison": ("compare",),
    "operant.connecting": ("connect_processes",),
    "operant.construct": ("make",),
    "operant.diagnosis": ("diagnose",),
    "operant.curiosity": ("Counts", "ICM", "Preferences", "RND"),
    "operant.engine.files": ("DiskError",),
    "operant.engine.run_lock": ("RunInUseError",),
    "operant.engine.trajectories": ("Trajectory", "to_transitions"),
    "operant.envs.atari.options": ("Atari",),
    "operant.envs.base": ("Environment",),
    "operant.envs.check": ("check",),
    "operant.envs.gridworld": ("GridWorld",),
    "operant.envs.tabular": ("Tabular",),
    "operant.envs.toy_text": ("toy_text",),
    "operant.envs.wrappers": (
        "ClipAction",
        "ClipReward",
        "Discretize",
        "DiscretizeObservation",
        "FireStart",
        "FrameStack",
        "Grayscale",
        "IgnoreMasks",
        "LifeLoss",
        "NoopStart",
        "PotentialShaping",
        "Repeat",
        "RescaleAction",
        "Resize",
        "ScaleReward",
        "Select",
        "StickyActions",
        "TimeAware",
        "TimeLimit",
    ),
    "operant.fields": ("FileError",),
    "operant.networks": ("Network",),
    "operant.replay.buffer": ("ReplayBuffer",),
    "operant.reproduction": ("Reproduction", "reproduce"),
    "operant.ops.schedules": ("Cosine", "Exponential", "Linear", "Piecewise", "Step"),
    "operant.sweeps.api": ("SweepResults", "resume_sweep", "sweep"),
    "operant.studio.stages": ("plot_preprocessing",),
    "operant.constructors": tuple(_CONSTRUCTORS),
}
"""What is published, by the module that defines it."""

_METHODS = ("load", "resume")  # of Agent, published as functions
_PACKAGES = ("authoring", "language", "live", "mdp", "zoo")  # published as they are

settings.apply()

__all__ = sorted([*_METHODS, *_PACKAGES, *(name for names in _MODULES.values() for name in names)])  # pyright: ignore[reportUnsupportedDunderAll] (see __init__.pyi)

_exported = exports(__name__, {name: module for module, names in _MODULES.items() for name in names})


def __getattr__(name: str) -> Any:
    if name in _METHODS:
        value = getattr(import_module("operant.agent").Agent, name)
    elif name in _PACKAGES:
        value = import_module(f"operant.{name}")
    elif name.startswith("_") or name in __all__:
        return _exported(name)
    else:
        raise import_module("operant.habits").of_module(name, __all__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
