"""What algorithms share that learn from replay: that it may give transitions other goals (`replay.hindsight`)."""

from __future__ import annotations

from typing import get_args

import equinox as eqx

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.plans import Hindsight, Replay
from operant.spaces import describe
from operant.types import EnvSpec


class LearnsInHindsight(eqx.Module):
    """Hyperparameters of hindsight experience replay, for the plan `Replay(hindsight=…, n_sampled_goal=…)`."""

    hindsight: Hindsight = static("none")
    """On environments of goals: learn as well from goals that were not set, but reached, by what came after in the
    episode (future), at its end (final), or anywhere in it (episode): HER, Andrychowicz et al. 2017."""
    n_sampled_goal: int = static(4)
    """With hindsight: how many of k + 1 transitions are given such a goal, k; the others keep their own."""

    def __check_init__(self) -> None:
        *names, last = get_args(Hindsight)
        require(
            self.hindsight in (*names, last), "hindsight", self.hindsight, f"{', '.join(names)} or {last}"
        )
        ranges.whole(self, "n_sampled_goal")


def require_goals(plan: Replay, spec: EnvSpec) -> None:
    """Raise ValueError, saying what is missing, where a plan with hindsight does not go with an environment."""
    if plan.hindsight == "none":
        return
    asked = f"hindsight={plan.hindsight!r}"
    if plan.sequence > 1:
        raise ValueError(
            f"{asked} gives single transitions other goals, and a network with memory learns from sequences of them, "
            "which reach across episodes. Leave one of the two."
        )
    if not spec.goals:
        raise ValueError(
            f"{asked} needs an environment of goals: a Dict observation of observation, achieved_goal and "
            "desired_goal, the last two alike, and compute_reward(achieved_goal, desired_goal, info), without "
            f"wrappers that change observations or rewards. {spec.id} observes {describe(spec.observation_space)}."
        )
