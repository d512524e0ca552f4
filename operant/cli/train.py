"""`operant train` and `operant resume`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import gymnasium as gym
import tyro

from operant import presets
from operant.cli.errors import Interrupted, from_input
from operant.cli.flags import types, with_defaults
from operant.cli.parsing import parse
from operant.cli.preparation import Preparation
from operant.curiosity import CURIOSITIES, make_curious
from operant.engine import programs
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.run_directory import RunDirectory, default_run_path
from operant.engine.train import LARGEST
from operant.replay import size

if TYPE_CHECKING:
    from operant.agent import Agent


@dataclasses.dataclass(frozen=True)
class Training:
    """How to train, whatever the algorithm."""

    environment: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENVIRONMENT")]
    """Any Gymnasium id; see `operant environments`."""
    total_timesteps: int = 100_000
    """Environment steps to train for, with each seed."""
    seed: int = 0
    """All randomness derives from it."""
    seeds: int | None = None
    """Learners to train together, with seeds from --seed upwards."""
    num_envs: int | None = None
    """Environments stepped together, for each learner; the algorithm's own number if not given: one, or for a policy
    search one for each candidate."""
    backend: Literal["auto", "native", "gymnasium"] = "auto"
    """native: on operant's twin of the environment, on the device; gymnasium: in Python; auto: on the twin if there is
    one. Scores always come from Gymnasium's own."""
    vectorization: Literal["sync", "async", "vector_entry_point"] = "sync"
    """How the gymnasium backend steps several: one by one, a process each, or the environment's own way."""
    wrappers: tuple[str, ...] = ()
    """What the environment is wrapped in, the innermost first, such as repeat:4 frame-stack:4; see docs/wrappers.md.
    Scores are of its own rewards."""
    curiosity: Literal["none", "counts", "icm", "rnd"] = "none"
    """A reward of its own for what is new to it; its values are flags, too: `--curiosity rnd --help` lists them."""
    preset: str = "auto"
    """Hyperparameters known to work: those of an environment's id, auto for this environment's, or none. Flags given by
    hand go before it."""
    run_dir: str | None = None
    """Where everything is kept; runs/ALGORITHM-ENVIRONMENT-N if not given."""
    checkpoint_every: int | None = None
    """Environment steps between two checkpoints; the last state is always kept."""
    evaluate_every: int = 0
    """Environment steps between two evaluations during training, whose best model is kept; 0 for none."""
    evaluation_episodes: int = 20
    """Episodes of an evaluation during training."""
    overwrite: bool = False
    """Replace a run that is already in the run directory."""
    progress: bool = True
    """Show a table and a bar of progress."""
    episodes: int = 100
    """Episodes to score the result by."""


@programs.kept()
def train(arguments: list[str]) -> None:
    """`operant train`, from the arguments behind it, of which the first is the algorithm."""

    name, *rest = arguments
    with from_input():
        if name == "random":
            raise ValueError(
                "the random policy learns nothing; score it: `operant evaluate random ENVIRONMENT`."
            )
        training, values, curious, preset = _read(name, rest)
        agent = _agent(name, training, values, curious)
        directory = RunDirectory(Path(training.run_dir or default_run_path(name, training.environment)))
        directory.check(overwrite=training.overwrite)
        agent.learner.require_room()
        from operant.agent.inputs import require_learning

        require_learning(agent.algorithm.experience, training.total_timesteps)
    print(f"{_header(agent)}\npreset: {preset}\nrun: {directory.path}", flush=True)
    with _interruptible(agent, directory), Preparation(agent, training.episodes) as preparation:
        agent.learn(
            training.total_timesteps,
            preparation.begin,
            progress_bar=training.progress,
            run_dir=directory.path,
            checkpoint_every=training.checkpoint_every,
            evaluate_every=training.evaluate_every or None,
            evaluation_episodes=training.evaluation_episodes,
            overwrite=training.overwrite,
        )
        from operant.cli.finish import finish  # loaded beside training

        finish(agent, directory, preparation)


@programs.kept()
def resume(run: str, episodes: int, progress: bool) -> None:
    """`operant resume`."""
    from operant.agent import Agent

    with from_input():
        _at_least_one(episodes=episodes)
        directory = RunDirectory.open(run)
        agent = Agent.restore(run)
        if agent.step >= directory.read_config()["total_timesteps"] and directory.evaluation_file.exists():
            raise ValueError(
                f"{run} is at its end, at step {agent.step:,}; `operant evaluate {run}` scores it again."
            )
    print(f"{_header(agent)}\nresuming {run} at step {agent.step:,}", flush=True)
    with _interruptible(agent, directory), Preparation(agent, episodes) as preparation:
        agent.finish(run, preparation.begin, progress_bar=progress)
        from operant.cli.finish import finish  # loaded beside training

        finish(agent, directory, preparation)


