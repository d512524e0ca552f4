"""Policies written by hand, and policies found by trying: no gradient anywhere.

python examples/policy_search.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import operant


class Turner:
    """For the vacuum robot: drive straight on, and after a bump turn for two seconds."""

    def reset(self) -> None:
        """A new episode begins."""
        self.turning = 0

    def __call__(self, observation: Any) -> tuple[float, float]:
        bumped = observation[0] > 0
        self.turning = 2 if bumped else max(self.turning - 1, 0)
        return (
            (0.0, 3.1) if self.turning else (1.0, 0.0)
        )  # drive with this probability, or turn by up to so much


def main(
    total_timesteps: int = 100_000,
    episodes: int = 10,
    picture: str | Path = "vacuum.png",
    progress_bar: bool = True,
) -> tuple[operant.Agent, operant.Agent]:
    """Score a policy written by hand, and search for better ones on two environments."""
    print("by hand:", operant.ScriptedPolicy(Turner(), "VacuumRobot").evaluate(episodes, with_random=True))

    robot = operant.CEM(
        "VacuumRobot", policy="constant", population_size=20, elite_fraction=0.2, max_steps=1800
    )
    robot.learn(4 * total_timesteps, progress_bar=progress_bar)
    robot.plot_policy(picture)  # where the search went, on a map of the return
    print("the same p and r always:", robot.evaluate(episodes))

    pole = operant.ARS("CartPole-v1", preset="auto")
    pole.learn(total_timesteps, progress_bar=progress_bar)
    print("a linear policy:", pole.evaluate(episodes, with_random=True))
    return robot, pole


if __name__ == "__main__":
    main()
