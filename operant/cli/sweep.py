"""`operant sweep`, and `operant resume` of a sweep.

Wrong arguments are found before anything that needs JAX is imported.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operant import catalogue
from operant.cli import env_kwargs, habits, modules
from operant.cli.asked import Asked, flag_names, read
from operant.cli.ending import keeping
from operant.cli.environments import require_known
from operant.cli.errors import Interrupted, WrongInput, exit_code, from_input
from operant.cli.readers import may_leave
from operant.cli.sweeping import Sweeping, taken
from operant.sweeps.space import Space

if TYPE_CHECKING:
    from operant.engine.watch import Watch
    from operant.sweeps.request import Request
    from operant.sweeps.results import SweepResults

USAGE = """\
usage: operant sweep ALGORITHM ENVIRONMENT [FLAGS]

Try many values of hyperparameters, trials of one program together, and the best of them on seeds never seen, as in

    operant sweep ppo CartPole-v1 --learning-rate log:1e-4:1e-2 --gamma 0.9,0.99 --trials 64 --seeds 3

Each hyperparameter's flag takes

    LOW:HIGH            any number between them; log:LOW:HIGH with a uniform logarithm
    A,B,C               one of these; lists of numbers as 64x64,256x256
    linear:log:1e-4:1e-2:0    a schedule with a range in it
    VALUE               this value, for all trials

ALGORITHM    {algorithms}; see `operant algorithms`
ENVIRONMENT  any Gymnasium id; see `operant environments`
FLAGS        see `operant sweep ALGORITHM --help`

`operant resume DIRECTORY` goes on with a sweep that was interrupted."""


def usage(arguments: list[str]) -> str:
    """The help of `operant sweep` itself. Raises WrongInput if it was not asked for."""
    if not {"-h", "--help"} & set(arguments):
        first = f"{arguments[0]} is where the algorithm should be; " if arguments else ""
        raise WrongInput(
            f"{first}give an algorithm, an environment and ranges, as in `operant sweep ppo CartPole-v1 "
            "--learning-rate log:1e-4:1e-2`."
        )
    names = [name for name in catalogue.algorithms() if name != "random"]
    return USAGE.format(algorithms=", ".join(names))


def sweep(arguments: list[str]) -> None:
    """`operant sweep`, given the arguments after it; the first is the algorithm."""
    with from_input():
        asked, space = _asked(arguments)
    with may_leave():
        _sweep(asked, space)


def resume(path: str, imported: tuple[str, ...], progress: bool, pictures: bool) -> None:
    """`operant resume` of a sweep's directory."""
    with from_input():
        modules.load(imported)
        from operant.sweeps.directory import SweepDirectory

        directory = SweepDirectory.open(path)
        request = directory.request()
        if request.environment is None:
            raise ValueError(
                f"{path}: its environment was an object of yours: operant.resume_sweep(path, env=…)."
            )
        modules.require_imported(request.environment, imported)
        modules.load(request.modules if set(request.modules) <= set(imported) else ())
    from operant.engine import programs

    with programs.kept(), may_leave(), directory.held():
        print(f"{_header(request)}\nresuming {path}", flush=True)
        _run(directory, request, progress, pictures)


def describe(path: str) -> str:
    """What a sweep's directory holds. Raises WrongInput where its files are not as they were written."""
    with from_input():
        from operant.sweeps.finishing import loaded

        return str(loaded(path))


def _asked(arguments: list[str]) -> tuple[Asked, Space]:
    name, *rest = arguments
    name = habits.algorithm(name)
    if name == "random":
        raise ValueError("the random policy learns nothing.")
    words = habits.understood(rest, flag_names(name, rest, Sweeping))
    space, words = taken(name, words)
    asked = read(name, words, Sweeping, "sweep")
    require_known(asked.training.environment, asked.training.modules)
    if not space.domains:
        raise ValueError(
            "there is nothing to sweep: give a hyperparameter several values, as in --learning-rate log:1e-4:1e-2 or "
            "--gamma 0.9,0.99."
        )
    return asked, space


