"""Arguments that several commands have."""

from __future__ import annotations

from typing import Annotated

import tyro

Model = Annotated[
    tyro.conf.Positional[str],
    tyro.conf.arg(
        metavar="RUN|MODEL|zoo:NAME|random|scripted",
        help="A run directory, a model file, a model that comes with operant (`operant zoo` lists them), or a policy's "
        "name: random, or scripted (a simple rule for CartPole).",
    ),
]
Environment = Annotated[
    tyro.conf.Positional[str | None],
    tyro.conf.arg(metavar="ENVIRONMENT", help="A Gymnasium id; none: the run's own."),
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
EnvTimeout = Annotated[
    float | None,
    tyro.conf.arg(
        metavar="SECONDS",
        help="Time limit of a step or a reset; none: the run's own, if it has one.",
    ),
]
Best = Annotated[bool, tyro.conf.arg(help="The best model of a run instead of the last one.")]
Checkpoint = Annotated[
    int | None,
    tyro.conf.arg(metavar="STEP", help="The checkpoint of a run at this step instead of its last model."),
]
Stochastic = Annotated[bool, tyro.conf.arg(help="Sample actions instead of taking the most likely one.")]
LearntModel = Annotated[
    tyro.conf.Positional[str],
    tyro.conf.arg(
        metavar="RUN|MODEL|zoo:NAME",
        help="A run directory, a model file, or a model that comes with operant.",
    ),
]
OwnEnvironment = Annotated[str | None, tyro.conf.arg(help="A Gymnasium id; none: the run's own.")]
Episodes = Annotated[int, tyro.conf.arg(help="Episodes to play.")]
Wrappers = Annotated[tuple[str, ...], tyro.conf.arg(help="Its wrappers, such as repeat:4 frame-stack:4.")]
