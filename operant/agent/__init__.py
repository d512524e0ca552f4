"""The user's object, and what it does for the user: learn, act, be scored, shown and saved."""

from operant.agent.agent import Agent
from operant.agent.training import Progress

__all__ = ["Agent", "Progress"]
