"""What there is to look at: learning curves and pictures of the policy.

What a picture is drawn with is imported when it is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from operant import html
from operant.agent.core import Core
from operant.algorithms import registry
from operant.envs import arguments
from operant.envs.atari.words import preprocessing, protocol
from operant.envs.wrappers.registry import to_text
from operant.networks import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(core: Core, path: str | Path | None, reference: Mapping[str, float] | None) -> Figure:
    """The learning curve, over all seeds; next to it what it expects and its temperature, where these are logged."""
    if not core.history:
        raise ValueError("There is nothing to plot before `learn`.")
    from operant.studio.curves import ALONGSIDE, ENT_COEF, Q_VALUE, VALUE, constant, learning_curve, series

    logged = {key: series(core.history, key) for key in ALONGSIDE if any(key in row for row in core.history)}
    if VALUE in logged:  # the better one, as its states stay the same
        logged.pop(Q_VALUE, None)
    if ENT_COEF in logged and constant(logged[ENT_COEF][1]):  # given, rather than learnt
        del logged[ENT_COEF]
    return learning_curve(
        {core.name: series(core.history)},
        title=f"{core.name} on {core.source.id}",
        threshold=threshold(core),
        reference=reference,
        alongside={key: {core.name: each} for key, each in logged.items()},
        path=path,
    )


def face(core: Core) -> str:
    """What a notebook shows of an agent: what it is, what differs from the defaults, and its learning curve."""
    seeds = "" if core.seeds is None else f", {len(core.seeds)} seeds"
    rows = list(_changed(core).items())
    parts = [html.table(rows, ("hyperparameter", "value"))] if rows else []
    if core.history:
        from operant.studio.style import png

        parts.append(html.picture(png(plot(core, None, None)), "learning curve"))
    title_ = f"{core.name} on {core.source.id}{seeds}"
    return html.face(title_, f"at step {core.step:,}; {title(core)}", *parts)


def _changed(core: Core) -> dict[str, str]:
    """The hyperparameters that are not the algorithm's defaults."""
    algorithm = core.algorithm
    name = registry.name_of(algorithm)
    known = registry.defaults(name) if name in registry.ALGORITHMS else {}
    values = registry.to_json(algorithm)
    changed = {}
    for field in fields(algorithm):
        value, default = getattr(algorithm, field.name), known.get(field.name, field.default)
        if default is not MISSING and value is not default and str(value) != str(default):
            changed[field.name] = _different(value, default) or str(values[field.name])
    return changed


def _different(value: Any, default: Any) -> str:
    """Of a network, what differs from the default one."""
    if not isinstance(value, Network) or not isinstance(default, Network):
        return ""
    others = {f.name: getattr(value, f.name) for f in fields(Network)}
    return ", ".join(f"{name}={x!r}" for name, x in others.items() if x != getattr(default, name))


def title(core: Core) -> str:
    """What is being trained on what, in a few words."""
    source = core.source
    if core.recorded is not None:
        where = f"from {core.recorded}" + (f", {len(core.seeds)} seeds" if core.seeds else "")
        return f"{core.name} on {source.id} ({where})"
    if source.native is None:
        where = f"through Gymnasium, {source.vectorization}"
    else:
        where = "native twin" if isinstance(source.given, str) else "native"
    where += "".join(f", {to_text(wrapper)}" for wrapper in source.wrappers)
    told = source.env_kwargs and source.atari is None  # of an Atari game there are many: see `announce`
    where += f", {arguments.to_text(source.env_kwargs)}" if told else ""
    where += ", collecting ahead" if core.learner.async_collect else ""
    devices = core.learner.devices
    where += "" if devices is None else f", {devices} device{'s' * (devices != 1)}"
    workers = core.learner.workers
    if workers is not None:
        where += f", {workers.count} worker{'s' * (workers.count != 1)}"
        where += " on Ray" if workers.kind == "ray" else ""
        where += "" if workers.fixed_lag is None else f" in turns, lag {workers.fixed_lag}"
    seeds = "" if core.seeds is None else f", {len(core.seeds)} seeds"
    environments = f"{core.num_envs} environment{'s' * (core.num_envs != 1)}"
    return f"{core.name} on {source.id} ({where}; {environments}{seeds})"


def announce_resumed(core: Core) -> None:
    """Say of an Atari game whether a resumed run goes on with the very games that were stored."""
    if core.source.atari is None or core.recorded is not None:
        return
    if core.learner.environments_restored:
        line = "goes on with the very games that it was stored with"
    elif core.source.vectorization == "sync":
        line = "starts new games, since none were stored with the checkpoint"
    else:
        what = (
            "ale-py's threads" if core.source.vectorization == "vector_entry_point" else "games in processes"
        )
        line = f"starts new games, since {what} cannot be stored; --vectorization sync stores them"
    print(f"operant: {core.source.id}: training {line}.", file=sys.stderr, flush=True)


_announced: set[str] = set()


def announce(core: Core) -> None:
    """Say, once in this process, what is done to an Atari game that is trained on, and how it will be scored."""
    atari = core.source.atari
    if atari is None or core.recorded is not None:
        return
    lines = f"operant: {atari.id}: {preprocessing(atari)}.\noperant: scored are {protocol(atari)}."
    if lines not in _announced:
        _announced.add(lines)
        print(lines, file=sys.stderr, flush=True)


def threshold(core: Core) -> float | None:
    """The mean return from which Gymnasium calls the environment solved, where it says so."""
    registration = gym.registry.get(core.source.id)
    changed = bool(core.source.env_kwargs)  # it is that of the environment as it is registered
    return None if registration is None or changed else registration.reward_threshold
