"""A run's config as the one line on the command line, and as the Python, that trains it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from operant import catalogue

AGENT = (
    "dataset",
    "seed",
    "seeds",
    "num_envs",
    "backend",
    "vectorization",
    "env_timeout",
    "async_collect",
    "devices",
    "workers",
    "fixed_lag",
    "max_lag",
    "worker_type",
    "stats_window_size",
)
LEARN = ("checkpoint_every", "keep_checkpoints", "checkpoint_replay", "evaluate_every", "evaluation_episodes")
# What a config says of training, where it is as usual.
USUAL = {
    "seed": 0,
    "backend": "auto",
    "vectorization": "sync",
    "env_timeout": None,
    "async_collect": False,
    "devices": None,
    "workers": None,
    "fixed_lag": None,
    "max_lag": None,
    "worker_type": None,
    "stats_window_size": 100,
    "checkpoint_every": None,
    "keep_checkpoints": 2,
    "checkpoint_replay": True,
    "evaluate_every": None,
    "evaluation_episodes": 20,
}


def command_line(config: Mapping[str, Any]) -> str:
    """`operant train …`; "" if the run had objects that cannot be typed, which only Python can repeat."""
    words = arguments(config)
    return "" if words is None else shlex.join(["operant", "train", *words])


def arguments(config: Mapping[str, Any]) -> list[str] | None:
    """The arguments of `operant train` that repeat the run of a config; None if there are none."""
    if missing(config):
        return None
    name = config["algorithm"]
    words = [name, *([config["environment"]] if _named(config) else []), "--preset", "none"]
    for key, value in _training(config).items():
        words += flag(key, value)
    if config.get("env_kwargs"):
        words += ["--env-kwargs", *pairs(config["env_kwargs"])]
    if config.get("wrappers"):
        words += ["--wrappers", *map(wrapper, config["wrappers"])]
    for key, value in changed(catalogue.hyperparameters(name), config["hyperparameters"]):
        words += flag(key, value)
    words += _model(config["hyperparameters"].get("network"))
    curious = dict(config.get("curiosity") or {})
    if curious:
        words += flag("curiosity", curious["name"])
        for key, value in changed(catalogue.curiosity(curious.pop("name")), curious):
            words += flag(f"curiosity.{key}", value)
    if config.get("kl_penalty"):
        words += flag("kl_penalty", _penalty(config["kl_penalty"]))
    return words


def python(config: Mapping[str, Any]) -> str:
    """A Python script that does the same; objects that no file can hold are names to be defined."""
    own = missing(config)
    name = config["algorithm"] if "algorithm" not in own else None
    trained = _training(config)
    parts = [] if name else ["algorithm"]
    if _named(config):
        parts.append("environment" if "environment" in own else repr(config["environment"]))
    if "dataset" in own:
        parts.append("dataset=dataset")
    parts += ["preset=None"] * bool(name)
    parts += [f"{key}={trained[key]!r}" for key in AGENT if key in trained]
    if config.get("env_kwargs"):
        parts.append(f"env_kwargs={config['env_kwargs']!r}")
    if "wrappers" in own:
        parts.append("wrappers=wrappers")
    elif config.get("wrappers"):
        parts.append(f"wrappers={list(map(wrapper, config['wrappers']))!r}")
    if name:
        others = changed(catalogue.hyperparameters(name), config["hyperparameters"])
        parts += [f"{key}={_plain(value)!r}" for key, value in others if key not in own]
        parts += [f"{key}={key}" for key in own if key in config["hyperparameters"]]
        if (
            model := _language(config["hyperparameters"].get("network"))
        ) is not None and "network" not in own:
            parts.append(
                f"network={model[0]!r}" if model[1] is None else f"network=operant.pretrained{model!r}"
            )
    if config.get("curiosity"):
        curious = config["curiosity"]["name"]
        others = changed(catalogue.curiosity(curious), config["curiosity"])
        parts.append(f"curiosity={ {'name': curious, **{key: _plain(value) for key, value in others}}!r}")
    if config.get("kl_penalty"):
        parts.append(f"kl_penalty={dict(config['kl_penalty'])!r}")
    learn = [f"{trained['total_timesteps']:_}"] if "total_timesteps" in trained else []
    learn += [f"{key}={trained[key]!r}" for key in LEARN if key in trained]
    lines = ["import operant", ""]
    lines += [f"# {what}: give the one that this run was trained with; no file holds it." for what in own]
    constructor = catalogue.algorithms()[name]["constructor"] if name else "Agent"
    body = "".join(f"    {part},\n" for part in parts)
    lines += [f"agent = operant.{constructor}(\n{body})", f"agent.learn({', '.join(learn)})"]
    return "\n".join(lines) + "\n"


def missing(config: Mapping[str, Any]) -> list[str]:
    """The arguments that were objects of the user's, which no file holds."""
    found = []
    if config["algorithm"] not in catalogue.algorithms():
        return ["algorithm"]
    if _named(config) and not config.get("environment_given_as_id", True):
        found.append("environment")
    if config.get("dataset") and not config["dataset"].get("path"):
        found.append("dataset")
    found += [f"env_kwargs[{name!r}]" for name in config.get("env_kwargs_not_kept") or ()]
    functions = ("potential-shaping",)
    if any(
        each["name"] in functions or each["name"] not in catalogue.wrappers()
        for each in config.get("wrappers") or ()
    ):
        found.append("wrappers")
    typed = {each.name: each for each in catalogue.hyperparameters(config["algorithm"])}
    for name, value in config["hyperparameters"].items():
        model = _language(value)
        nowhere = value is None or (model is not None and model[0] is None)
        network = name in typed and typed[name].hint is catalogue.Network
        network |= name == "network" and catalogue.algorithms()[config["algorithm"]]["takes_model"]
        subwords = (
            isinstance(value, Mapping) and value.get("kind") == "subwords"
        )  # of a folder that nobody noted
        if (network and nowhere) or subwords or (name not in typed and not network and value is not None):
            found.append(name)
    return found


