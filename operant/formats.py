"""What operant's files hold, field by field: models, runs, checkpoints and scores. Nothing that is slow is imported.

Every reader of a file goes through here first, so that what a file says is of the kinds that operant writes, and of
sizes that it can have, before anything is made of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from operant.fields import (
    COUNT,
    FLAG,
    NUMBER,
    TABLE,
    TEXT,
    FileError,
    Kind,
    blamed,
    brief,
    check,
    either,
    optional,
    parse,
    read_json,
    several,
    table,
    whole,
)

MODEL = "operant-model-1"
RUN = "operant_version"  # in a run's config.json: without it, any directory with a config.json would pass for a run
# Parts of the names of arrays in model files and checkpoints, and what operant 0.1 called them: they are read still.
RENAMED = {
    "lagged_networks": "older",
    "next_index": "following",
    "size": "filled",  # of the replay
    "frame_index": "places",
    "carry": "memory",
    "core": "memory",
    "critic_core": "critic_memory",
}
LATER = (
    "exploration."  # arrays of runs that earlier checkpoints do not have: they are as in a run that begins
)
STEPS = whole(0, 2**31 - 1)  # counted in int32
NUMBERS = either(NUMBER, several(NUMBER))  # of one learner, or of several

CONFIG = {
    "algorithm": TEXT,
    "hyperparameters": TABLE,
    "curiosity": optional(TABLE).later,
    "kl_penalty": optional(TABLE).later,
    "environment": TEXT,
    "environment_given_as_id": FLAG,
    "dataset": optional(TABLE).later,
    "env_kwargs": TABLE.later,
    "env_kwargs_not_kept": several(TEXT).later,
    "reward_models": TABLE.later,
    "observation_space": TABLE,
    "action_space": TABLE,
    "border": TABLE.later,
    "max_episode_steps": optional(COUNT).later,
    "masked": FLAG.later,
    "goals": FLAG.later,
    "dummy_steps": FLAG.later,
    "frame_stack": whole(1, 10_000).later,
    "wrappers": several(TABLE).later,
    "seed": whole(),
    "seeds": optional(several(whole(), at_least=1)),
    "num_envs": whole(1, 2**31 - 1),
    "backend": TEXT,
    "vectorization": TEXT,
    "env_timeout": optional(NUMBER).later,
    "async_collect": FLAG.later,
    "devices": optional(COUNT).later,
    "workers": optional(whole(0, 100_000)).later,
    "fixed_lag": optional(whole()).later,
    "max_lag": optional(whole()).later,
    "worker_type": optional(TEXT).later,
    "stats_window_size": whole(1, 2**31 - 1).later,
}
PLAN = {  # of a run, in its config, too
    "total_timesteps": whole(1, 2**31 - 1),
    "chunk_size": COUNT,
    "checkpoint_every": optional(COUNT).later,
    "evaluate_every": optional(COUNT).later,
    "evaluation_episodes": COUNT.later,
    "keep_checkpoints": COUNT.later,
    "checkpoint_replay": FLAG.later,
}
PROGRESS = {
    RUN: TEXT.later,
    "step": either(STEPS, several(STEPS, at_least=1)).later,
    "iteration": STEPS.later,
    "history": TABLE.later,
    "evaluation": TABLE.later,
}
BEST = {"mean_reward": NUMBERS, "mean_ep_length": NUMBERS, "step": NUMBERS, "episodes": COUNT}
MANIFEST = {"versions": TABLE.later, "step": STEPS, "sha256": TEXT, "config": TABLE, "tensors": TABLE}
SCORE = {
    "environment": TEXT,
    "returns": several(NUMBER, at_least=1),
    "lengths": several(whole(), at_least=1),
    "seed": whole(),
    "mean": NUMBER,
    "interval": optional(several(NUMBER, at_least=2)),
    "episodes": COUNT,
    "random": optional(TABLE).later,
    "cut": whole().later,
    "successes": several(FLAG, at_least=1).later,
    "protocol": optional(TEXT).later,
}

STUDY = {"environment": TEXT, "median": NUMBER, "iqm": NUMBER, "episodes": COUNT, "seeds": TABLE}

SPACES: dict[str, dict[str, Kind]] = {
    "Box": {"shape": several(whole()), "dtype": TEXT},
    "Discrete": {"n": COUNT},
    "MultiDiscrete": {},
    "MultiBinary": {"n": either(COUNT, several(COUNT))},
    "Dict": {},
    "Tuple": {},
}
DTYPES = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64"),
)


def _is_numbers(value: Any) -> bool:
    """Whether it is a number, a number as text (JSON has no infinities), or lists of these."""
    if isinstance(value, list):
        return all(map(_is_numbers, value))
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return NUMBER.fits(value)


NUMERIC = Kind("a number, or a list of them", _is_numbers)
MOST_NUMBERS = 2**25  # of all spaces of a file together: an observation of 4K in colour has 25 million
MOST_PARTS = 1000  # of all Dicts and Tuples together


def earlier_name(name: str) -> str:
    """What an array of this name, such as `state.network.policy_head.output.weight`, was called by operant 0.1."""
    return ".".join(RENAMED.get(part, part) for part in name.split("."))


def read_run(path: str | Path) -> dict[str, Any]:
    """The config of the run in a directory, as it is in `config.json`.

    Raises FileError, and OSError where there is none; a config.json of something else has no `RUN`.
    """
    with blamed(Path(path) / "config.json"):
        return check_config(require_run(path), PLAN)


def require_run(path: str | Path) -> dict[str, Any]:
    """The same, of which only that it is operant's has been looked at."""
    values = read_json(Path(path) / "config.json")
    if RUN not in values:
        raise FileError("it is not operant's: it has no version of it.", Path(path) / "config.json", RUN)
    return values


