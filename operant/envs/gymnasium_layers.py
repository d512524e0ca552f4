"""Layers of our own around a Gymnasium environment, and what can be read off a stack of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.gymnasium_spaces import action_to_gym
from operant.envs.gymnasium_values import reward_fault
from operant.spaces import channels_first

MASK = "action_mask"
RAW_REWARD = (
    "operant/raw_reward"  # in `info` where a wrapper changes the reward; no environment has a key like it
)


class Passing(gym.Wrapper):
    """A layer that hands on what is seen as it comes."""


class Lent(Passing):
    """An environment that somebody else closes: it is stepped in training."""

    def close(self) -> None:
        """It stays open."""


class MaskInInfo(Passing):
    """Puts what the environment's `action_masks()` method says into `info`, where Gymnasium has it."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        if not callable(given := env.get_wrapper_attr("action_masks")):
            raise ValueError(
                f"action_masks is {type(given).__name__}: must be a method that returns the mask."
            )

    def reset(self, **kwargs: Any) -> Any:
        return self._told(self.env.reset(**kwargs))

    def step(self, action: Any) -> Any:
        return self._told(self.env.step(action))

    def _told(self, result: Any) -> Any:
        return with_info(result, MASK, self.env.get_wrapper_attr("action_masks")())


class Tally(Passing):
    """Sums what an environment pays until somebody takes it."""

    total = 0.0

    def step(self, action: Any) -> Any:
        result = self.env.step(action)
        if isinstance(result, tuple) and len(result) > 1:  # else it is refused, as is what cannot be summed
            reward = result[1]
            fine = reward.__class__ is float or reward_fault(reward) is None
            self.total += float(reward) if fine else math.nan
        return result

    def reset(self, **kwargs: Any) -> Any:
        self.total = 0.0
        return self.env.reset(**kwargs)

    def take(self) -> float:
        """The sum, which begins anew."""
        total, self.total = self.total, 0.0
        return total


class RawReward(Passing):
    """Pays what its tally counted."""

    def __init__(self, env: gym.Env, tally: Tally) -> None:
        super().__init__(env)
        self._tally = tally

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = self.env.step(action)
        return observation, self._tally.take(), terminated, truncated, info


class RawRewardInInfo(Passing):
    """Puts into `info` what the environment inside all wrappers of rewards paid for a step."""

    def __init__(self, env: gym.Env, tally: Tally) -> None:
        super().__init__(env)
        self._tally = tally

    def step(self, action: Any) -> Any:
        return with_info(self.env.step(action), RAW_REWARD, self._tally.take())


def with_info(result: Any, key: str, value: Any) -> Any:
    """What `reset` or `step` returned, with one thing more in `info`; what has another form as it is, to be refused."""
    if isinstance(result, tuple) and result and isinstance(result[-1], dict):
        return (*result[:-1], result[-1] | {key: value})
    return result


HANDS_ON = (
    Passing,
    gym.ActionWrapper,
    gym.RewardWrapper,
    gym.wrappers.OrderEnforcing,
    gym.wrappers.PassiveEnvChecker,
    gym.wrappers.RecordEpisodeStatistics,
    gym.wrappers.TimeLimit,
)


class StackAlongLastAxis(gym.ObservationWrapper):
    """Gymnasium's frame stack `[size, …, C]` as `[…, size·C]`; of images without channels as `[H, W, size]`.

    Images with their channels first, `[C, H, W]`, have them last afterwards, `[H, W, size·C]`.
    """

    def __init__(self, env: gym.Env, size: int) -> None:
        super().__init__(env)
        self.size = size
        box: Any = env.observation_space
        low, high = map(self.observation, (box.low, box.high))
        self.observation_space = gym.spaces.Box(low, high, dtype=box.dtype.type)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        if observation.ndim == 3:
            return np.moveaxis(observation, 0, -1)
        if channels_first(observation.shape[1:]):
            observation = np.moveaxis(observation, 1, -1)
        rows = np.moveaxis(observation, 0, -2)
        return rows.reshape(*rows.shape[:-2], -1)


class Inside(gym.ActionWrapper):
    """Puts actions that rounding has left just outside a Box back on its edge, in the Box's own type."""

    def action(self, action: Any) -> np.ndarray:
        return action_to_gym(self.env.action_space, action)


def keep_inside(env: gym.Env) -> gym.Env:
    """The environment, what Gymnasium's RescaleAction computes in it put back inside: one in five edges is left."""
    for layer in layers_of(env):
        if isinstance(layer, gym.wrappers.RescaleAction) and not isinstance(layer.env, Inside):
            layer.env = Inside(layer.env)
    return env


class Unlimited(Passing):
    """An environment whose time limit was taken away, and whose spec says so."""

    @property
    def spec(self) -> Any:
        spec = copy.deepcopy(self.env.spec)
        if spec is not None:
            spec.max_episode_steps = None
        return spec


def without_time_limit(env: gym.Env) -> gym.Env:
    """The environment with every TimeLimit around it, and inside other layers, taken out."""
    while isinstance(env, gym.wrappers.TimeLimit):
        env = env.env
    for layer in layers_of(env):
        while isinstance(layer.env, gym.wrappers.TimeLimit):
            layer.env = layer.env.env
    return env


def time_limit(env: gym.Env) -> int | None:
    """After how many steps an episode is cut short, as far as Gymnasium knows; repeated actions make them fewer."""
    limit = None if env.spec is None else env.spec.max_episode_steps
    repeat, times = getattr(gym.wrappers, "RepeatAction", ()), 1  # not in every release that will do
    for layer in layers_of(env):
        if isinstance(layer, gym.wrappers.TimeLimit):
            limit = layer._max_episode_steps if limit is None else limit
            break
        times *= getattr(layer, "num_repeats", 1) if isinstance(layer, repeat) else 1
    return None if limit is None or limit < 1 else math.ceil(limit / times)


def frame_stack(env: gym.Env) -> int:
    """How many observations the last axis of one is made of, of which each step adds the last.

    1 where a layer around the stack is not known to hand on what is seen as it comes: it may repeat actions, or change
    what is seen.
    """
    for layer in layers_of(env):
        if isinstance(layer, StackAlongLastAxis):
            return layer.size
        if not isinstance(layer, HANDS_ON):
            break
    return 1


def layers_of(env: gym.Env) -> Iterator[gym.Wrapper]:
    """From the outermost inwards."""
    while isinstance(env, gym.Wrapper):
        yield env
        env = env.env
