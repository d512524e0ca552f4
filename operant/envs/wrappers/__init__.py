"""Wrappers: values that change an environment, natively and through Gymnasium in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.envs.wrappers.apply import wrap
from operant.envs.wrappers.base import Wrapper
from operant.envs.wrappers.registry import WRAPPERS, as_wrappers
from operant.lazy import exports

if TYPE_CHECKING:
    from operant.envs.wrappers.actions import ClipAction, Discretize, RescaleAction
    from operant.envs.wrappers.images import Grayscale, Resize
    from operant.envs.wrappers.lives import LifeLoss
    from operant.envs.wrappers.masks import IgnoreMasks
    from operant.envs.wrappers.observations import DiscretizeObservation, FrameStack, Select, TimeAware
    from operant.envs.wrappers.rewards import ClipReward, PotentialShaping, ScaleReward
    from operant.envs.wrappers.starts import FireStart, NoopStart
    from operant.envs.wrappers.timing import Repeat, StickyActions, TimeLimit

__all__ = [
    "WRAPPERS",
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
    "Wrapper",
    "as_wrappers",
    "wrap",
]

__getattr__ = exports(
    __name__,
    {
        **dict.fromkeys(("ClipAction", "Discretize", "RescaleAction"), "operant.envs.wrappers.actions"),
        **dict.fromkeys(
            ("DiscretizeObservation", "FrameStack", "Select", "TimeAware"),
            "operant.envs.wrappers.observations",
        ),
        **dict.fromkeys(("FireStart", "NoopStart"), "operant.envs.wrappers.starts"),
        **dict.fromkeys(("Grayscale", "Resize"), "operant.envs.wrappers.images"),
        "IgnoreMasks": "operant.envs.wrappers.masks",
        "LifeLoss": "operant.envs.wrappers.lives",
        **dict.fromkeys(("ClipReward", "PotentialShaping", "ScaleReward"), "operant.envs.wrappers.rewards"),
        **dict.fromkeys(("Repeat", "StickyActions", "TimeLimit"), "operant.envs.wrappers.timing"),
    },
)
