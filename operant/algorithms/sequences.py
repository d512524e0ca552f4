"""What algorithms share that learn from replay: networks with memory learn from sequences of it."""

from __future__ import annotations

import equinox as eqx

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.plans import Replay
from operant.types import EnvSpec


class LearnsFromSequences(eqx.Module):
    """Hyperparameters of the replay of sequences, from a stored memory (R2D2: Kapturowski et al. 2019)."""

    sequence_length: int = static(20)
    """With memory: steps in a row that are replayed together, those to warm the memory up not counted."""
    burn_in: int = static(10)
    """With memory: steps before these, from which only the memory is made."""

    def __check_init__(self) -> None:
        ranges.whole(self, "sequence_length")
        ranges.whole(self, "burn_in", least=0)
        allowed = f"at least 2 with burn_in={self.burn_in}"
        require(self.burn_in + self.sequence_length >= 2, "sequence_length", self.sequence_length, allowed)


def require_sequences(plan: Replay, spec: EnvSpec) -> None:
    """Raise ValueError where no sequence of a plan is whole when learning starts."""
    if plan.sequence > 1:
        needed = plan.sequence * spec.num_envs
        allowed = (
            f"at least (burn_in + sequence_length) × num_envs = {needed}, a sequence of each environment"
        )
        require(plan.learning_starts >= needed, "learning_starts", plan.learning_starts, allowed)
