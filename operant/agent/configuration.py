"""The configuration of what is trained as JSON values, and the untrained core of one that a file holds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

from operant import curiosity, habits
from operant.agent import around, parallel_inputs, rewards
from operant.agent.core import Core
from operant.agent.recorded import Recorded
from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.engine.statistics import WINDOW
from operant.envs import arguments, stored
from operant.envs import registry as registry_of_environments
from operant.envs.ids import registered
from operant.envs.source import Backend, Source, Vectorization, one_of
from operant.envs.stored import Missing, NoEnvironment, StoredSource, require_same_spaces
from operant.envs.timeouts import require_timeout
from operant.envs.wrappers import registry as wrappers
from operant.fields import FileError, blamed, whole

WORKERS = ("workers", "fixed_lag", "max_lag", "worker_type")  # arguments of the agent
TOKENIZER = "tokenizer"  # a field of a network, and an argument of environments of text


def config(core: Core) -> dict[str, Any]:
    """Everything needed to make it again."""
    algorithm, curious, kl_penalty = around.parts(core.algorithm)
    given = dict(core.source.env_kwargs)
    if given.get(TOKENIZER) is tokenizer_of(core.algorithm):  # of the network, with which it is kept
        given.pop(TOKENIZER, None)
    given, reward_models = rewards.to_json(given)
    env_kwargs, not_kept = arguments.to_json(given)
    return {
        "algorithm": registry.name_of(algorithm),
        "hyperparameters": registry.to_json(algorithm),
        "curiosity": curiosity.to_json(curious),
        "kl_penalty": around.to_json(kl_penalty),
        "environment": core.source.id,
        "dataset": None if core.recorded is None else core.recorded.to_json(),
        "environment_given_as_id": isinstance(core.source.given, str),
        "env_kwargs": env_kwargs,
        "env_kwargs_not_kept": not_kept,  # the names of those that are objects of the user's
        **({"reward_models": reward_models} if reward_models else {}),  # the SHA-256 of each
        **stored.to_json(core.spec),
        "wrappers": [wrappers.to_json(wrapper) for wrapper in core.source.wrappers],
        "seed": core.seed,
        "seeds": None if core.seeds is None else list(core.seeds),
        "num_envs": core.num_envs,
        "backend": core.source.backend,
        "vectorization": core.source.vectorization,
        "env_timeout": core.source.env_timeout,
        "async_collect": core.learner.async_collect,
        "devices": core.learner.devices,
        **_of_workers(core),
        "stats_window_size": core.learner.window,
    }


def _of_workers(core: Core) -> dict[str, int | str | None]:
    workers = core.learner.workers
    if workers is None:
        return dict.fromkeys(WORKERS) | {"workers": None if core.algorithm.default_workers is None else 0}
    kind = None if workers.kind == "thread" else workers.kind
    return dict(zip(WORKERS, (workers.count, workers.fixed_lag, workers.max_lag, kind), strict=True))


def tokenizer_of(algorithm: Algorithm) -> Any:
    """That of the language model with which learning begins, or of the algorithm; None where there is none."""
    learner = algorithm.innermost
    return getattr(getattr(learner, "network", None), TOKENIZER, None) or getattr(learner, TOKENIZER, None)


def of_text(env: Any, env_kwargs: Mapping[str, Any] | None, tokenizer: Any) -> Mapping[str, Any] | None:
    """The keyword arguments of an environment: one of text that is named by its id has the model's tokeniser."""
    if not isinstance(env, str) or env not in registry_of_environments.TEXTS or tokenizer is None:
        return env_kwargs
    return {TOKENIZER: tokenizer, **(env_kwargs or {})}


@dataclass(frozen=True)
class Supplied:
    """What the caller gives: objects that no file can hold, and values that stand for those of the file."""

    env: Any = None
    network: Any = None
    wrappers: Any = None
    env_kwargs: Mapping[str, Any] | None = None
    algorithm: type[Algorithm] | None = None  # the class, where it is not one of operant's own
    values: Mapping[str, Any] = field(default_factory=dict)  # arguments of the agent, and hyperparameters

    def __post_init__(self) -> None:
        if self.algorithm is None:
            return
        if not (isinstance(self.algorithm, type) and issubclass(self.algorithm, Algorithm)):
            raise ValueError(
                f"algorithm={self.algorithm!r}: must be a class, a subclass of operant.Algorithm. The file has its "
                "hyperparameters."
            )

    @property
    def nothing(self) -> bool:
        """Whether the file alone says what to make."""
        return (self.env, self.network, self.wrappers, self.env_kwargs) == (None,) * 4 and not self.values


