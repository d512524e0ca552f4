"""Return over the two parameters of a policy that always does the same, and how a search went over it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from operant.agent.core import Core
from operant.agent.held import Held
from operant.algorithms.search.grid_search import GridSearch
from operant.algorithms.search.policy import ConstantPolicy
from operant.algorithms.search.search import PolicySearch
from operant.engine.train import train
from operant.studio.names import names
from operant.studio.search_map import search_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESOLUTION, EPISODES = 11, 2  # of the map beneath a search that is not a grid search itself


def landscape(core: Core, path: str | Path | None) -> Figure:
    """Draw the map that `pictures.has_landscape` promises: a grid search's own; beneath another search that of a small
    grid search made for it.
    """
    grid = core if isinstance(core.algorithm, GridSearch) else _surveyed(core)
    algorithm = grid.algorithm
    assert isinstance(algorithm, GridSearch)
    means = np.asarray(algorithm.means(grid.state.method)).reshape(algorithm.resolution, -1)
    corners = [
        np.asarray(ConstantPolicy(jnp.full(2, value), core.spec.action_space).head())
        for value in (algorithm.low, algorithm.high)
    ]
    known = names(core.source.id)
    episodes = algorithm.n_eval_episodes * float(np.max(grid.state.method.count))
    return search_map(
        means,
        list(zip(*corners, strict=True)),
        [known.action(i) for i in range(2)],
        title=f"{core.name} on {core.source.id}",
        subtitle=f"{algorithm.resolution} × {algorithm.resolution} points, {episodes:.0f} episodes each; "
        "line: the best known, by generation",
        way=_way(core),
        path=path,
    )


def _surveyed(core: Core) -> Core:
    """A grid search in the same environment, over all of its points."""
    assert isinstance(core.algorithm, PolicySearch)
    algorithm = GridSearch(
        population_size=RESOLUTION**2,
        resolution=RESOLUTION,
        n_eval_episodes=EPISODES,
        max_steps=core.algorithm.max_steps,
        policy="constant",
    )
    survey = Core(algorithm, core.source)
    begun = survey.learner.started(return_experience=False, size=1)
    survey.learner.run = train(Held(survey.learner), begun, 1, 1, lambda run, metrics: True)  # one generation
    return survey


def _way(core: Core) -> np.ndarray:
    """The best known action after each generation, `[K, 2]`; of an agent without a history, the last one."""
    keys = ("search/action_0", "search/action_1")
    rows = [[row[key] for key in keys] for row in core.history if keys[0] in row]
    if rows:
        return np.asarray(rows, np.float64)
    policy = core.algorithm.best_policy(core.state)  # pyright: ignore[reportAttributeAccessIssue] (every policy search has it)
    return np.asarray(list(policy.quantities().values()))[None]
