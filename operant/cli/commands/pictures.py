"""What a run looks like: curves, maps, comparisons, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro

from operant.cli.arguments import (
    Best,
    Checkpoint,
    EnvKwargs,
    EnvTimeout,
    LearntModel,
    Modules,
    OwnEnvironment,
)
from operant.cli.errors import from_input


def plot(
    runs: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN…", help="Run directories.")
    ],
    *,
    output: Annotated[str, tyro.conf.arg(help="The picture to write, as PNG.")] = "curves.png",
    metric: Annotated[str, tyro.conf.arg(help="The column of metrics.csv to draw.")] = "rollout/ep_rew_mean",
) -> None:
    """Draw the learning curves of runs, with their seeds, and of the random policy into one picture."""
    from operant.cli.plot import plot

    plot(runs, output, metric)


def show(
    model: LearntModel,
    output: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE.png", help="The picture to write.")
    ],
    *,
    what: Annotated[
        Literal["policy", "critic", "actions", "saliency"],
        tyro.conf.arg(
            help="policy: what it does over two elements of the observation; of one state, critic: what is expected "
            "of actions, actions: how likely they are, saliency: which pixels matter."
        ),
    ] = "policy",
    axes: Annotated[
        tuple[str, str] | None,
        tyro.conf.arg(
            metavar="ELEMENT ELEMENT",
            help="With policy: elements of the observation, by number or name; none: the known or first ones.",
        ),
    ] = None,
    observation: Annotated[
        tuple[float, ...] | None,
        tyro.conf.arg(
            metavar="NUMBER…",
            help="With critic or actions: the state, a vector; none: one of an episode that the policy plays.",
        ),
    ] = None,
    steps: Annotated[
        int,
        tyro.conf.arg(
            help="With critic, actions or saliency: the state after this many steps of the episode."
        ),
    ] = 0,
    of: Annotated[
        Literal["policy", "value"],
        tyro.conf.arg(help="With saliency: which pixels matter to what it does, or to what it expects."),
    ] = "policy",
    environment: OwnEnvironment = None,
    best: Best = False,
    checkpoint: Checkpoint = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Draw what a policy does, what its critics expect of actions, or which pixels it looks at."""
    from operant.cli.pictures import picture
    from operant.cli.play import PolicyRequest

    with from_input():
        request = PolicyRequest(model, environment, best, False, checkpoint, env_kwargs, modules, env_timeout)
        picture(request, output, what, axes, observation, steps, of)
    print(output)


def compare(
    a: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="RUN|MODEL|zoo:NAME", help="A run directory or a model."),
    ],
    b: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="RUN|MODEL|zoo:NAME", help="The run or model to compare it with."),
    ],
    *,
    episodes: Annotated[int, tyro.conf.arg(help="Episodes for scoring a model that has no score yet.")] = 100,
    output: Annotated[str | None, tyro.conf.arg(help="A picture of the comparison to write, as PNG.")] = None,
) -> None:
    """Compare two runs: the difference of their scores, and the probability that one is better."""
    with from_input():
        from operant.cli.runs import require_model
        from operant.cli.training import require_episodes

        require_episodes(episodes)
        require_model(a)
        require_model(b)
        from operant.comparison import compare

        comparison = compare(a, b, episodes=episodes)
    print(comparison)
    if output is not None:
        comparison.plot(output)
        print(output)


def diagnose(
    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="A run directory.")],
    *,
    html: Annotated[
        str | None,
        tyro.conf.arg(metavar="FILE", help="A page to write, with the evidence as small pictures."),
    ] = None,
    json: Annotated[bool, tyro.conf.arg(help="Print JSON instead of a table.")] = False,
    probe: Annotated[
        bool, tyro.conf.arg(help="Play some hundred steps; without, the run's files alone are looked at.")
    ] = True,
    environment: OwnEnvironment = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Say what looks wrong with a run, by which evidence, and what to try; the weightiest first."""
    from operant.cli import runs
    from operant.cli.env_kwargs import read
    from operant.cli.environments import require_known
    from operant.cli.training import require_timeout

    with from_input():
        given = read(env_kwargs) or None
        require_timeout(env_timeout)
        config = runs.require(run)
        if environment is None:
            runs.require_module(config, modules)
        else:
            require_known(environment, modules)
        from operant.cli.diagnose import keep, show
        from operant.diagnosis.diagnosing import diagnose

        found = diagnose(run, env=environment, env_kwargs=given, env_timeout=env_timeout, probe=probe)
        show(found, html, json)
    if probe:
        keep(found, run)
