"""The wrapper that hides which actions are possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import MASK, Passing
from operant.envs.wrappers.base import State, Wrapped, Wrapper
from operant.types import EnvSpec


@dataclass(frozen=True)
class IgnoreMasks(Wrapper):
    """Action masks are left out, as though the environment gave none; it must then take any action."""

    def check(self, spec: EnvSpec) -> None:
        """Any environment will do."""

    def native(self, environment: Environment) -> Environment:
        return WithoutMasks.around(environment)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return MaskHidden(env)


class WithoutMasks(Wrapped):
    """A native environment all of whose actions are possible."""

    def action_mask(self, state: State) -> None:
        return None


class MaskHidden(Passing):
    """Takes the mask out of `info`, and does not have `action_masks()`."""

    def has_wrapper_attr(self, name: str) -> bool:
        return name != "action_masks" and super().has_wrapper_attr(name)

    def reset(self, **kwargs: Any) -> Any:
        return self._told(self.env.reset(**kwargs))

    def step(self, action: Any) -> Any:
        return self._told(self.env.step(action))

    def _told(self, result: Any) -> Any:
        if not isinstance(result, tuple) or not isinstance(result[-1], dict) or MASK not in result[-1]:
            return result
        return (*result[:-1], {name: value for name, value in result[-1].items() if name != MASK})
