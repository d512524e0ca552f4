"""A maze that rewards nothing but its goal: where a learner goes without curiosity, and where with it.

python examples/curiosity.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import operant
from operant.studio.tables import layout
from operant.studio.visit_map import visit_map
from operant.types import Transition


class Visits:
    """An observer that counts how often each state was arrived in."""

    def __init__(self, states: int) -> None:
        self.counts = np.zeros(states, np.int64)

    def __call__(self, transition: Transition) -> None:
        np.add.at(self.counts, np.asarray(transition.next_observation).ravel(), 1)

    def close(self) -> None:
        pass


def main(
    steps: int = 200_000, picture: str | Path = "visits.png", *, seed: int = 0, progress_bar: bool = True
) -> dict[str, operant.Agent]:
    """Train PPO three times, draw where it went each time, and return the agents."""
    agents, visits = {}, {}
    for name in ("none", "rnd", "icm"):
        agent = operant.PPO("SparseMaze", preset="auto", curiosity=name, seed=seed)
        seen = Visits(agent.spec.observation_space.n)
        agent.learn(steps, progress_bar=progress_bar, observers=[seen])
        agents[name], visits[agent.name] = agent, seen.counts
        found = agent.evaluate(1).mean > 0  # nothing is random here: one episode tells all
        print(f"{agent.name} {'reaches' if found else 'does not reach'} the goal")
    grid = layout("SparseMaze")
    assert grid is not None
    visit_map(visits, grid, title=f"Visits in {steps:,} steps", path=picture)
    return agents


if __name__ == "__main__":
    main()
