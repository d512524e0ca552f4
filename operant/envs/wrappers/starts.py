"""Wrappers of how an episode starts: after some steps without an action, and with the button that starts a game."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import PassThrough
from operant.envs.wrappers.base import Wrapper
from operant.types import EnvSpec

FIRE = "FIRE"  # as `get_action_meanings()` calls it


class StartWrapper(Wrapper):
    """Takes actions before an episode's first observation is seen."""

    @abstractmethod
    def actions(self, env: gym.Env) -> list[Any]:
        """Those of this episode, of the environment that has just been reset."""

    def check(self, spec: EnvSpec) -> None:
        """Which actions there are is seen at the first reset."""

    def native(self, environment: Environment) -> Environment:
        raise ValueError(
            f"{type(self).__name__} is for Gymnasium environments; {environment.id} is native: let it start so in its "
            "reset()."
        )

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return Start(env, self)


class Start(PassThrough):
    """Takes the actions of a wrapper after each reset; where the episode ends with them, it is reset once more."""

    def __init__(self, env: gym.Env, wrapper: StartWrapper) -> None:
        super().__init__(env)
        self._wrapper = wrapper

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        for action in self._wrapper.actions(self.env):
            observation, _, terminated, truncated, step_info = self.env.step(action)
            info = info | step_info
            if terminated or truncated:
                observation, info = self.env.reset(**options)
        return observation, info


@dataclass(frozen=True)
class NoopStart(StartWrapper):
    """An episode starts after 1 to `most` steps of one action, which does nothing: how many is drawn at each reset.

    Mnih et al. 2015, "Evaluation procedure". Put it before `Repeat`: the steps are the environment's own. As in
    Gymnasium's AtariPreprocessing, from whose generator (`env.np_random`) the number comes.
    """

    most: int = 30
    """The largest number of steps."""
    action: int = 0
    """The action that does nothing; in a Box of actions, where there are no choices, the zeros."""

    def __post_init__(self) -> None:
        self.require_whole("most", 1)
        self.require_whole("action", 0)

    def actions(self, env: gym.Env) -> list[Any]:
        space = env.action_space
        noop = np.zeros(space.shape, space.dtype) if isinstance(space, gym.spaces.Box) else self.action
        return [noop] * int(env.unwrapped.np_random.integers(1, self.most + 1))


@dataclass(frozen=True)
class FireStart(StartWrapper):
    """An episode starts with the button that starts a game, pressed once: without it Breakout waits for ever.

    An environment that calls no action `FIRE` in its `get_action_meanings()` starts as it does anyway.
    """

    action: int | None = None
    """The number of that action; None: the one that is called FIRE."""

    def __post_init__(self) -> None:
        if self.action is not None:
            self.require_whole("action", 0)

    def actions(self, env: gym.Env) -> list[Any]:
        if self.action is not None:
            return [self.action]
        if not env.has_wrapper_attr("get_action_meanings"):
            raise ValueError(
                f"FireStart: {env} does not say in get_action_meanings() what its actions are: name the one that "
                "starts a game, FireStart(action=1) or fire-start:1."
            )
        meanings = env.get_wrapper_attr("get_action_meanings")()
        return [meanings.index(FIRE)] if FIRE in meanings else []
