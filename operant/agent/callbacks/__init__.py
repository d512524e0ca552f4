"""What is called while an agent trains: your own hooks, and ready ones."""

from operant.agent.callbacks.base import Callback, Progress, StepEvent
from operant.agent.callbacks.periodic import Curriculum, EpisodeLog, EvaluateOn, EveryNTimesteps, SaveModels
from operant.agent.callbacks.stopping import StopOnMaxEpisodes, StopOnNoImprovement, StopOnReturn
from operant.engine.log import JsonLog, TextLog, WandbLog
from operant.engine.media import Histogram, Image, Video

__all__ = [
    "Callback",
    "Curriculum",
    "EpisodeLog",
    "EvaluateOn",
    "EveryNTimesteps",
    "Histogram",
    "Image",
    "JsonLog",
    "Progress",
    "SaveModels",
    "StepEvent",
    "StopOnMaxEpisodes",
    "StopOnNoImprovement",
    "StopOnReturn",
    "TextLog",
    "Video",
    "WandbLog",
]
