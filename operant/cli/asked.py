"""What `operant train` was asked for, read from its arguments, without loading JAX."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from operant import catalogue, presets
from operant.cli import habits
from operant.cli.flags import fields_of, flags, sequences, types, values, without_brackets
from operant.cli.parsing import parse
from operant.cli.training import NO_ENVIRONMENT, Training
from operant.envs.atari import ids as atari
from operant.lazy import nearest
from operant.studio.repeat import pairs

EPOCHS = 3  # over a dataset of texts, where nobody says how long


@dataclass(frozen=True)
class Asked:
    """One algorithm to train in one environment."""

    algorithm: str
    training: Any
    """How to train, a `Training`, or how to sweep, a `Sweeping`."""
    hyperparameters: dict[str, Any]
    curiosity: dict[str, Any]
    """The hyperparameters of the curiosity that `training` names."""
    preset: str
    """The name of the preset, whose values hold where no flag is typed; "none" without one."""
    name: str | None = None
    """The name of its table in a file of several runs."""
    start: str | None = None
    """The run or the model file from which training starts."""
    place: str = ""
    """Its place in that file."""


def read(algorithm: str, arguments: Sequence[str], kind: Any = Training, command: str = "train") -> Asked:
    """Read the arguments after the algorithm's name; those that are no hyperparameters are the fields of `kind`.

    Raises WrongInput or ValueError naming the wrong flag.
    """
    names = flag_names(algorithm, arguments, kind)
    arguments = habits.understood(arguments, names)
    if _names_environment(arguments):
        environment, preset = arguments[0], "auto"
    else:
        training, *_ = _parsed(algorithm, {}, arguments, kind, command)
        environment, preset = training.environment, training.preset
    said = atari.read(environment) if isinstance(environment, str) else None
    environment = environment if said is None else said.id
    known = presets.find(algorithm, environment, None if preset == "none" else preset)
    if isinstance(of_env := known.get("env_kwargs"), Mapping):
        known["env_kwargs"] = pairs(of_env)
    if isinstance(known.get("network"), str):  # a language model, which a flag of its own names
        known["model"] = known.pop("network")
    if preset.endswith(".toml"):
        _require_known(preset, known, names)
    if not _says_how_long(arguments):
        if (
            "total_timesteps" not in known
            and kind is Training
            and catalogue.algorithms()[algorithm]["learns_texts"]
        ):
            known = {"epochs": EPOCHS, **known}
    else:
        known.pop("epochs", None)
    training, hyperparameters, curiosity = _parsed(algorithm, known, arguments, kind, command)
    training.require_valid()
    if (model := getattr(training, "model", None)) is not None:
        _require_model(algorithm, model, hyperparameters, arguments)
    elif "model" in known and kind is not Training:
        raise ValueError(
            f"{environment} is learnt by a language model, which `operant {command}` does not take."
        )
    taken = f"{algorithm}/{presets.chosen(algorithm, environment, preset)}" if known else "none"
    taken = preset if preset.endswith(".toml") else taken
    return Asked(algorithm, training, hyperparameters, curiosity, taken)


def _parsed(
    name: str, defaults: Mapping[str, Any], arguments: Sequence[str], kind: Any, command: str
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    curious = _curiosity(arguments)
    documented = bool({"-h", "--help"} & set(arguments))
    defaults, tuned = dict(defaults), defaults.get("curiosity", {}).get(curious, {})
    if any(argument.partition("=")[0] == "--dataset" for argument in arguments):
        defaults["environment"] = NO_ENVIRONMENT
    defaults.pop("curiosity", None)  # a preset's values for each curiosity, of which one may be asked for
    own = fields_of(kind, documented=documented)
    listed = sequences((*own, *catalogue.hyperparameters(name)))
    arguments = without_brackets(arguments, listed | sequences(catalogue.curiosity(curious), "curiosity."))
    parts = {
        "training": flags(kind.__name__, own, defaults),
        "hyperparameters": flags(name, catalogue.hyperparameters(name), defaults),
        "curiosity": flags(curious, catalogue.curiosity(curious), tuned),
    }
    # Without a help text of its own, tyro would look for that of each part in the sources.
    everything = dataclasses.make_dataclass(
        name,
        [
            (part, Annotated[its, tyro.conf.arg(name="curiosity" if part == "curiosity" else "", help="")])
            for part, its in parts.items()
        ],
    )
    title = f"{command.capitalize()} {catalogue.algorithms()[name]['title']}"
    parsed: Any = parse(everything, f"operant {command} {name}", title, list(arguments), types())
    return kind(**values(parsed.training)), values(parsed.hyperparameters), values(parsed.curiosity)


def flag_names(algorithm: str, arguments: Sequence[str], kind: Any = Training) -> set[str]:
    """The names of all flags, with _ and without the names of their groups."""
    fields = (
        *fields_of(kind, documented=False),
        *catalogue.hyperparameters(algorithm),
        *catalogue.curiosity(_curiosity(arguments)),
    )
    return {field.name for field in fields}


def _require_known(file: str, values: Mapping[str, Any], names: set[str]) -> None:
    """Raise ValueError if a user's preset has a hyperparameter that the algorithm does not have."""
    for name in values:
        if name not in names:
            raise ValueError(f"--preset {file}: unknown value {name!r}. {nearest(name, names)}")


def _require_model(
    algorithm: str, model: str, hyperparameters: Mapping[str, Any], arguments: Sequence[str]
) -> None:
    """Raise ValueError where an algorithm has no network, or its network is described, too."""
    if not catalogue.algorithms()[algorithm]["takes_model"]:
        raise ValueError(f"--model {model}: {algorithm} has no network. Leave it out, or use ppo or grpo.")
    described = [argument for argument in arguments if argument.startswith("--network.")]
    if described:
        raise ValueError(f"--model {model} is the whole network: leave out {described[0]}.")


def _says_how_long(arguments: Sequence[str]) -> bool:
    typed = {argument.partition("=")[0].replace("_", "-") for argument in arguments}
    return not typed.isdisjoint({"--total-timesteps", "--epochs"})


def _names_environment(arguments: Sequence[str]) -> bool:
    """Whether the first of the arguments is the environment, and the preset its own: they need no reading to know."""
    named = bool(arguments) and not arguments[0].startswith("-")
    return named and not any(argument.startswith("--preset") for argument in arguments)


def _curiosity(arguments: Sequence[str]) -> str:
    """The curiosity that the arguments name, whose hyperparameters are flags themselves."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--curiosity", nargs="?", default="none")
    return parser.parse_known_args(arguments)[0].curiosity or "none"
