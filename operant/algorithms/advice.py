"""What is allowed and yet probably not meant: said once, before training."""

from __future__ import annotations

from typing import Any

from operant.types import EnvSpec


class TrainingWarning(UserWarning):
    """Something about how training was set up that is probably not what was meant."""


def left_over(algorithm: Any, spec: EnvSpec) -> list[str]:
    """Advice where the minibatches of an algorithm that learns from rollouts do not divide them."""
    batch_size, samples = algorithm.batch_size, algorithm.n_steps * spec.num_envs
    if algorithm.network.recurrent or samples % batch_size == 0:
        return []
    return [
        f"batch_size={batch_size} does not divide n_steps × num_envs = {samples}: {samples % batch_size} samples, "
        "different ones each time, are left out of every pass over a rollout. Choose a divisor of it."
    ]
