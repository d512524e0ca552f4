"""Playing what has been learnt: scores, windows and films."""

from __future__ import annotations

from typing import Annotated

import tyro

from operant.cli.arguments import (
    Best,
    Checkpoint,
    Environment,
    EnvKwargs,
    EnvTimeout,
    Episodes,
    Model,
    Modules,
    OwnEnvironment,
    Seed,
    Stochastic,
)
from operant.cli.errors import from_input


def evaluate(
    model: Model,
    environment: Environment = None,
    *,
    episodes: Episodes = 100,
    seed: Seed = 10_000,
    stochastic: Stochastic = False,
    epsilon: Annotated[
        float,
        tyro.conf.arg(
            help="The probability that an action is a random one, as in scores of DQN (0.05 in the papers)."
        ),
    ] = 0.0,
    best: Best = False,
    checkpoint: Checkpoint = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Score a model (along with the random policy), or a policy given by name, over whole episodes."""
    from operant.cli.play import PolicyRequest
    from operant.cli.training import require_episodes, require_share

    with from_input():
        require_episodes(episodes, seed)
        require_share("--epsilon", epsilon)
        request = PolicyRequest(
            model, environment, best, stochastic, checkpoint, env_kwargs, modules, env_timeout
        )
        player, how = request.player()
    print(player.evaluate(episodes, seed, with_random=model != "random", epsilon=epsilon, **how))


def watch(
    model: Model,
    environment: Environment = None,
    *,
    episodes: Episodes = 1,
    seed: Seed = 20_000,
    stochastic: Stochastic = False,
    best: Best = False,
    checkpoint: Checkpoint = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Watch a model, or a policy given by name, in a window."""
    from operant.cli.play import PolicyRequest
    from operant.cli.training import require_episodes

    with from_input():
        require_episodes(episodes, seed)
        request = PolicyRequest(
            model, environment, best, stochastic, checkpoint, env_kwargs, modules, env_timeout
        )
        request.require()
        from operant.studio.recording import require_display

        require_display()
        player, how = request.player()
    returns = player.watch(episodes, seed, **how)
    print("returns:", ", ".join(f"{value:.1f}" for value in returns))


def record(
    model: Model,
    output: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE.mp4", help="The film to write.")
    ],
    *,
    environment: OwnEnvironment = None,
    episodes: Episodes = 1,
    seed: Seed = 20_000,
    stochastic: Stochastic = False,
    best: Best = False,
    checkpoint: Checkpoint = None,
    all_checkpoints: Annotated[
        bool,
        tyro.conf.arg(help="Film every checkpoint of a run, one after another."),
    ] = False,
    clips: Annotated[
        int | None,
        tyro.conf.arg(
            metavar="PAIRS",
            help="Write this many pairs of short clips into a folder instead, half of them of the random policy: "
            "`operant label FOLDER/questions.jsonl FOLDER/pairs.jsonl` asks which is better, and --curiosity "
            "preferences --curiosity.answers FOLDER learns from that.",
        ),
    ] = None,
    clip_length: Annotated[int, tyro.conf.arg(help="With --clips: steps of a clip.")] = 25,
    with_random: Annotated[bool, tyro.conf.arg(help="Show the random policy next to it.")] = False,
    with_estimates: Annotated[
        bool,
        tyro.conf.arg(
            help="Draw what it expects, and how likely or good each action is, next to each frame."
        ),
    ] = False,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Film a model, or a policy given by name, as MP4."""
    from operant.cli.play import PolicyRequest
    from operant.cli.training import require_episodes

    with from_input():
        require_episodes(episodes, seed)
        if all_checkpoints and (best or with_random or with_estimates or checkpoint is not None):
            raise ValueError(
                "--all-checkpoints cannot be combined with --best, --with-random, --with-estimates or --checkpoint."
            )
        if with_random and with_estimates:
            raise ValueError("--with-random cannot be combined with --with-estimates.")
        if clips is not None and (all_checkpoints or with_random or with_estimates):
            raise ValueError(
                "--clips cannot be combined with --all-checkpoints, --with-random or --with-estimates."
            )
        if clips is None and clip_length != 25:
            raise ValueError(f"--clip-length {clip_length}: has no effect without --clips PAIRS: add it.")
        request = PolicyRequest(
            model, environment, best, stochastic, checkpoint, env_kwargs, modules, env_timeout
        )
        request.require()
    from operant.cli.record import record, record_checkpoints

    if clips is not None:
        with from_input():
            player, _ = request.player()
            player.record_clips(output, clips, clip_length, seed)
    elif all_checkpoints:
        record_checkpoints(request, output, episodes, seed)
    else:
        record(request, output, episodes, seed, with_random, with_estimates)
    print(output)
