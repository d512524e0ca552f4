"""What is allowed and yet probably not meant: said once, before training."""

from __future__ import annotations


class TrainingWarning(UserWarning):
    """Something about how training was set up that is probably not what was meant."""