def _read(name: str, arguments: list[str]) -> tuple[Training, dict[str, Any], dict[str, Any], str]:
    """How to train, the hyperparameters, the curiosity's, and the name of the preset whose values stand where no flag
    does."""
    from operant.algorithms import registry

    if _names_environment(arguments):
        environment, preset = arguments[0], "auto"
    else:
        training, *_ = _parsed(name, {}, arguments)
        environment, preset = training.environment, training.preset
    known = presets.find(name, environment, None if preset == "none" else preset)
    training, values, curious = _parsed(name, registry.defaults(name) | known, arguments)
    _at_least_one(
        total_timesteps=training.total_timesteps,
        seeds=training.seeds,
        num_envs=training.num_envs,
        checkpoint_every=training.checkpoint_every,
        evaluate_every=training.evaluate_every or None,
        evaluation_episodes=training.evaluation_episodes,
        episodes=training.episodes,
    )
    if training.total_timesteps > LARGEST:
        raise ValueError(f"--total-timesteps {training.total_timesteps}: must be at most {LARGEST}.")
    taken = f"{name}/{environment if preset == 'auto' else preset}" if known else "none"
    return training, values, curious, taken


def _parsed(
    name: str, defaults: dict[str, Any], arguments: list[str]
) -> tuple[Training, dict[str, Any], dict[str, Any]]:
    from operant.algorithms import registry

    curious, documented = _curiosity(arguments), _asks_for_help(arguments)
    defaults, tuned = dict(defaults), defaults.get("curiosity", {}).get(curious, {})
    defaults.pop("curiosity", None)  # a preset's values for each curiosity, of which one may be asked for
    parts = {
        "training": with_defaults(Training, defaults, documented),
        "hyperparameters": with_defaults(registry.algorithm(name), defaults, documented),
        "curiosity": with_defaults(CURIOSITIES.get(curious, Nothing), tuned, documented),
    }
    # Without a help text of its own, tyro would look for that of each part in the sources.
    everything = dataclasses.make_dataclass(
        name,
        [
            (part, Annotated[kind, tyro.conf.arg(name="curiosity" if part == "curiosity" else "", help="")])
            for part, kind in parts.items()
        ],
    )
    description = f"Train {registry.documentation(name).splitlines()[0]}"
    parsed: Any = parse(everything, f"operant train {name}", description, arguments, types())
    return parsed.training, _values(parsed.hyperparameters), _values(parsed.curiosity)


@dataclasses.dataclass(frozen=True)
class Nothing:
    """The flags of a curiosity that there is not."""


def _names_environment(arguments: list[str]) -> bool:
    """Whether the first of the arguments is the environment, and the preset its own: they need no reading to know."""
    named = bool(arguments) and not arguments[0].startswith("-")
    return named and not any(argument.startswith("--preset") for argument in arguments)


def _asks_for_help(arguments: list[str]) -> bool:
    return bool({"-h", "--help"} & set(arguments))


def _curiosity(arguments: list[str]) -> str:
    """Which curiosity the arguments name: its values are flags themselves."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--curiosity", nargs="?", default="none")
    return parser.parse_known_args(arguments)[0].curiosity


def _values(parsed: Any) -> dict[str, Any]:
    return {field.name: getattr(parsed, field.name) for field in dataclasses.fields(parsed)}


def _agent(name: str, training: Training, values: dict[str, Any], curious: dict[str, Any]) -> Agent:
    from operant.agent import Agent
    from operant.algorithms import registry

    algorithm = registry.build(registry.algorithm(name), values)
    return Agent(
        make_curious(algorithm, {"name": training.curiosity, **curious}),
        training.environment,
        seed=training.seed,
        seeds=training.seeds,
        num_envs=training.num_envs,
        backend=training.backend,
        vectorization=training.vectorization,
        wrappers=training.wrappers,
    )


def _header(agent: Agent) -> str:
    registered = gym.registry.get(agent.source.id)
    own = registered is not None and str(registered.entry_point).startswith("operant.")
    lines = [agent.title]
    if agent.source.native is not None and not own:  # else there is no other to score it on
        lines.append(f"scores come from Gymnasium's own {agent.source.id}")
    if agent.learner.replay_bytes:
        lines.append(f"replay takes {size.text(agent.learner.replay_bytes)} of memory")
    return "\n".join(lines)


def _at_least_one(**values: int | None) -> None:
    for name, value in values.items():
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} {value}: must be at least 1.")


@contextlib.contextmanager
def _interruptible(agent: Agent, directory: RunDirectory) -> Iterator[None]:
    """What ends this block early, Ctrl-C or a failure, says how to go on."""
    try:
        yield
    except Exception as error:
        if latest_checkpoint(directory.checkpoints) is not None:
            error.add_note(f"operant: go on from the last checkpoint with `operant resume {directory.path}`.")
        raise
    except KeyboardInterrupt:
        raise Interrupted(f"at step {agent.step:,}; go on with `operant resume {directory.path}`") from None
