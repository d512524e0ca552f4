"""The best values as a preset file, which `operant train ppo CartPole-v1 --preset best.toml` takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from operant import catalogue
from operant.algorithms import registry
from operant.catalogue import Schedule
from operant.curiosity import parts, to_json
from operant.studio.repeat import changed
from operant.sweeps.population_based import schedule
from operant.sweeps.results import SweepResults
from operant.sweeps.space import Scheduled


def preset(results: SweepResults) -> str:
    """The file's text. Of a population, what can be a schedule is the one that led to the best member."""
    request, best = results.request, results.best
    point = results.point_of(best)
    algorithm, curious = parts(request.algorithm_at(point))
    values: dict[str, Any] = {"total_timesteps": request.total_timesteps}
    if (num_envs := request.num_envs_at(point)) is not None:
        values["num_envs"] = num_envs
    if request.wrappers:
        values["wrappers"] = list(request.wrappers)
    if request.env_kwargs:
        values["env_kwargs"] = dict(request.env_kwargs)
    values |= dict(changed(catalogue.hyperparameters(request.algorithm), registry.to_json(algorithm)))
    if curious is not None:
        own = dict(to_json(curious) or {})
        values["curiosity"] = {own.pop("name"): own}
    replayed, not_replayed = schedules(results) if results.exchanges else ({}, [])
    lines = [f"# {line}" for line in (*results.verdict(), *_notes(results, not_replayed))]
    if request.environment is not None:
        lines += ["", f"[{json.dumps(request.environment)}]"]
    for name, value in (values | replayed).items():
        if value is None:
            lines.append(f"# {name}: none, which this file format cannot say: give it by hand")
        else:
            lines.append(f"{name} = {written(value)}")
    return "\n".join(lines) + "\n"


def schedules(results: SweepResults) -> tuple[dict[str, str], list[str]]:
    """`(schedules by name, the names of what changed and cannot be one)` of a population's best member.

    A value holds for the updates of the interval in which it was found: the schedule changes half an iteration after
    the exchange, since an update counts the steps that it learns from.
    """
    request, path = results.request, results.path_of_best
    typed = {field.name: field for field in catalogue.hyperparameters(request.algorithm)}
    algorithm = request.algorithm_at(path[-1][2])
    copies = request.num_envs_at(path[-1][2]) or algorithm.default_num_envs
    half = algorithm.experience.steps_per_iteration(copies) / 2
    found, others = {}, []
    for name, domain in request.space.domains.items():
        dimensions = domain.named(name) if isinstance(domain, Scheduled) else [name]
        changes = {key: schedule(path, key) for key in dimensions}
        if all(len(each) == 1 for each in changes.values()):
            continue
        if (
            isinstance(domain, Scheduled)
            or name not in typed
            or Schedule not in getattr(typed[name].hint, "__args__", ())
        ):
            others.append(name)
            continue
        (first, *later) = changes[name]
        numbers = [
            first[1],
            *(x for step, value in later for x in ((step + half) / request.total_timesteps, value)),
        ]
        found[name] = ":".join(["piecewise", *(repr(float(x)) for x in numbers)])
    return found, others


def written(value: Any) -> str:
    """A value in TOML, in a line. Raises TypeError for what it does not have."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {written(each)}" for key, each in value.items() if each is not None)
        return "{ " + inner + " }" if inner else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(written, value))}]"
    raise TypeError(f"{value!r} cannot be written in TOML.")


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else json.dumps(name)


def _notes(results: SweepResults, not_replayed: Sequence[str]) -> Iterator[str]:
    if results.exchanges:
        yield "The schedules are those of the best member and of whom it copied; its seed was another in each interval."
    for name in not_replayed:
        yield f"{name} changed while training and cannot be a schedule: this is its last value; schedule.json has all."
