"""The environment of a model file: described by the file, and made only when somebody plays it.

So a model acts where its environment is not installed. No module that a file names is ever imported: what is made is
what has been registered already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np

from operant import spaces
from operant.envs.base import Environment
from operant.envs.border import Border
from operant.envs.gymnasium_spaces import space_to_gymnasium
from operant.envs.gymnasium_stepping import outline
from operant.envs.host import HostEnvironments
from operant.envs.ids import registered
from operant.envs.source import Source
from operant.fields import blamed
from operant.types import EnvSpec


class Missing:
    """In the place of an object of the user's, which no file can hold."""

    def __init__(self, id: str) -> None:
        self.id = id

    def __repr__(self) -> str:
        return f"<{self.id}, not given yet>"


class NoEnvironment(Missing):
    """In the place of an environment where something is learnt from a dataset alone."""

    def __repr__(self) -> str:
        return f"<{self.id}, a dataset>"


@dataclass(frozen=True)
class StoredSource(Source):
    """An environment that is compared with what its file says when it is made."""

    stored: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec:  # pyright: ignore[reportIncompatibleVariableOverride] (known beforehand)
        """What the file says."""
        assert self.stored is not None
        return self.stored

    @property
    def normalizes(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """No file holds such statistics."""
        return False

    @cached_property
    def native(self) -> Environment | None:
        if isinstance(self.given, Missing) or not self._here:
            return None
        played = self.played
        with blamed(field="config.env_kwargs"):
            made = played.native
        if made is not None:
            require_same_spaces(self.spec, made.spec)
        return made

    def host(self, num_envs: int) -> HostEnvironments:
        made = self.played.host(num_envs)
        require_same_spaces(self.spec, made.spec)
        return made

    def single(self, render_mode: str | None = None) -> gym.Env:
        made = self.played.single(render_mode)
        require_same_spaces(self.spec, outline(made))
        return made

    @cached_property
    def played(self) -> Source:  # pyright: ignore[reportIncompatibleMethodOverride] (cached)
        """What is made of the file's words when somebody plays: an environment that is registered already.

        Raises ValueError where nothing is registered by what the file says, or it does not take what the file gives.
        """
        if isinstance(self.given, NoEnvironment):
            raise ValueError(
                f"{self.given.id} is a dataset, and no environment was named that can be played: give one, env=…."
            )
        if isinstance(self.given, Missing):
            raise ValueError(
                f"The environment {self.given.id} was an object of yours: pass it again as env=… (to load, evaluate or "
                "resume), or with agent.set_env(env)."
            )
        values = {field.name: getattr(self, field.name) for field in fields(Source)}
        values["given"] = registered(self.given)
        with blamed(field="config"):
            return Source(**values)

    @property
    def _here(self) -> bool:
        """Whether what the file names can be made."""
        try:
            return registered(self.given) in gym.registry
        except ValueError:
            return False

    def _check_given(self) -> None:
        """What a file says is checked when it is played: until then nothing of the environment is imported."""


def to_json(spec: EnvSpec) -> dict[str, Any]:
    """A description as JSON values, with the names that they have in a config."""
    return {
        "observation_space": spaces.to_json(spec.observation_space),
        "action_space": spaces.to_json(spec.action_space),
        "border": Border.of(spec).to_json(),
        "max_episode_steps": spec.max_episode_steps,
        "masked": spec.masked,
        "goals": spec.goals,
        "dummy_steps": spec.dummy_steps,
        "frame_stack": spec.frame_stack,
    }


def from_json(config: Mapping[str, Any]) -> tuple[EnvSpec, bool]:
    """`(the description in a config, whether it is whole)`: files from before do not say everything."""
    spec = EnvSpec(
        config["environment"],
        spaces.from_json(config["observation_space"]),
        spaces.from_json(config["action_space"]),
        config.get("max_episode_steps"),
        config.get("masked", False),
        goals=config.get("goals", False),
    )
    if "border" not in config:
        return spec, False
    border = Border.from_json(config["border"])
    return (
        replace(spec, border=border, dummy_steps=config["dummy_steps"], frame_stack=config["frame_stack"]),
        True,
    )


def require_same_spaces(expected: EnvSpec, got: EnvSpec) -> None:
    """Raise ValueError, naming both, where a model of one environment cannot play the other.

    Sizes, bounds and starts are compared; the types of numbers are converted. Observations without bounds, as those of
    a dataset are, may have some: they change nothing in a network.
    """
    for name in ("observation_space", "action_space"):
        want, have = getattr(expected, name), getattr(got, name)
        words = spaces.describe(want), spaces.describe(have)
        if words[0] == words[1] and not (name == "observation_space" and _unbounded(want)):
            if (
                expected.border is None or got.border is None
            ):  # a native one, or a file from before: no starts
                theirs = map(space_to_gymnasium, (want, have))
            else:
                theirs = (getattr(spec.border, name) for spec in (expected, got))
            words = tuple(map(_limits, theirs))
        if words[0] != words[1]:
            raise ValueError(
                f"The model was made for {expected.id}, whose {name.replace('_', ' ')} is {words[0]}; "
                f"{got.id} has {words[1]}. Use the environment it was trained on."
            )


def _unbounded(space: spaces.Space) -> bool:
    return isinstance(space, spaces.Box) and not any(np.isfinite(bound).any() for bound in space.bounds)


def _limits(space: gym.Space) -> str:
    """A space with its bounds or starts, in single precision, as text."""
    if isinstance(space, gym.spaces.Dict):
        return "Dict(" + ", ".join(f"{key}: {_limits(part)}" for key, part in sorted(space.items())) + ")"
    if isinstance(space, gym.spaces.Tuple):
        return f"Tuple({', '.join(map(_limits, space.spaces))})"
    if isinstance(space, gym.spaces.Box):
        low, high = (bound.astype("float32") for bound in (space.low, space.high))
        bounds = (f"{x.flat[0]:g}" if x.size and (x == x.flat[0]).all() else x.tolist() for x in (low, high))
        return f"Box({', '.join(map(str, bounds))}, shape={space.shape})"
    return str(space)
