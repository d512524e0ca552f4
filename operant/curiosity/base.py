"""The protocol of intrinsic rewards: how novel a transition is, and learning to know it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax

from operant.algorithms import ranges
from operant.algorithms.base import require_schedules, static
from operant.ops.schedules import Schedule
from operant.types import Clock, EnvSpec, PyTree, Transition


class Curiosity(eqx.Module):
    """An intrinsic reward, as a frozen value of its hyperparameters.

    `State` below is any pytree of arrays that it learns. Transitions have any leading axes `[…]`, and
    `weight […]` is 0 for those that never happened.
    """

    alone: ClassVar[bool] = False  # whether the algorithm learns from it in place of the environment's reward
    scale: float | Schedule = 1.0
    """Weight of the intrinsic reward added to the environment's: a number or a schedule."""
    normalize_reward: bool = static(False)
    """Divide the intrinsic reward by the running deviation of its discounted return."""

    def __check_init__(self) -> None:
        require_schedules(self)
        ranges.not_negative(self, "scale")

    @abstractmethod
    def check(self, spec: EnvSpec) -> None:
        """Raise ValueError, naming the thing, the value and the remedy, if it cannot be used."""

    @abstractmethod
    def init(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        """The state before the first step."""

    def update_statistics(self, state: PyTree, transition: Transition, weight: jax.Array) -> PyTree:
        """The state with statistics or counts of new experience, each step once, before its reward is computed."""
        return state

    @abstractmethod
    def reward(self, state: PyTree, transition: Transition) -> jax.Array:
        """The intrinsic reward of each transition, `[…]`, before it is scaled."""

    def update(
        self, state: PyTree, transition: Transition, weight: jax.Array, key: jax.Array, clock: Clock
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        """`(state, metrics)` after learning from the transitions."""
        return state, {}