def read_evaluation(path: str | Path) -> dict[str, Any]:
    """The score in an `evaluation.json`, of one learner or, with "seeds", of several. Raises FileError, and OSError."""
    values = read_json(path)
    with blamed(path):
        if "seeds" not in values:
            return check_score(values)
        if not check(values, STUDY)["seeds"]:
            raise FileError("it is empty.", field="seeds")
        for seed, score in values["seeds"].items():
            if not (seed.isascii() and seed.isdigit()):
                raise FileError("must be a whole number.", field=f"seeds.{brief(seed)}")
            with blamed(field=f"seeds.{seed}"):
                check_score(score)
        if values.get("random") is not None:
            with blamed(field="random"):
                check_score(values["random"])
    return values


def check_score(values: Any) -> dict[str, Any]:
    """The score of one learner itself. Raises FileError."""
    check(values, SCORE)
    for name in ("lengths", "successes"):
        if len(values.get(name, values["returns"])) != len(values["returns"]):
            raise FileError("it has another number of episodes than returns.", field=name)
    if values.get("random") is not None:
        with blamed(field="random"):
            check_score(values["random"])
    return values


def model_metadata(text: str | None, path: str | Path) -> dict[str, Any]:
    """What a model file says, of its text. Raises FileError for what is no model of operant's, or a later version's."""
    with blamed(path):
        values = table(parse(text or "{}", field="metadata"), field="metadata")
        found = values.get("format")
        if found != MODEL:
            later = isinstance(found, str) and found.startswith("operant-model-")
            raise FileError(
                f"the format is {found}, of a later version of operant; this one reads {MODEL}: upgrade operant-rl."
                if later
                else f"it is not a model of operant's (format {brief(found)}, not {MODEL!r})."
            )
        check(values, PROGRESS)
        if "evaluation" in values:
            check(values["evaluation"], BEST, "evaluation")
        _check_history(values.get("history", {}))
        with blamed(field="config"):
            check_config(values.get("config"))
    return values


