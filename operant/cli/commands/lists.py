"""What there is: models, algorithms, environments, and what is known of one of them."""

from __future__ import annotations

from typing import Annotated

import tyro

from operant.cli.arguments import EnvKwargs, Episodes, Modules, Wrappers
from operant.cli.commands.shared import is_sweep
from operant.cli.errors import from_input
from operant.zoo import is_name


def zoo(
    words: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="[reproduce] [NAME]",
            help="None: list everything; NAME, such as ppo/CartPole-v1: say all that is known of it; reproduce NAME: "
            "train it again from its preset, and compare score and bits with what is stored.",
        ),
    ] = (),
    *,
    seeds: Annotated[
        int | None,
        tyro.conf.arg(
            help="With reproduce: how many of the study's seeds to train together; none: one, the shipped model's."
        ),
    ] = None,
    run_dir: Annotated[
        str | None, tyro.conf.arg(help="With reproduce: the directory of a run to keep it in.")
    ] = None,
    progress: Annotated[bool, tyro.conf.arg(help="With reproduce: show a table and a progress bar.")] = True,
) -> None:
    """List what was measured and the trained models that come with operant; or train one of them again."""
    from operant.cli.zoo import run

    run(words, seeds, run_dir, progress)


def algorithms() -> None:
    """List the algorithms, the papers they come from, and the action spaces they take."""
    from operant.cli.tables import algorithms

    print(algorithms())


def environments(
    environment: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(metavar="ENVIRONMENT", help="The id of an environment to describe."),
    ] = None,
    *,
    wrappers: Wrappers = (),
    env_kwargs: EnvKwargs = (),
    picture: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="FILE.png",
            help="Draw what becomes of its image on the way to a policy, as of an Atari game.",
        ),
    ] = None,
    modules: Modules = (),
) -> None:
    """List the environments that can be trained on, with their spaces; or describe one, with its wrappers."""
    from operant.cli.env_kwargs import read
    from operant.cli.environments import require_known
    from operant.cli.modules import load

    with from_input():
        if environment is None and (wrappers or env_kwargs or picture):
            raise ValueError(
                "--wrappers, --env-kwargs and --picture need an environment: name it before them."
            )
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
    if picture is not None:
        from operant.studio.stages import plot_preprocessing

        with from_input():
            plot_preprocessing(environment, picture, wrappers=wrappers, env_kwargs=read(env_kwargs))
        print(picture)


def check(
    environment: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENVIRONMENT", help="Its id.")],
    *,
    episodes: Episodes = 5,
    seed: Annotated[int, tyro.conf.arg(help="Seed of the first episode.")] = 0,
    wrappers: Wrappers = (),
    env_kwargs: EnvKwargs = (),
    modules: Modules = (),
) -> None:
    """Play an environment with random actions and report its faults; the exit code is 1 if there are any."""
    from operant.cli.env_kwargs import read
    from operant.cli.environments import require_known
    from operant.cli.training import require_episodes

    with from_input():
        require_episodes(episodes, seed)
        require_known(environment, modules)
        import operant

        report = operant.check(
            environment, episodes, seed, env_kwargs=read(env_kwargs) or None, wrappers=wrappers
        )
    print(report)
    if not report.ok:
        raise SystemExit(1)


def info(
    run: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(
            metavar="RUN",
            help="A run to describe: how it was trained, its score, and how to repeat it; or a sweep, or zoo:NAME.",
        ),
    ] = None,
) -> None:
    """Print versions, devices and the settings that operant made for this process; or describe a run."""
    if run is None:
        from operant.cli.tables import info

        print(info())
    elif is_name(run):
        from operant.cli.zoo import run as describe_entry

        describe_entry((run,), None, None, True)
    elif is_sweep(run):
        from operant.cli.sweep import describe

        print(describe(run))
    else:
        from operant.cli import runs

        print(runs.describe(run))
