"""What is called while an agent trains: your own hooks, and ready ones."""

from operant.agent.callbacks.base import Callback, Progress, StepEvent
from operant.engine.media import Histogram, Image, Video

__all__ = ["Callback", "Histogram", "Image", "Progress", "StepEvent", "Video"]