def _sweep(asked: Asked, space: Space) -> None:
    from operant.engine import programs

    with programs.kept(), contextlib.ExitStack() as holding:
        sweeping: Sweeping = asked.training
        with from_input():
            from operant.engine.run_directory import default_run_path
            from operant.sweeps.asking import prepared
            from operant.sweeps.directory import SweepDirectory

            request = _request(asked, sweeping, space)
            source = prepared(request, None)
            path = sweeping.run_dir or default_run_path(f"sweep-{asked.algorithm}", source.id)
            directory = SweepDirectory(Path(path))
            holding.enter_context(directory.held())
            SweepDirectory.create(path, request, overwrite=sweeping.overwrite)
        print(f"{_header(request)}\npreset: {asked.preset}\nsweep: {directory.path}", flush=True)
        _run(directory, request, sweeping.progress, sweeping.pictures, sweeping.ray_address)


def _request(asked: Asked, sweeping: Sweeping, space: Space) -> Request:
    from operant.curiosity import curiosity, to_json
    from operant.envs.wrappers.registry import as_wrappers
    from operant.envs.wrappers.registry import to_json as wrapper_to_json
    from operant.sweeps.asking import request_of

    chosen = curiosity({"name": sweeping.curiosity, **asked.curiosity})
    assert sweeping.seeds is not None
    return request_of(
        asked.algorithm,
        sweeping.environment,
        space,
        asked.hyperparameters,
        curiosity=to_json(chosen),
        wrappers=tuple(map(wrapper_to_json, as_wrappers(sweeping.wrappers))),
        env_kwargs=env_kwargs.read(sweeping.env_kwargs),
        sampler=None if sweeping.sampler == "auto" else sweeping.sampler,
        test_seeds=sweeping.test_seeds or (),
        seeds=sweeping.seeds,
        preset="plain defaults" if asked.preset == "none" else asked.preset,
        modules=sweeping.modules,
        **{name: getattr(sweeping, name) for name in _SAME},
    )


_SAME = (
    *(
        "trials",
        "seed",
        "total_timesteps",
        "scheduler",
        "together",
        "reduction_factor",
        "min_timesteps",
        "interval",
    ),
    *(
        "quantile",
        "evaluation_episodes",
        "test_episodes",
        "workers",
        "num_envs",
        "backend",
        "vectorization",
        "env_timeout",
    ),
)


def _run(
    directory: Any, request: Request, progress: bool, pictures: bool, ray_address: str | None = None
) -> None:
    from operant.engine.watch import Watch
    from operant.sweeps.asking import prepared
    from operant.sweeps.finishing import run

    watch = Watch("this chunk of training")
    with from_input():
        source = prepared(request, None)
    with _interruptible(watch, directory.path):
        how: Any = {"pictures": pictures, "progress_bar": progress, "ray_address": ray_address}
        results: SweepResults = run(directory, request, source, None, None, watch=watch, **how)
    print(results)
    names = sorted(
        path.name + "/" * path.is_dir() for path in directory.path.iterdir() if path.name[0] != "."
    )
    print(f"\nin {directory.path}: {', '.join(names)}", flush=True)


def _header(request: Request) -> str:
    what = f"{request.algorithm} on {request.environment}"
    several = ", ".join(f"{name} {domain}" for name, domain in request.space.domains.items())
    return (
        f"{what}: {request.trials:,} trials of {len(request.seeds)} seed{'s' * (len(request.seeds) != 1)}, sampler "
        f"{request.sampler}, scheduler {request.scheduler}\nswept: {several}"
    )


@contextlib.contextmanager
def _interruptible(watch: Watch, path: Path) -> Iterator[None]:
    """If Ctrl-C or an error ends this block early, say how to continue."""
    advice = f"go on with `operant resume {shlex.quote(str(path))}`"
    try:
        with keeping(lambda: watch, lambda: advice):
            yield
    except KeyboardInterrupt as error:
        raise Interrupted(advice, exit_code(error)) from None
    except Exception as error:
        error.add_note(f"operant: {advice}.")
        raise
