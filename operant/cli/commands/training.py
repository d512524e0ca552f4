"""Training: one agent, many of them, and what goes on from one that was kept."""

from __future__ import annotations

from typing import Annotated

import tyro

from operant.cli.arguments import EnvTimeout, Modules
from operant.cli.commands.shared import is_sweep
from operant.cli.errors import WrongInput


def train(
    algorithm: tyro.conf.Positional[str],
    environment: tyro.conf.Positional[str],
) -> None:
    """Train, score and show one algorithm in one environment: `operant train ppo CartPole-v1`."""


def sweep(
    algorithm: tyro.conf.Positional[str],
    environment: tyro.conf.Positional[str],
) -> None:
    """Try many hyperparameters together: `operant sweep ppo CartPole-v1 --learning-rate log:1e-4:1e-2`."""


def resume(
    run: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="Its directory, or that of a sweep.")
    ],
    *,
    total_timesteps: Annotated[
        int | None,
        tyro.conf.arg(help="A new total number of steps to train for; schedules then end there, too."),
    ] = None,
    episodes: Annotated[int, tyro.conf.arg(help="Episodes to score the result by.")] = 100,
    wandb: Annotated[
        str | None, tyro.conf.arg(metavar="PROJECT", help="Send the metrics to Weights & Biases, too.")
    ] = None,
    progress: Annotated[bool, tyro.conf.arg(help="Show a table and a progress bar.")] = True,
    video: Annotated[bool, tyro.conf.arg(help="Film an episode.")] = True,
    pictures: Annotated[bool, tyro.conf.arg(help="Draw curves and a map of the policy.")] = True,
    env_timeout: EnvTimeout = None,
    live: Annotated[
        bool, tyro.conf.arg(help="Open a page in a browser on this machine that shows and steers training.")
    ] = False,
    devices: Annotated[
        int | None, tyro.conf.arg(help="Devices that train together from now on; none: the run's own.")
    ] = None,
    coordinator: Annotated[
        str | None,
        tyro.conf.arg(metavar="HOST:PORT", help="Where the first of several processes waits for the others."),
    ] = None,
    num_processes: Annotated[int | None, tyro.conf.arg(help="How many of them train together.")] = None,
    process_id: Annotated[int | None, tyro.conf.arg(help="Which of them this is, from 0.")] = None,
    modules: Modules = (),
) -> None:
    """Continue a run from its last checkpoint to its end, or to a later one, and score it; or a sweep."""
    if is_sweep(run):
        from operant.cli.sweep import resume as resume_sweep

        not_for_sweeps = {
            "--total-timesteps": total_timesteps,
            "--wandb": wandb,
            "--devices": devices,
            "--coordinator": coordinator,
        }
        for flag, value in not_for_sweeps.items():
            if value is not None:
                raise WrongInput(f"{flag}: {run} is a sweep, which goes on as it was begun.")
        resume_sweep(run, modules, progress, pictures)
        return
    from operant.cli.train import resume

    resume(
        *(run, total_timesteps, episodes, wandb, progress, video, pictures, modules, env_timeout, live),
        *(devices, coordinator, num_processes, process_id),
    )


def branch(
    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="Its run directory.")],
    path: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NEW", help="That of the new run.")],
    *,
    step: Annotated[int | None, tyro.conf.arg(help="That of the checkpoint; none: the last one.")] = None,
    change: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            metavar="NAME=VALUE…",
            help="New values of traced hyperparameters, such as learning_rate=1e-4 or ent_coef=linear:0.01:0.",
        ),
    ] = (),
    modules: Modules = (),
) -> None:
    """Begin a new run from a checkpoint of another, with changes; `operant resume NEW` trains it."""
    from operant.cli.branch import branch

    branch(run, path, step, change, modules)
