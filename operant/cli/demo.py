"""`operant demo`: three learners in about a minute, for somebody who has never seen one."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from operant.cli.training import require_live

if TYPE_CHECKING:
    from operant.agent import Agent, Progress
    from operant.engine.evaluate import Evaluation
    from operant.engine.run_directory import RunDirectory
    from operant.live.page import Page

EPISODES = 20  # for the scores
TOLD = (0.1, 0.3, 0.6, 1.0)  # shares of training after which something is said


@dataclass(frozen=True)
class Act:
    """One learner: what it faces, how it learns, and what its score means."""

    title: str
    algorithm: str
    environment: str
    task: str
    idea: str
    unit: str  # what is said of a mean return, with {}
    closing: str
    steps: int | None = None  # instead of the preset's


INTRODUCTION = (
    "An agent tries actions in an environment, is paid a reward for each, and learns to be paid more. Nobody shows it "
    "what is right. Three agents now learn, one after another, from nothing."
)
ACTS = (
    Act(
        "A table: Q-learning in a gridworld",
        "q-learning",
        "GridWorld",
        "Nine cells. Each step costs 1, bumping into a wall 10, and the goal in the corner pays 100. Nobody tells the "
        "agent where it is; it only sees the number of its cell.",
        "Q-learning keeps a table: for each cell and each direction, how much reward will follow. It mostly goes where "
        "the table says most, sometimes anywhere else to find out more (ε-greedy), and corrects the number after every "
        "step by what it was paid and by the best number of the next cell.",
        "{:.0f} points an episode",
        "What the table says is best in each cell:",
    ),
    Act(
        "A network: PPO balances a pole",
        "ppo",
        "CartPole-v1",
        "A pole stands on a cart, which is pushed to the left or the right fifty times a second. Every step that it "
        "stays up pays 1, for at most 500 steps. Four numbers say where cart and pole are and how fast they move: too "
        "many states for a table.",
        "PPO has a neural network give the probability of each push. It plays, sees which pushes turned out better "
        "than expected, and makes those more likely, but never by much at once.",
        "the pole stays up for {:.0f} steps",
        "500 is all there is.",
    ),
    Act(
        "A force: SAC swings a pendulum up",
        "sac",
        "Pendulum-v1",
        "A pendulum hangs down, and its motor is too weak to lift it: it has to gather swing. An action is any torque "
        "from −2 to 2, and every step costs, the more the further it is from standing upright. So rewards are "
        "negative, and 0 is as good as it gets.",
        "SAC keeps every step that it ever saw and learns from old ones again and again. Two critics learn how much a "
        "torque will cost in the end, and the policy learns to please the more pessimistic one while staying as random "
        "as it can, so that it goes on trying things.",
        "an episode costs {:.0f}",
        "About −130 to −150 is as good as anybody gets, since the pendulum begins anywhere.",
        steps=10_000,  # of the preset's 20,000: a minute is short
    ),
)


def demo(seed: int, browser: bool) -> None:
    """Train the three, tell what happens, and show it on the live page, or without its extra in reports."""
    from operant.engine import programs
    from operant.engine.run_directory import default_run_path

    console = Console(highlight=False)
    console.print(INTRODUCTION)
    paths = [default_run_path(f"demo-{act.algorithm}", act.environment) for act in ACTS]
    with programs.kept(), _page(paths, browser, console) as page:
        for number, (act, path) in enumerate(zip(ACTS, paths, strict=True), 1):
            console.rule(f"{number} of {len(ACTS)}. {act.title}", align="left")
            play(act, path, seed, console)
        console.rule("What now?", align="left")
        console.print(
            f"operant watch {paths[1]}   the pole, in a window\n"
            "operant zoo                             models that play at once\n"
            "operant train ppo Acrobot-v1 --live     train something yourself, and steer it\n"
            f"reports: {', '.join(str(path / 'report.html') for path in paths)}",
            soft_wrap=True,
        )
        if page is not None and sys.stdin.isatty():
            console.print(f"live page: {page.address}\nCtrl-C closes it.")
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()


def play(act: Act, path: Path, seed: int, console: Console) -> None:
    """One act: what it is, training, and what came of it; its run is kept in `path`, with a report."""
    from operant import presets
    from operant.cli.show import show
    from operant.engine.run_directory import RunDirectory

    console.print(f"[bold]The task.[/bold] {act.task}\n[bold]The idea.[/bold] {act.idea}")
    agent = _agent(act, seed)
    random: Any = agent.random().evaluate(EPISODES, deterministic=False)
    console.print(f"  at random: {act.unit.format(random.mean)}")
    steps = act.steps or presets.find(act.algorithm, act.environment, "auto")["total_timesteps"]
    agent.learn(steps, Telling(act, console), progress_bar=False, run_dir=path, overwrite=True)
    score: Any = agent.evaluate(EPISODES)
    console.print(
        f"  [bold]learnt: {act.unit.format(score.mean)}[/bold] (over {EPISODES} new episodes). {act.closing}"
    )
    directory = RunDirectory(path)
    agent.save(directory.model_file)
    _keep_score(agent, score, random, directory)
    if (arrows := _arrows(agent)) is not None:
        console.print(arrows)
    show(agent, agent, directory, random.mean, video=False)
    console.print()


class Telling:
    """A callback that says now and then how well it goes."""

    def __init__(self, act: Act, console: Console) -> None:
        self._act, self._console, self._told = act, console, 0

    def __call__(self, progress: Progress) -> None:
        mean = progress.metrics.get("rollout/ep_rew_mean", math.nan)
        due = sum(progress.step >= share * progress.total for share in TOLD)
        if due > self._told and math.isfinite(mean):
            self._told = due
            said = self._act.unit.format(float(mean))
            self._console.print(f"  after {progress.step:,} of {progress.total:,} steps: {said}")


def _agent(act: Act, seed: int) -> Agent:
    """With its preset, of which nothing is said: it would say so in the words of a practitioner."""
    from operant.construct import make

    with contextlib.redirect_stderr(io.StringIO()):
        return make(act.algorithm, act.environment, seed=seed)


def _keep_score(agent: Agent, score: Evaluation, random: Evaluation, directory: RunDirectory) -> None:
    from operant.cli.finish import summary

    text = json.dumps(summary(agent, [score], random), indent=2) + "\n"
    directory.evaluation_file.write_text(text, encoding="utf-8")


def _arrows(agent: Agent) -> str | None:
    """The best action of each cell, where what was learnt is the table of a grid."""
    from operant.studio.tables import best_action_text, learnt_table

    table = learnt_table(agent.state, agent.source.twin or agent.source.given)
    return None if table is None else best_action_text(table.q_values, table.layout)


@contextlib.contextmanager
def _page(paths: Sequence[Path], browser: bool, console: Console) -> Iterator[Page | None]:
    """The live page of these runs while this block runs; None, saying so, where its extra is not installed."""
    try:
        require_live("the live page")
    except ValueError as error:
        console.print(f"(Curves are in a report of each; {escape(str(error))})\n")
        yield None
        return
    from operant.live.page import Page

    with Page(paths) as page:
        console.print(f"live page, with curves as they come: {page.address}\n")
        if browser and _has_windows():
            webbrowser.open(page.address)
        yield page


def _has_windows() -> bool:
    """Whether a browser opens in a window, and not in the terminal that we tell this in."""
    return not sys.platform.startswith("linux") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
