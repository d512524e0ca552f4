"""The user's object, and what it does for the user: learn, act, be scored, shown and saved."""

from operant.agent.agent import Agent
from operant.agent.callbacks import Callback, Progress, StepEvent
from operant.agent.divergence import DivergedError

__all__ = ["Agent", "Callback", "DivergedError", "Progress", "StepEvent"]