def check_config(values: Any, more: Mapping[str, Kind] | None = None) -> dict[str, Any]:
    """The config of an agent itself. Raises FileError naming the field that is missing, of another kind, or too large.

    `more` are the kinds of further fields.
    """
    check(values, {**CONFIG, **(more or {})})
    if values.get("dataset") is not None:
        check(values["dataset"], DATASET, "dataset")
    places = ["observation_space", "action_space"]
    if "border" in values:
        check(values, {"dummy_steps": FLAG, "frame_stack": COUNT})
        check(values["border"], dict.fromkeys(places, TABLE), "border")
    numbers = parts = 0
    for place in [*places, *(f"border.{name}" for name in places if "border" in values)]:
        space = values["border"][place.partition(".")[2]] if "." in place else values[place]
        for size in _sizes(space, place):
            numbers, parts = numbers + size, parts + 1
            if numbers > MOST_NUMBERS or parts > MOST_PARTS:
                raise FileError(
                    f"with it, the file's spaces have {numbers:,} numbers in {parts:,} parts; must be at most "
                    f"{MOST_NUMBERS:,} in {MOST_PARTS:,}.",
                    field=place,
                )
    return values


DATASET = {"path": optional(TEXT), "steps": optional(COUNT), "sha256": optional(TEXT)}


def _sizes(space: Any, field: str) -> Iterator[int]:
    """How many numbers each part of a space has. Raises FileError for what is no space."""
    kind = table(space, field=field).get("kind")
    if not isinstance(kind, str) or kind not in SPACES:
        raise FileError(f"it is {brief(kind)}; must be one of {', '.join(SPACES)}.", field=f"{field}.kind")
    check(space, SPACES[kind], field)
    if kind in ("Dict", "Tuple"):
        yield 0
        for name, part in _items(space.get("items"), kind, f"{field}.items"):
            yield from _sizes(part, f"{field}.items.{name}")
        return
    if space.get("dtype", "int32") not in DTYPES:
        raise FileError(
            f"it is {brief(space['dtype'])}; must be one of {', '.join(DTYPES)}.", field=f"{field}.dtype"
        )
    check(space, dict.fromkeys(("low", "high", "nvec", "start"), NUMERIC.later), field)
    if kind == "Box":
        check(space, {"low": NUMERIC, "high": NUMERIC}, field)
        yield math.prod(space["shape"])
    elif kind == "MultiDiscrete":
        check(space, {"nvec": NUMERIC}, field)
        yield 1
    else:
        n = space["n"]
        yield math.prod(n) if isinstance(n, list) else n if kind == "MultiBinary" else 1


def _items(items: Any, kind: str, field: str) -> Iterator[tuple[str, Any]]:
    """The parts of a Dict or a Tuple, of operant's or of Gymnasium's: a table, a list, or a list of pairs."""
    if isinstance(items, dict) and kind == "Dict":
        yield from ((brief(name), part) for name, part in items.items())
        return
    if not isinstance(items, list):
        raise FileError(f"it is {brief(items)}; must hold spaces.", field=field)
    for i, part in enumerate(items):
        pair = kind == "Dict"
        if pair and not (isinstance(part, list) and len(part) == 2 and isinstance(part[0], str)):
            raise FileError(f"it is {brief(part)}; must be a name and a space.", field=f"{field}.{i}")
        yield str(i), part[1] if pair else part


def _check_history(history: Mapping[str, Any]) -> None:
    """Raise FileError where this is not what `progress` writes: columns of one length, of numbers."""
    cell = optional(NUMBERS)
    longest = max((len(x) for x in history.values() if isinstance(x, list)), default=0)
    for name, column in history.items():
        where = f"history.{brief(name)}"
        if not isinstance(column, list) or len(column) != longest:
            raise FileError(f"it is {brief(column)}; must be a list of {longest:,}.", field=where)
        for value in column:
            if not cell.fits(value):
                raise FileError(f"it holds {brief(value)}; must hold {cell.words}.", field=where)
    if history and not several(STEPS).fits(history.get("time/total_timesteps")):
        raise FileError("it must be a list of steps.", field="history.time/total_timesteps")
