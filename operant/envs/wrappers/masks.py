"""The wrapper that hides which actions are possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import MASK, PassThrough
from operant.envs.wrappers.base import State, Wrapped, Wrapper
from operant.types import EnvSpec


@dataclass(frozen=True)
class IgnoreMasks(Wrapper):
    """Removes action masks, as if the environment had none; it must then accept any action."""

    def check(self, spec: EnvSpec) -> None:
        """Accept any environment."""

    def native(self, environment: Environment) -> Environment:
        return NativeIgnoreMasks.around(environment)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return HideMask(env)


class NativeIgnoreMasks(Wrapped):
    """The native environment."""

    def action_mask(self, state: State) -> None:
        return None


class HideMask(PassThrough):
    """Removes the mask from `info`, and `action_masks()`."""

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