def from_config(
    path: str | Path, config: dict[str, Any], supplied: Supplied, tensors: int | None = None
) -> Core:
    """The untrained core of a file's configuration, with what the caller supplies.

    `config` has passed `formats.check_config`. Without an environment of the caller's none is made until it is played;
    what is made then is what is registered, and nothing that the file names is imported. `tensors` is how many there
    are to fill the networks with.

    Raises ValueError where something is missing, where the environment's spaces are not those of the config, and where
    the algorithm supplied is another one; FileError where the config says what cannot be.
    """
    kind = _require_whole(path, config, tensors, supplied)
    env, network, env_kwargs = supplied.env, supplied.network, supplied.env_kwargs
    values = config["hyperparameters"] | supplied.values
    if network is not None:
        values["network"] = network
    if "network" in values and values["network"] is None:
        raise ValueError("The network was a module of yours: pass it again as network=….")
    if isinstance(values.get("network"), Mapping) and registry.WEIGHTS in values["network"]:
        values["network"] = registry.pretrained(values["network"])
    own = {name: values.pop(name, config[name]) for name in ("seed", "seeds", "num_envs")}
    window = config.get("stats_window_size", WINDOW)  # not in files of before
    own["stats_window_size"] = values.pop("stats_window_size", window)
    own["async_collect"] = values.pop("async_collect", config.get("async_collect", False))
    own["devices"] = values.pop("devices", devices_of(config))
    numbers = [values.pop(name, config.get(name)) for name in WORKERS]
    address = values.pop("ray_address", None)  # not stored: another machine has another
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
        "vectorization": values.pop("vectorization", kept_vectorization(config["vectorization"], env)),
        "ray_address": None,
        "start_method": values.pop("start_method", None),  # not stored: systems differ in those they have
        "env_timeout": values.pop("env_timeout", config.get("env_timeout")),  # not in files of before
        "wrappers": wrappers.as_wrappers(
            config.get("wrappers", []) if supplied.wrappers is None else supplied.wrappers
        ),
        "env_kwargs": arguments.from_json(config, env, env_kwargs) if known or env is not None else {},
    }
    if what["vectorization"] == "ray":
        what["ray_address"], address = address, None
    named = expected.id if env is None and known else env
    what["env_kwargs"] = of_text(named, what["env_kwargs"], getattr(values.get("network"), TOKENIZER, None))
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
    with blamed(path, "config") if supplied.nothing else nullcontext():
        algorithm = registry.restore(kind, values)
        if dataset is not None:
            own["recorded"].spec, own["recorded"].algorithm = expected, algorithm
        algorithm = around.put(algorithm, config.get("curiosity"), config.get("kl_penalty"))
        own["workers"] = parallel_inputs.workers_of(algorithm, *numbers, ray_address=address)
        return Core(algorithm, source, **own)


def devices_of(config: Mapping[str, Any]) -> int | None:
    """The devices of a file, if there are as many here; None, as many as divide the seeds, where there are not."""
    devices = config.get("devices")  # not in files of before
    return devices if devices is None or devices <= len(jax.devices()) else None


def kept_vectorization(before: str, env: Any) -> Any:
    """How environments are stepped from now on, in `env` if that is given: only an id may have a vector version."""
    return before if before != "vector_entry_point" or env is None or isinstance(env, str) else "auto"


def _require_whole(
    path: str | Path, config: Mapping[str, Any], tensors: int | None, supplied: Supplied
) -> type[Algorithm]:
    """The class of a config's algorithm. Raises FileError where something in the config cannot be that is not supplied.

    A network has at least a tensor a layer, which is why a file of a few tensors cannot have thousands of layers.
    """
    kind, given = _class_of(path, config["algorithm"], supplied.algorithm), supplied.values
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
    with blamed(path, "config.kl_penalty"):
        around.penalty_of(config.get("kl_penalty"))
    return kind


def _class_of(path: str | Path, name: str, given: type[Algorithm] | None) -> type[Algorithm]:
    """The class that a file names: the one given, or one of operant's own. Nothing is imported that a file names."""
    if given is not None:
        names = [*registry.ALGORITHMS.names(given), given.__name__]
        if name not in names:
            raise ValueError(f"{path}: it is of the algorithm {name}, not of {given.__name__}.")
        return given
    if name.isidentifier() and name not in registry.ALGORITHMS and not name.islower():  # as a class is called
        raise FileError(
            f"{name} is not one of operant's algorithms. If it is a class of yours, give it: algorithm={name}.",
            path,
            "config.algorithm",
        )
    with blamed(path, "config.algorithm"):
        return registry.algorithm(name)


USUAL = 3  # convolutions by default, which a network without images names too, and does not have


def _require_layers(network: Any, tensors: int | None) -> None:
    if not isinstance(network, dict) or tensors is None:
        return
    if isinstance(transformer := network.get(registry.TRANSFORMER), dict):
        layers = transformer.get("layers", 0)
        if isinstance(layers, int) and layers > tensors:
            raise FileError(
                f"it is {layers:,}, and the file has {tensors:,} tensors.", field="network.transformer.layers"
            )
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
