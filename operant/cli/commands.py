"""The commands; each parameter is a flag, each docstring the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from operant.cli.errors import from_input

Model = Annotated[
    tyro.conf.Positional[str],
    tyro.conf.arg(
        metavar="RUN|MODEL|random|lean",
        help="A run directory, a model file, or a policy's name: random, or lean (written by hand for CartPole).",
    ),
]
Environment = Annotated[
    tyro.conf.Positional[str | None],
    tyro.conf.arg(metavar="ENVIRONMENT", help="A Gymnasium id; that of the run if not given."),
]
Seed = Annotated[int, tyro.conf.arg(help="Episode i is reset with this seed + i.")]
Modules = Annotated[
    tuple[str, ...],
    tyro.conf.arg(name="import", metavar="MODULE…", help="Python modules that register environments."),
]
EnvKwargs = Annotated[
    tuple[str, ...],
    tyro.conf.arg(
        metavar="KEY=VALUE…", help="Keyword arguments of the environment, such as is_slippery=false."
    ),
]
Best = Annotated[bool, tyro.conf.arg(help="Of a run, the best model that it kept instead of the last.")]
Stochastic = Annotated[bool, tyro.conf.arg(help="Sample actions instead of taking the best known one.")]


def train(
    algorithm: tyro.conf.Positional[str],
    environment: tyro.conf.Positional[str],
) -> None:
    """Train, score and show one algorithm in one environment: `operant train ppo CartPole-v1`."""


def resume(
    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="Its run directory.")],
    *,
    episodes: Annotated[int, tyro.conf.arg(help="Episodes to score the result by.")] = 100,
    progress: Annotated[bool, tyro.conf.arg(help="Show a table and a bar of progress.")] = True,
    video: Annotated[bool, tyro.conf.arg(help="Film an episode.")] = True,
    pictures: Annotated[bool, tyro.conf.arg(help="Draw curves and a map of the policy.")] = True,
) -> None:
    """Continue an interrupted run from its last checkpoint to its end, and score it."""
    from operant.cli.train import resume

    resume(run, episodes, progress, video, pictures)


def evaluate(
    model: Model,
    environment: Environment = None,
    *,
    episodes: Annotated[int, tyro.conf.arg(help="How many.")] = 100,
    seed: Seed = 10_000,
    stochastic: Stochastic = False,
    best: Best = False,
    env_kwargs: EnvKwargs = (),
    modules: Modules = (),
) -> None:
    """Score a model, beside the random policy, or a policy that is known by name, over whole episodes."""
    from operant.cli import play
    from operant.cli.training import at_least_one

    with from_input():
        at_least_one(episodes=episodes)
        player, how = play.player(model, environment, best, stochastic, env_kwargs, modules)
    print(player.evaluate(episodes, seed, beside_random=model != "random", **how))


def watch(
    model: Model,
    environment: Environment = None,
    *,
    episodes: Annotated[int, tyro.conf.arg(help="How many.")] = 1,
    seed: Seed = 20_000,
    stochastic: Stochastic = False,
    best: Best = False,
    env_kwargs: EnvKwargs = (),
    modules: Modules = (),
) -> None:
    """Watch a model, or a policy that is known by name, in a window."""
    from operant.cli import play

    with from_input():
        play.require(model, environment, best, stochastic, modules)
        from operant.studio.recording import require_display

        require_display()
        player, how = play.player(model, environment, best, stochastic, env_kwargs, modules)
    returns = player.watch(episodes, seed, **how)
    print("returns:", ", ".join(f"{value:.1f}" for value in returns))


def plot(
    runs: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN…", help="Run directories.")
    ],
    *,
    output: Annotated[str, tyro.conf.arg(help="The picture to write, as PNG.")] = "curves.png",
    metric: Annotated[str, tyro.conf.arg(help="The column of metrics.csv to draw.")] = "rollout/ep_rew_mean",
) -> None:
    """Draw the learning curves of runs, with their seeds, into one picture, beside the random policy."""
    from operant.cli import runs as found

    with from_input():
        if not runs:
            raise ValueError("plot needs at least one run directory.")
        for run in runs:
            found.require(run)
    import json

    import numpy as np

    from operant.engine.log import read_rows
    from operant.engine.run_directory import RunDirectory
    from operant.studio.curves import RETURN, label, learning_curve, series

    curves, environments, random = {}, set(), []
    with from_input():
        for run in runs:
            directory = RunDirectory.open(run)
            rows = read_rows(directory.metrics_file) if directory.metrics_file.exists() else []
            known = [row for row in rows if np.isfinite(row.get(metric, np.nan)).any()]  # not each has eval/…
            if not known:
                there = sorted({name for row in rows for name in row}) or ["nothing yet"]
                raise ValueError(f"{run} has no metric {metric!r}; it has: {', '.join(there)}.")
            curves[directory.path.name if len(runs) == len({Path(r).name for r in runs}) else run] = series(
                known, metric
            )
            environments.add(directory.read_config()["environment"])
            if metric == RETURN and directory.evaluation_file.exists():
                random.append(json.loads(directory.evaluation_file.read_text())["random"]["mean"])
    title = f"{label(metric)} on {', '.join(sorted(environments))}"
    reference = {"random policy": float(np.mean(random))} if random and len(environments) == 1 else None
    learning_curve(curves, title=title[0].upper() + title[1:], y=metric, reference=reference, path=output)
    print(output)


def compare(
    a: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="A run directory or a model file.")
    ],
    b: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="The other one.")],
    *,
    episodes: Annotated[int, tyro.conf.arg(help="To score what has no score yet by.")] = 100,
    output: Annotated[str | None, tyro.conf.arg(help="A picture of it to write, as PNG.")] = None,
) -> None:
    """Say how much better one run is than another: the difference with its interval, and the probability."""
    with from_input():
        if episodes < 1:
            raise ValueError(f"--episodes {episodes}: must be at least 1.")
        from operant.comparison import compare

        comparison = compare(a, b, episodes=episodes)
    print(comparison)
    if output is not None:
        comparison.plot(output)
        print(output)


def algorithms() -> None:
    """List the algorithms, the papers they come from, and the action spaces they take."""
    from operant.cli.tables import algorithms

    print(algorithms())


def environments(
    environment: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(metavar="ENVIRONMENT", help="One to be told more of, by its id."),
    ] = None,
    *,
    wrappers: Annotated[
        tuple[str, ...], tyro.conf.arg(help="What it is wrapped in, such as repeat:4 frame-stack:4.")
    ] = (),
    env_kwargs: EnvKwargs = (),
    modules: Modules = (),
) -> None:
    """List the environments that can be trained on, and their spaces; or describe one, with its wrappers."""
    from operant.cli.env_kwargs import read
    from operant.cli.environments import require_known
    from operant.cli.modules import load

    with from_input():
        if environment is None and (wrappers or env_kwargs):
            raise ValueError("--wrappers and --env-kwargs are for one environment: name it before them.")
        if environment is None:
            load(modules)
        else:
            require_known(environment, modules)
        from operant.cli import tables

        text = (
            tables.environments()
            if environment is None
            else tables.environment(environment, wrappers, read(env_kwargs))
        )
    print(text)


def info(
    run: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(
            metavar="RUN", help="A run to be told of: how it was trained, its score, and what repeats it."
        ),
    ] = None,
) -> None:
    """Print versions, devices, and the settings that operant made for this process; or what a run is."""
    if run is None:
        from operant.cli.tables import info

        print(info())
    else:
        from operant.cli import runs

        print(runs.describe(run))


COMMANDS = {
    command.__name__: command
    for command in (train, resume, evaluate, watch, plot, compare, algorithms, environments, info)
}
