"""What a run's files say, without slow imports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from operant import decimals, formats, zoo
from operant.cli import modules
from operant.cli.errors import WrongInput, from_input
from operant.fields import FileError
from operant.studio import repeat

T = TypeVar("T")


def require(run: str | Path) -> dict[str, Any]:
    """The config of a run. Raises WrongInput for a directory that is not one, as `RunDirectory.open` would later."""
    return _read(run, formats.read_run)


def _read(run: str | Path, read: Callable[[Path], T]) -> T:
    """Read a file of a run. Raises WrongInput if there is no run."""
    with from_input():
        zoo.require_run(run)
    path = Path(run)
    try:
        return read(path)
    except OSError:
        missing = "it has no config.json of operant's" if path.is_dir() else "there is no such directory"
    except FileError as error:
        if error.field != formats.RUN:
            raise WrongInput(str(error)) from error
        missing = "it has no config.json of operant's"
    raise WrongInput(f"{str(run) if str(run).strip() else repr(run)} is not a run: {missing}.")


def describe(run: str | Path) -> str:
    """A description of a run: how it was trained, how far, its score, its files, and how to repeat it.

    Raises WrongInput if it is not a run, or its files are wrong.
    """
    config = require(run)
    try:
        return _described(Path(run), config)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WrongInput(
            f"{run}: its files are not as operant wrote them ({type(error).__name__}: {error})."
        ) from error


def _described(path: Path, config: dict[str, Any]) -> str:
    names = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir() if entry.name[0] != ".")
    rows = [
        ("run", str(path)),
        ("algorithm", config["algorithm"]),
        ("environment", config["environment"]),
        ("seeds", ", ".join(map(str, config.get("seeds") or [config.get("seed")]))),
        ("steps", _steps(path, config)),
        ("score", _score(path)),
        ("files", ", ".join(names)),
    ]
    lines = [f"{name:13}{value}" for name, value in rows]
    again = repeat.command_line(config)
    own = ", ".join(repeat.missing(config))
    lines += [
        "",
        "to train it again:",
        f"  {again}" if again else f"  in Python only: {own} was an object of yours",
    ]
    return "\n".join([*lines, "", repeat.python(config).rstrip()])


def checkpoints(run: str | Path) -> list[int]:
    """The steps of a run's checkpoints, in order."""
    directory = Path(run) / "checkpoints"
    return (
        sorted(int(each.name) for each in directory.iterdir() if each.name.isdigit())
        if directory.is_dir()
        else []
    )


def require_checkpoint(run: str | Path, step: int) -> None:
    """Raise WrongInput, naming the existing ones, if a run has no checkpoint at this step."""
    require(run)
    there = checkpoints(run)
    if step not in there:
        listed = ", ".join(map(str, there)) or "none"
        raise WrongInput(f"--checkpoint {step}: {run} has none of that step. There are: {listed}.")


def _steps(path: Path, config: dict[str, Any]) -> str:
    kept = checkpoints(path)
    reached = f"{kept[-1]:,}" if kept else "no checkpoint yet,"
    total = config.get("total_timesteps")
    return reached if total is None else f"{reached} of {total:,}"


def _score(path: Path) -> str:
    try:
        score = formats.read_evaluation(path / "evaluation.json")
    except OSError:
        return "none yet"
    if "mean" in score:
        value = decimals.score(score["mean"], score.get("interval"))
    else:
        median, mean = decimals.scores(score["median"], score["iqm"])
        value = f"median {median}, interquartile mean {mean} over {len(score['seeds'])} seeds, each"
    random = f" (random policy: {decimals.score(score['random']['mean'])})" if score.get("random") else ""
    return f"{value} over {score['episodes']} episodes{random}"


def model_config(model: str) -> dict[str, Any]:
    """The config of the agent in a model file, of the zoo, or a run. Raises WrongInput for anything else."""
    from safetensors import SafetensorError, safe_open

    with from_input():
        model = str(zoo.located(model))
    path = Path(model) / "model.safetensors" if Path(model).is_dir() else Path(model)
    if not path.is_file():
        raise WrongInput(f"{model}: the run has no model yet; go on with `operant resume {model}`.")
    try:
        with safe_open(path, "numpy") as file:
            return formats.model_metadata((file.metadata() or {}).get("metadata"), path)["config"]
    except (OSError, SafetensorError, FileError) as error:
        raise WrongInput(f"{model} is not a model of operant's ({error}).") from error


def require_module(config: dict[str, Any], imported: Iterable[str]) -> None:
    """Import the typed modules. Raises WrongInput if the environment of a config needs another one."""
    modules.load(imported)
    environment = config.get("environment")
    if isinstance(environment, str) and config.get("environment_given_as_id", True):
        modules.require_imported(environment, imported)


def require_model(model: str) -> None:
    """Raise WrongInput if there is neither a run nor a file, nor something of this name in the zoo."""
    with from_input():
        path = Path(zoo.located(model))
    if path.is_dir():
        _read(path, formats.require_run)
    elif not path.is_file():
        raise WrongInput(f"{model}: there is no such run or model file.")
