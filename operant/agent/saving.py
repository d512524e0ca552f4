"""An agent as files: its configuration as JSON values, its model as safetensors. Nothing that is read is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from operant import curiosity, spaces
from operant.agent.best import Best
from operant.agent.inputs import require_same_spaces
from operant.algorithms import registry
from operant.engine import files
from operant.engine.checkpoint import latest_checkpoint, load_checkpoint
from operant.engine.log import STEP, read_rows
from operant.engine.run_directory import RunDirectory
from operant.envs import arguments
from operant.envs.source import Source
from operant.envs.wrappers import registry as wrappers
from operant.types import EnvSpec

if TYPE_CHECKING:
    from operant.agent.agent import Agent

FORMAT = "operant-model-1"
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
        "observation_space": spaces.to_json(agent.spec.observation_space),
        "action_space": spaces.to_json(agent.spec.action_space),
        "wrappers": [wrappers.to_json(wrapper) for wrapper in agent.source.wrappers],
        "max_episode_steps": agent.spec.max_episode_steps,
        "masked": agent.spec.masked,
        "seed": agent.seed,
        "seeds": None if agent.seeds is None else list(agent.seeds),
        "num_envs": agent.num_envs,
        "backend": agent.source.backend,
        "vectorization": agent.source.vectorization,
    }


def from_config(
    cls: type[Agent],
    config: dict[str, Any],
    env: Any,
    network: Any,
    wrapped_in: Any,
    env_kwargs: Mapping[str, Any] | None = None,
) -> Agent:
    """The untrained agent of a configuration, with the user's own environment, network and wrappers where given.

    Raises ValueError where one of these is missing, and where the environment's spaces are not those of the config.
    """
    hyperparameters = dict(config["hyperparameters"])
    if network is not None:
        hyperparameters["network"] = network
    elif "network" in hyperparameters and hyperparameters["network"] is None:
        raise ValueError("The network was a module of yours: pass it again as network=….")
    if env is None and not config["environment_given_as_id"]:
        raise ValueError(
            f"The environment {config['environment']} was an object of yours: pass it again as env=…."
        )
    source = Source(
        config["environment"] if env is None else env,
        config["backend"] if env is None else "auto",
        config["vectorization"],
        wrappers.as_wrappers(config.get("wrappers", []) if wrapped_in is None else wrapped_in),
        arguments.from_json(config, env, env_kwargs),
    )
    expected = EnvSpec(
        config["environment"],
        spaces.from_json(config["observation_space"]),
        spaces.from_json(config["action_space"]),
    )
    require_same_spaces(expected, source.spec)  # before the algorithm has its say on other ones
    algorithm = registry.restore(registry.algorithm(config["algorithm"]), hyperparameters)
    return cls(
        curiosity.make_curious(algorithm, config.get("curiosity")),
        source,
        seed=config["seed"],
        seeds=config["seeds"],
        num_envs=config["num_envs"],
    )


def save(agent: Agent, path: str | Path) -> None:
    """Write what the agent has learnt, with its configuration. Directories are made as needed."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    files.save_tree(path, agent.state, {"format": FORMAT, "config": config(agent)})


def save_best(agent: Agent, directory: RunDirectory) -> None:
    """Write the best model so far, of all seeds, into a run directory, with its score."""
    best = agent.best_so_far
    assert best is not None
    directory.best.mkdir(exist_ok=True)
    metadata = {"format": FORMAT, "config": config(agent), "evaluation": best.to_json()}
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
    path: str | Path,
    env: Any,
    network: Any,
    wrapped_in: Any,
    best: bool,
    env_kwargs: Mapping[str, Any] | None = None,
) -> Agent:
    """The agent of a model file, or of the last or the best model in a run directory."""
    if best and Path(path).is_file():
        raise ValueError(f"{path} is a file: best=True (--best) takes the directory of a run.")
    if best or Path(path).is_dir():
        path = _model_of(RunDirectory.open(path), best)
    metadata = files.read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} is not a model of operant's (format {metadata.get('format')!r}, not {FORMAT!r})."
        )
    agent = from_config(cls, metadata["config"], env, network, wrapped_in, env_kwargs)
    agent.learner.state = files.load_tree(path, jax.eval_shape(agent.learner.initial_state))
    # As the model of a run is that of its best seed, so is the best model.
    return (
        agent
        if not best or agent.seeds is None
        else agent[int(np.argmax(metadata["evaluation"]["mean_reward"]))]
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
    agent.best_so_far = load_best(agent, directory)
    return agent
