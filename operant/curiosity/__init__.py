"""Curiosity: intrinsic rewards for novelty, as values that any algorithm takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.curiosity.base import Curiosity
from operant.curiosity.registry import CURIOSITIES, curiosity, make_curious, parts, to_json
from operant.lazy import exports

if TYPE_CHECKING:
    from operant.curiosity.counts import Counts
    from operant.curiosity.curious import Curious
    from operant.curiosity.icm import ICM
    from operant.curiosity.preferences import Preferences
    from operant.curiosity.rnd import RND

__all__ = [
    "CURIOSITIES",
    "ICM",
    "RND",
    "Counts",
    "Curiosity",
    "Curious",
    "Preferences",
    "curiosity",
    "make_curious",
    "parts",
    "to_json",
]

__getattr__ = exports(
    __name__,
    {
        "Counts": "operant.curiosity.counts",
        "Curious": "operant.curiosity.curious",
        "ICM": "operant.curiosity.icm",
        "Preferences": "operant.curiosity.preferences",
        "RND": "operant.curiosity.rnd",
    },
)