def flag(name: str, value: Any) -> list[str]:
    """A flag with its value, as words."""
    spelt = name.replace("_", "-")
    if isinstance(value, bool):
        group, dot, last = spelt.rpartition(".")
        return [f"--{spelt}" if value else f"--{group}{dot}no-{last}"]
    if isinstance(value, Mapping):  # a network
        return [word for key, part in value.items() for word in flag(f"{name}.{key}", part)]
    if name == "seeds" and isinstance(value, list):
        return ["--seeds", ",".join(map(str, value))]
    if isinstance(value, list | tuple):
        return [f"--{spelt}", *(word for part in value for word in _words(part))]
    return [f"--{spelt}", "none" if value is None else str(value)]


def pairs(env_kwargs: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as the command line takes them, such as is_slippery=false."""
    return [f"{key}={_typed(value)}" for key, value in env_kwargs.items()]


def wrapper(values: Mapping[str, Any] | str) -> str:
    """A wrapper as the command line takes it, such as repeat:4."""
    if isinstance(values, str):
        return values
    parts = [part for name, part in values.items() if name != "name"]
    texts = [",".join(map(str, part)) if isinstance(part, list | tuple) else _typed(part) for part in parts]
    return ":".join([values["name"], *texts])


def _words(part: Any) -> Iterator[str]:
    if isinstance(part, list | tuple):
        if len(part) == 2 and isinstance(part[0], str):  # an encoder: its key and its sizes
            yield f"{part[0]}:{','.join(map(str, part[1]))}"
        else:  # a convolution
            yield from map(str, part)
    else:
        yield str(part)


def _typed(value: Any) -> str:
    """A value of an environment or a wrapper, as text that is read back as the same value."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return "none" if value is None else json.dumps(value)


def _named(config: Mapping[str, Any]) -> bool:
    """Whether an environment was named, as it must be where nothing is learnt from a dataset."""
    return not config.get("dataset") or config.get("environment_given_as_id", True)


def _training(config: Mapping[str, Any]) -> dict[str, Any]:
    """The training arguments that differ from their defaults."""
    found = {"total_timesteps": config["total_timesteps"]} if config.get("total_timesteps") else {}
    found |= {key: config[key] for key, usual in USUAL.items() if config.get(key, usual) != usual}
    if config.get("dataset") and config["dataset"].get("path"):
        found["dataset"] = config["dataset"]["path"]
    seeds = config.get("seeds")
    if seeds is not None:
        first = config.get("seed", 0)
        upwards = list(seeds) == list(range(first, first + len(seeds)))
        found["seeds"] = len(seeds) if upwards else list(seeds)
    if config.get("num_envs") and not config.get("dataset"):
        found["num_envs"] = config["num_envs"]
    return found


def changed(
    fields: Sequence[catalogue.Hyperparameter], values: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The hyperparameters that differ from their defaults, by name; of a network a dict of them."""
    for field in fields:
        value = values.get(field.name, catalogue.before().get(field.name, field.default))
        if field.hint is catalogue.Network:
            if isinstance(value, Mapping) and _language(value) is None:
                usual = field.default
                parts = (
                    replace(part, default=usual.get(part.name, part.default)) for part in catalogue.network()
                )
                value = dict(changed(tuple(parts), value))
                if value:
                    yield field.name, value
        elif catalogue.tuples(value) != field.default:
            simple = field.name == "tokenizer" and isinstance(value, Mapping)
            yield field.name, value["kind"] if simple else value


def _language(network: Any) -> tuple[str | None, str | None] | None:
    """`(the text that names it, its LoRA)` of a network that is a language model; None of another one."""
    if isinstance(network, Mapping) and isinstance(values := network.get("transformer"), Mapping):
        return "transformer:" + ",".join(f"{name}={_typed(value)}" for name, value in values.items()), None
    if not isinstance(network, Mapping) or "weights" not in network:
        return None
    lora = network.get("lora")
    if lora is None:
        return network.get("path"), None
    return network.get("path"), f"{lora['rank']}:{lora['alpha']:g}:{','.join(lora['layers'])}"


def _model(network: Any) -> list[str]:
    """The flags that name a language model."""
    path, lora = _language(network) or (None, None)
    return ([] if path is None else ["--model", path]) + ([] if lora is None else ["--lora", lora])


def _penalty(values: Mapping[str, Any]) -> str:
    """A KL penalty as the command line takes it."""
    parts = [_typed(values[name]) for name in ("coefficient", "target", "gain")]
    return ":".join([*parts, "whiten"] if values.get("whiten") else parts)


def _plain(value: Any) -> Any:
    """Lists as tuples, as Python's users write them."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return catalogue.tuples(value)
