"""Pictures, a film and the report after training. If one fails, a line says so, and the others are still made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.agent.pictures import NoPictureError
from operant.studio.curves import metrics_panel, read_metrics
from operant.studio.report import report
from operant.studio.table_map import table_map
from operant.studio.tables import learnt_table
from operant.studio.views import VIEWS

if TYPE_CHECKING:
    from operant.agent import Agent
    from operant.engine.run_directory import RunDirectory


def show(
    agent: Agent,
    best: Agent,
    directory: RunDirectory,
    random: float,
    *,
    video: bool = True,
    pictures: bool = True,
) -> None:
    """Draw, film and report, as far as the environment allows; `random` is the random policy's mean return."""
    title = f"{agent.name} on {agent.source.id}"
    title += "" if agent.seeds is None else f", seed {best.seed}"
    with ThreadPoolExecutor(
        1
    ) as pool:  # films while the rest is drawn: rendering and encoding leave Python free
        film = pool.submit(_film, best, directory) if video else None
        if pictures and agent.history:
            with attempt("learning curve"):
                agent.plot(directory.curve_picture, reference={"random policy": random})
            with attempt("training diagnostics"):
                _diagnostics(agent, best, directory, title)
        seen = None
        if film is not None:
            with attempt("film"):
                seen = film.result()
        if pictures:
            with attempt("picture of the policy"):
                _policy(best, directory, title, seen)
            with attempt("picture of the critics"):
                _critic(best, directory)
    with attempt("report"):
        report(directory.path)


@contextmanager
def attempt(what: str) -> Iterator[None]:
    """Report a failure in this block in one line."""
    try:
        yield
    except Exception as error:
        why = (str(error).splitlines() or [""])[0]
        print(f"operant: no {what}: {type(error).__name__}: {why}", file=sys.stderr, flush=True)


def _film(best: Agent, directory: RunDirectory) -> Any:
    """Film an episode if the environment has pictures; the observations."""
    if not best.source.renders:
        return None
    return np.asarray(best.record(directory.video_file, with_random=True).observations)


def _diagnostics(agent: Agent, best: Agent, directory: RunDirectory, title: str) -> None:
    columns = read_metrics(directory.metrics_file)
    if agent.seeds is not None:
        chosen = columns["seed"] == agent.seeds.index(best.seed)
        columns = {name: column[chosen] for name, column in columns.items()}
    if any(name.startswith("train/") and np.isfinite(column).any() for name, column in columns.items()):
        metrics_panel(columns, directory.metrics_picture, title=title)


def _policy(best: Agent, directory: RunDirectory, title: str, seen: Any) -> None:
    table = learnt_table(best.state, best.source.twin or best.source.given)
    if table is not None:
        table_map(
            table.q_values, table.layout, visits=table.visits, title=title, path=directory.policy_picture
        )
    elif _has_view(best):
        with suppress(NoPictureError):
            best.plot_policy(directory.policy_picture, seen)


def _has_view(agent: Agent) -> bool:
    """Whether what is seen is known, or was filmed."""
    return agent.source.renders or (agent.source.id in VIEWS and agent.source.own_observations)


def _critic(best: Agent, directory: RunDirectory) -> None:
    """Of a table, all that it expects is in the picture of the policy."""
    table = learnt_table(best.state, best.source.twin or best.source.given)
    if table is None:
        with suppress(NoPictureError):
            best.plot_critic(directory.critic_picture)
