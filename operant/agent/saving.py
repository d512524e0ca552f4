"""An agent as files: its configuration as JSON values, its model as safetensors. Nothing that is read is executed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import jax
import numpy as np

from operant import curiosity, habits
from operant.agent.best import Best
from operant.agent.learner import Begun
from operant.algorithms import registry
from operant.engine import files
from operant.engine.checkpoint import latest_checkpoint, load_checkpoint
from operant.engine.log import STEP, read_rows
from operant.engine.run_directory import RunDirectory
from operant.engine.statistics import WINDOW
from operant.envs import arguments, stored
from operant.envs.source import Source
from operant.envs.stored import Missing, StoredSource, require_same_spaces
from operant.envs.wrappers import registry as wrappers

if TYPE_CHECKING:
    from operant.agent.agent import Agent

FORMAT = "operant-model-1"
ROWS = 200  # of metrics, in a model file
BEST_MODEL = "model.safetensors"  # in a run's best/


def config(agent: Agent) -> dict[str, Any]:
    """Everything needed to make an agent again."""
    algorithm, curious = curiosity.parts(agent.algorithm)
    env_kwargs, not_kept = arguments.to_json(agent.source.env_kwargs)
    return {
        "algorithm": registry.name_of(algorithm),
        "hyperparameters": registry.to_json(algorithm),
        "curiosity": curiosity.to_json(curious),
        "environment": agent.source.id,
        "environment_given_as_id": isinstance(agent.source.given, str),
        "env_kwargs": env_kwargs,
        "env_kwargs_not_kept": not_kept,  # the names of those that are objects of the user's
        **stored.to_json(agent.spec),
        "wrappers": [wrappers.to_json(wrapper) for wrapper in agent.source.wrappers],
        "seed": agent.seed,
        "seeds": None if agent.seeds is None else list(agent.seeds),
        "num_envs": agent.num_envs,
        "backend": agent.source.backend,
        "vectorization": agent.source.vectorization,
        "stats_window_size": agent.learner.window,
    }


def from_config(
    cls: type[Agent],
    config: dict[str, Any],
    env: Any,
    network: Any,
    wrapped_in: Any,
    env_kwargs: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Agent:
    """The untrained agent of a configuration, with the user's own environment, network and wrappers where given.

    `given` are arguments of the agent and hyperparameters that stand for those of the configuration. Without `env` no
    environment is made until it is played.

    Raises ValueError where one of these is missing, and where the environment's spaces are not those of the config.
    """
    values = (
        dict(config["hyperparameters"])
        | dict(given or {})
        | ({} if network is None else {"network": network})
    )
    if "network" in values and values["network"] is None:
        raise ValueError("The network was a module of yours: pass it again as network=….")
    own = {name: values.pop(name, config[name]) for name in ("seed", "seeds", "num_envs")}
    window = config.get("stats_window_size", WINDOW)  # not in files of before
    own["stats_window_size"] = values.pop("stats_window_size", window)
    expected, whole = stored.from_json(config)
    known = config["environment_given_as_id"]
    if env is None and not known and not whole:
        raise ValueError(f"The environment {expected.id} was an object of yours: pass it again as env=….")
    what = {
        "backend": values.pop("backend", config["backend"] if env is None else "auto"),
        "vectorization": values.pop("vectorization", config["vectorization"]),
        "start_method": values.pop("start_method", None),  # not stored: systems differ in those they have
        "wrappers": wrappers.as_wrappers(config.get("wrappers", []) if wrapped_in is None else wrapped_in),
        "env_kwargs": arguments.from_json(config, env, env_kwargs) if known or env is not None else {},
    }
    if env is None and whole:
        source = StoredSource(expected.id if known else Missing(expected.id), **what, stored=expected)
    else:
        source = Source(expected.id if env is None else env, **what)
        require_same_spaces(expected, source.spec)  # before the algorithm has its say on other ones
    kind = registry.algorithm(config["algorithm"])
    table = {**habits.CONSTRUCTOR, **habits.LOAD}
    habits.refuse(
        table, "load", [name for name in values if name in table and name not in kind.__dataclass_fields__]
    )
    algorithm = registry.restore(kind, values)
    return cls(curiosity.make_curious(algorithm, config.get("curiosity")), source, **own)


def save(agent: Agent, path: str | Path | IO[bytes]) -> None:
    """Write what the agent has learnt, with its configuration. Directories are made as needed."""
    metadata = {"format": FORMAT, "config": config(agent), **progress(agent)}
    if not isinstance(path, str | os.PathLike):
        with tempfile.TemporaryDirectory() as directory:
            save(agent, Path(directory) / BEST_MODEL)
            path.write((Path(directory) / BEST_MODEL).read_bytes())
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    files.save_tree(path, agent.state, metadata)


def progress(agent: Agent) -> dict[str, Any]:
    """How far training has come, as JSON values: the step, and at most `ROWS` rows of metrics, without times."""
    rows = agent.history
    if len(rows) > ROWS:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, ROWS).astype(int)]
    names = sorted({name for row in rows for name in row if not name.startswith("time/") or name == STEP})
    return {
        "step": agent.step,
        "iteration": agent.learner.iteration,
        "history": {
            name: [np.asarray(row[name]).tolist() if name in row else None for row in rows] for name in names
        },
    }


def rows_of(history: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """The rows of metrics that `progress` wrote."""
    count = max(map(len, history.values()), default=0)
    return [
        {
            name: np.asarray(values[i]) if isinstance(values[i], list) else values[i]
            for name, values in history.items()
            if values[i] is not None
        }
        for i in range(count)
    ]


def save_best(agent: Agent, directory: RunDirectory) -> None:
    """Write the best model so far, of all seeds, into a run directory, with its score."""
    best = agent.best_so_far
    assert best is not None
    directory.best.mkdir(exist_ok=True)
    metadata = {"format": FORMAT, "config": config(agent), "evaluation": best.to_json(), **progress(agent)}
    files.save_tree(directory.best / BEST_MODEL, best.state, metadata)


def load_best(agent: Agent, directory: RunDirectory) -> Best | None:
    """The best model that a run of this agent kept, if it did."""
    path = directory.best / BEST_MODEL
    if not path.exists():
        return None
    state = files.load_tree(path, jax.eval_shape(agent.learner.initial_state))
    return Best.from_json(files.read_metadata(path)["evaluation"], state)


def load(
    cls: type[Agent],
    path: str | Path | IO[bytes],
    env: Any,
    network: Any,
    wrapped_in: Any,
    best: bool,
    env_kwargs: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Agent:
    """The agent of a model file, or of the last or the best model in a run directory."""
    given = dict(given or {})
    if not isinstance(path, str | os.PathLike):
        if not hasattr(path, "read"):
            raise TypeError(f"load takes the path of a model file or a run, or an open file; got {path!r}.")
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / BEST_MODEL).write_bytes(path.read())
            return load(cls, Path(directory) / BEST_MODEL, env, network, wrapped_in, best, env_kwargs, given)
    if best and Path(path).is_file():
        raise ValueError(f"{path} is a file: best=True (--best) takes the directory of a run.")
    if best or Path(path).is_dir():
        path = _model_of(RunDirectory.open(path), best)
    try:
        metadata = files.read_metadata(path)
    except ValueError:
        _require_ours(Path(path))
        raise
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} is not a model of operant's (format {metadata.get('format')!r}, not {FORMAT!r})."
        )
    agent = from_config(cls, metadata["config"], env, network, wrapped_in, env_kwargs, given)
    try:
        state = files.load_tree(path, jax.eval_shape(agent.learner.initial_state))
    except ValueError as error:
        named = given if network is None else {**given, "network": network}
        if not named:
            raise
        raise ValueError(
            f"load(…, {', '.join(f'{name}={value!r}' for name, value in named.items())}): with these, something else "
            f"would be learnt than {path} holds. Leave out what changes the network, the optimizer or the seeds."
        ) from error
    evaluation = metadata.get("evaluation", {})
    step = evaluation.get("step", metadata.get("step", 0))
    agent.learner.state, agent.learner.begun = state, Begun(step, metadata.get("iteration", 0))
    agent.history = [row for row in rows_of(metadata.get("history", {})) if row[STEP] <= agent.step]
    # As the model of a run is that of its best seed, so is the best model.
    return agent if not best or agent.seeds is None else agent[int(np.argmax(evaluation["mean_reward"]))]


def _require_ours(path: Path) -> None:
    """Raise ValueError, saying what it is, for a file that some other library wrote."""
    with path.open("rb") as file:
        beginning = file.read(4)
    if beginning == b"PK\x03\x04":
        raise ValueError(
            f"{path} is a zip, as Stable-Baselines3 and PyTorch write them: it holds code, which operant does not "
            "run. Train again here, or give the weights as arrays: agent.set_parameters({…})."
        )
    if beginning[:1] == b"\x80":
        raise ValueError(
            f"{path} is a pickle: what is in it is code, which operant does not run. Train again here."
        )


def _model_of(directory: RunDirectory, best: bool) -> Path:
    path = directory.best / BEST_MODEL if best else directory.model_file
    if path.exists():
        return path
    if best:
        raise FileNotFoundError(
            f"{directory.path} kept no best model: train with evaluate_every=… (--evaluate-every on the command line)."
        )
    hint = ", or take the best so far: best=True, --best" if (directory.best / BEST_MODEL).exists() else ""
    raise FileNotFoundError(
        f"The run has no model yet: finish it with `operant resume {directory.path}`{hint}."
    )


def restore(
    cls: type[Agent],
    run_dir: str | Path,
    env: Any,
    network: Any,
    wrapped_in: Any,
    env_kwargs: Mapping[str, Any] | None = None,
    step: int | None = None,
) -> Agent:
    """The agent as it was at the last checkpoint of a run, or at that of a step."""
    directory = RunDirectory.open(run_dir)
    path = latest_checkpoint(directory.checkpoints) if step is None else directory.checkpoints / str(step)
    if path is None:
        raise FileNotFoundError(
            f"{run_dir} has no checkpoint to resume from; start it again with --overwrite."
        )
    agent = from_config(cls, directory.read_config(), env, network, wrapped_in, env_kwargs)
    run, _ = load_checkpoint(path, agent.learner.started(emit=False))
    agent.learner.restored(run)
    if directory.metrics_file.exists():
        agent.history = [row for row in read_rows(directory.metrics_file) if row[STEP] <= agent.step]
        agent.learner.count_updates(agent.history)
    agent.best_so_far = load_best(agent, directory)
    return agent
