"""Pictures drawn on request: of the policy, of the state on screen, and of what learners went through."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from operant.agent import Agent
from operant.agent.experienced import Experienced
from operant.agent.saliency import Axes, saliency
from operant.studio.tables import layout, learnt_table
from operant.studio.views import VIEWS, default_view

LOCK = threading.Lock()  # how pictures look is set for the whole process while one is drawn


@dataclass(frozen=True)
class Seen:
    """A state on screen."""

    observation: Any  # in operant's own terms
    frame: np.ndarray
    steps: int  # of the episode


@dataclass(frozen=True)
class Moment:
    """What there is to be drawn."""

    agent: Agent
    step: int
    seen: Seen | None  # None where nobody watches it play
    experienced: Experienced | None  # None where it is not trained in this process

    @property
    def title(self) -> str:
        return f"{self.agent.name} on {self.agent.source.id}, step {self.step:,}"

    @property
    def on_screen(self) -> Seen:
        """Raises ValueError where nothing is."""
        if self.seen is None:
            raise ValueError("This is of the state on screen: watch the newest policy first.")
        return self.seen


def require_known(what: str) -> None:
    """Raise ValueError for what is none of `DRAWINGS`."""
    if what not in DRAWINGS:
        raise ValueError(f"There is no such picture; there are {', '.join(DRAWINGS)}.")


def draw(what: str, moment: Moment) -> bytes:
    """The picture (PNG) of one of `DRAWINGS`. Raises ValueError, saying why, where there is nothing to draw."""
    with LOCK, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.png"
        DRAWINGS[what](moment, path)
        return path.read_bytes()


def _policy(moment: Moment, path: Path) -> None:
    """What it does over its observations, or its table."""
    from operant.studio.table_map import table_map

    agent = moment.agent
    table = learnt_table(agent.state, agent.source.twin or agent.source.given)
    if table is None:
        agent.plot_policy(path)
    else:
        table_map(table.q_values, table.layout, visits=table.visits, title=moment.title, path=path)


def _critic(moment: Moment, path: Path) -> None:
    """What its critics expect of each action in the state on screen."""
    moment.agent.plot_critic(path, moment.on_screen.observation)


def _saliency(moment: Moment, path: Path) -> None:
    """What the network sees of the state on screen, and where it looks, by both methods."""
    from operant.studio.saliency_maps import saliency_maps

    agent, seen = moment.agent, moment.on_screen
    if agent.remembers:
        raise ValueError(f"{agent.name} remembers: where it looks depends on more than what is on screen.")
    axes, policy = Axes.of(agent.spec.observation_space), agent.policy()
    saliency_maps(
        axes.newest(seen.observation),
        {
            "gradient": saliency(policy, seen.observation, "gradient", "policy"),
            "occlusion": saliency(policy, seen.observation, "occlusion", "policy"),
        },
        frame=seen.frame,
        title=f"What {agent.name} looks at on {agent.source.id}",
        note=f"after {seen.steps:,} steps of an episode; the policy as of step {moment.step:,}",
        path=path,
    )


def _visited(moment: Moment, path: Path) -> None:
    """Where learners have been: what replay holds, or else where they stood while somebody looked."""
    from operant.studio.trail_map import trail_map
    from operant.studio.visit_map import visit_map

    agent, lately, title = moment.agent, moment.experienced, f"Where {moment.agent.name} has been"
    table = learnt_table(agent.state, agent.source.twin or agent.source.given)
    if table is not None and table.visits is not None:
        counts = table.visits.reshape(len(table.q_values), -1).sum(1)
        visit_map({moment.title: counts}, table.layout, title=title, path=path)
        return
    if lately is None:
        raise ValueError("Where learners have been is known while they train in the page's own process.")
    if lately.places is None:
        raise ValueError("Places are drawn of vector observations and of grids; these are neither.")
    if lately.places.ndim == 1:
        grid = layout(agent.source.twin or agent.source.given)
        if grid is None:
            raise ValueError(f"The states of {agent.source.id} have no places on a grid.")
        states = max(max(panel.states) for panel in grid.panels) + 1
        counts = np.bincount(lately.places.astype(int), minlength=states)
        visit_map({moment.title: counts}, grid, title=title, path=path)
        return
    known = agent.source.id if agent.source.own_observations else None
    view = VIEWS[known] if known in VIEWS else default_view(None, lately.places)
    trail_map(lately.places, lately.steps, view, title=title, path=path)


def _replay(moment: Moment, path: Path) -> None:
    """What replay holds, and how its priorities are spread."""
    from operant.studio.trail_map import replay_picture

    stored = None if moment.experienced is None else moment.experienced.stored
    if stored is None:
        raise ValueError(f"{moment.agent.name} has no replay in the page's own process.")
    full = f"{stored.size:,} of {stored.capacity:,} transitions"
    ended = f"{100 * stored.ended.mean():.2g} % of them end an episode" if stored.ended.size else ""
    spread = ""
    if stored.priority is not None and stored.priority.any():
        share = np.sort(stored.priority)[::-1][: max(1, len(stored.priority) // 100)].sum()
        spread = f"; the likeliest hundredth is {100 * share:.0f} % of what is drawn"
    note = f"{full}; {ended}{spread}"
    replay_picture(stored.reward, stored.priority, title=f"Replay of {moment.title}", note=note, path=path)


DRAWINGS: dict[str, Callable[[Moment, Path], None]] = {
    "policy": _policy,
    "critic": _critic,
    "saliency": _saliency,
    "visited": _visited,
    "replay": _replay,
}
