"""Curiosity: rewards that an agent gives itself for what is new to it, as values that any algorithm takes."""

from operant.curiosity.base import Curiosity
from operant.curiosity.counts import Counts
from operant.curiosity.curious import Curious
from operant.curiosity.icm import ICM
from operant.curiosity.registry import CURIOSITIES, curiosity, make_curious, parts, to_json
from operant.curiosity.rnd import RND

__all__ = [
    "CURIOSITIES",
    "ICM",
    "RND",
    "Counts",
    "Curiosity",
    "Curious",
    "curiosity",
    "make_curious",
    "parts",
    "to_json",
]
