"""The configuration of what is trained as JSON values, and the untrained core of one that a file holds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from operant import curiosity, habits
from operant.agent.core import Core
from operant.agent.recorded import Recorded
from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.engine.statistics import WINDOW
from operant.envs import arguments, stored
from operant.envs.ids import registered
from operant.envs.source import Backend, Source, Vectorization, one_of
from operant.envs.stored import Missing, NoEnvironment, StoredSource, require_same_spaces
from operant.envs.timeouts import require_timeout
from operant.envs.wrappers import registry as wrappers
from operant.fields import FileError, blamed, whole


def config(core: Core) -> dict[str, Any]:
    """Everything needed to make it again."""
    algorithm, curious = curiosity.parts(core.algorithm)
    env_kwargs, not_kept = arguments.to_json(core.source.env_kwargs)
    return {
        "algorithm": registry.name_of(algorithm),
        "hyperparameters": registry.to_json(algorithm),
        "curiosity": curiosity.to_json(curious),
        "environment": core.source.id,
        "dataset": None if core.recorded is None else core.recorded.to_json(),
        "environment_given_as_id": isinstance(core.source.given, str),
        "env_kwargs": env_kwargs,
        "env_kwargs_not_kept": not_kept,  # the names of those that are objects of the user's
        **stored.to_json(core.spec),
        "wrappers": [wrappers.to_json(wrapper) for wrapper in core.source.wrappers],
        "seed": core.seed,
        "seeds": None if core.seeds is None else list(core.seeds),
        "num_envs": core.num_envs,
        "backend": core.source.backend,
        "vectorization": core.source.vectorization,
        "env_timeout": core.source.env_timeout,
        "stats_window_size": core.learner.window,
    }


def from_config(
    path: str | Path,
    config: dict[str, Any],
    env: Any,
    network: Any,
    wrapped_in: Any,
    env_kwargs: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    tensors: int | None = None,
) -> Core:
    """The untrained core of a file's configuration, with the user's own environment, network and wrappers where given.

    `config` has passed `formats.check_config`. `given` are arguments of the agent and hyperparameters that stand for
    those of the configuration. Without `env` no environment is made until it is played; what is made then is what is
    registered, and nothing that the file names is imported. `tensors` is how many there are to fill the networks with.

    Raises ValueError where one of these is missing, and where the environment's spaces are not those of the config;
    FileError where the config says what cannot be.
    """
    kind = _require_whole(path, config, tensors, given or {})
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
    dataset = config.get("dataset")  # not in files of before
    if dataset is not None:
        own["recorded"] = Recorded.of(values.pop("dataset", None) or Recorded.from_json(dataset))
    with blamed(path, "config"):
        expected, whole_spec = stored.from_json(config)
    known = config["environment_given_as_id"]
    if env is None and not known and not whole_spec:
        raise ValueError(f"The environment {expected.id} was an object of yours: pass it again as env=….")
    what = {
        "backend": values.pop("backend", config["backend"] if env is None else "auto"),
        "vectorization": values.pop("vectorization", config["vectorization"]),
        "start_method": values.pop("start_method", None),  # not stored: systems differ in those they have
        "env_timeout": values.pop("env_timeout", config.get("env_timeout")),  # not in files of before
        "wrappers": wrappers.as_wrappers(config.get("wrappers", []) if wrapped_in is None else wrapped_in),
        "env_kwargs": arguments.from_json(config, env, env_kwargs) if known or env is not None else {},
    }
    if env is None and env_kwargs:
        arguments.check(expected.id, env_kwargs)
    if env is None and whole_spec:
        missing = Missing if dataset is None else NoEnvironment
        source = StoredSource(expected.id if known else missing(expected.id), **what, stored=expected)
    else:
        source = Source(registered(expected.id) if env is None else env, **what)
        require_same_spaces(expected, source.spec)  # before the algorithm has its say on other ones
    table = {**habits.CONSTRUCTOR, **habits.LOAD}
    habits.refuse(
        table, "load", [name for name in values if name in table and name not in kind.__dataclass_fields__]
    )
    theirs = (env, network, wrapped_in, env_kwargs, given or None) == (
        None,
    ) * 5  # the file alone says what to make
    with blamed(path, "config") if theirs else nullcontext():
        algorithm = registry.restore(kind, values)
        if dataset is not None:
            own["recorded"].spec = expected
        return Core(curiosity.make_curious(algorithm, config.get("curiosity")), source, **own)


def _require_whole(
    path: str | Path, config: Mapping[str, Any], tensors: int | None, given: Mapping[str, Any]
) -> type[Algorithm]:
    """The class of a config's algorithm. Raises FileError where something in the config cannot be that is not `given`.

    A network has at least a tensor a layer, which is why a file of a few tensors cannot have thousands of layers.
    """
    with blamed(path, "config.algorithm"):
        kind = registry.algorithm(config["algorithm"])
    hyperparameters = {name: value for name, value in config["hyperparameters"].items() if name not in given}
    with blamed(path, "config.hyperparameters"):
        _require_layers(hyperparameters.get("network"), tensors)
        network = {"network": hyperparameters.pop("network")} if hyperparameters.get("network") else {}
        registry.restore(kind, {**hyperparameters, **network})
    with blamed(path, "config"):
        one_of("backend", config["backend"], Backend)
        one_of("vectorization", config["vectorization"], Vectorization)
        require_timeout(config.get("env_timeout"))
    with blamed(path, "config.curiosity"):
        curiosity.curiosity(config.get("curiosity"))
    return kind


USUAL = 3  # convolutions by default, which a network without images names too, and does not have


def _require_layers(network: Any, tensors: int | None) -> None:
    if not isinstance(network, dict) or tensors is None:
        return
    for name in ("hidden_sizes", "value_hidden_sizes", "convolutions", "encoders"):
        layers = network.get(name)
        if isinstance(layers, list | dict) and len(layers) > max(tensors, USUAL):
            raise FileError(
                f"it has {len(layers):,} layers, and the file {tensors:,} tensors.", field=f"network.{name}"
            )
    layers = network.get("memory_layers", 1)
    if whole(1).fits(layers) and layers > max(tensors, 1):
        raise FileError(
            f"it is {layers:,}, and the file has {tensors:,} tensors.", field="network.memory_layers"
        )
