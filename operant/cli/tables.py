"""Tables of algorithms, environments, versions and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from operant import catalogue

if TYPE_CHECKING:
    from operant.spaces import Space


def algorithms() -> str:
    """A line for each algorithm: its name, the action spaces it takes, and what it is."""
    rows = [(name, ", ".join(row["actions"]), row["about"]) for name, row in catalogue.algorithms().items()]
    return table(("algorithm", "actions", "what it is"), rows)


def environments() -> str:
    """A line for each environment: its id, its backends, and its spaces or why it cannot be made."""
    import gymnasium as gym

    from operant import spaces
    from operant.envs.gymnasium import make_single, space_from_gymnasium
    from operant.envs.registry import NATIVE

    newest: dict[str, str] = {}
    for name in gym.registry:  # in the order of their versions
        newest[re.sub(r"-v\d+$", "", name)] = name
    rows = []
    for name in newest.values():
        if not isinstance(gym.registry[name].entry_point, str):  # only says that another package is needed
            continue
        backend = "native, gymnasium" if name in NATIVE else "gymnasium"
        try:
            env = make_single(name)
            seen, done = (
                spaces.describe(space_from_gymnasium(space))
                for space in (env.observation_space, env.action_space)
            )
            env.close()
        except Exception as error:
            backend, seen, done = "–", _reason(error), ""
        rows.append((name, backend, seen, done))
    rows.sort(key=lambda row: (row[1] == "–", "native" not in row[1]))
    return table(("environment", "backend", "observations", "actions"), rows)


def with_bounds(space: Space) -> str:
    """A space in words, of a Box with its bounds."""
    from operant import spaces

    if not isinstance(space, spaces.Box):
        return spaces.describe(space)
    low, high = ((bound if len(set(bound.flat)) > 1 else bound.flat[0]).tolist() for bound in space.bounds)
    return f"{spaces.describe(space)}: from {low} to {high}"


def environment(name: str, wrappers: Sequence[str], env_kwargs: Mapping[str, Any]) -> str:
    """The description of one environment in its wrappers: spaces with their bounds, and the time limit."""
    from operant.envs.source import Source
    from operant.envs.wrappers.registry import as_wrappers

    source = Source(name, wrappers=as_wrappers(wrappers), env_kwargs=env_kwargs)
    spec = source.spec
    stack = f", the last {spec.frame_stack} ones along the last axis" if spec.frame_stack > 1 else ""
    limit = "no limit" if spec.max_episode_steps is None else f"at most {spec.max_episode_steps}"
    rows = [
        ("environment", spec.id),
        ("backend", "gymnasium" if source.native is None else "native, gymnasium"),
        ("observations", with_bounds(spec.observation_space) + stack),
        ("actions", with_bounds(spec.action_space) + ", with masks" * spec.masked),
        ("steps", f"{limit} in an episode"),
    ]
    if source.atari is not None:
        from operant.envs.atari.words import preprocessing, protocol

        rows += [("preprocessing", preprocessing(source.atari)), ("scored are", protocol(source.atari))]
        rows.append(
            ("--env-kwargs", " ".join(f"{name}={_typed(v)}" for name, v in source.env_kwargs.items()))
        )
    return table(("", ""), rows)


def _typed(value: Any) -> str:
    """A value as `--env-kwargs` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value).replace(" ", "")


def _reason(error: Exception) -> str:
    """Why an environment cannot be made: the command that installs what is missing, if it names one."""
    install = re.search(r"pip install [\"']?([\w\[\]\-.]+)[\"']?", str(error))
    if install:
        return f'needs: pip install "{install[1]}"'
    missing = re.search(r"No module named '([\w.]+)'", str(error))
    return f'needs: pip install "{missing[1]}"' if missing else str(error).splitlines()[0]


def info() -> str:
    """Versions, devices and settings."""
    from operant import settings

    settings.apply()
    return table(("", ""), [*settings.versions().items(), *settings.report().items()])


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns in plain text, which any terminal and pipe can take."""
    lines = [heading, *rows] if any(heading) else list(rows)
    widths = [max(len(line[i]) for line in lines) for i in range(len(heading))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
