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
DISCOUNT = "discount"  # in the info of a reset and of every step: see `types.TimeStep.discount`
RAW_REWARD = (
    "operant/raw_reward"  # in `info` where a wrapper changes the reward; no environment has a key like it
)


class PassThrough(gym.Wrapper):
    """A layer that does not change observations."""


class SharedEnvironment(PassThrough):
    """An environment that training goes on to use: `close` does not close it."""

    def close(self) -> None:
        """Leave it open."""


class MaskInInfo(PassThrough):
    """Puts the result of the environment's `action_masks()` into `info`, where Gymnasium's own masks are."""

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


class RewardSum(PassThrough):
    """Sums an environment's rewards until `take` is called."""

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
        """The sum, which starts again from 0."""
        total, self.total = self.total, 0.0
        return total


class RawReward(PassThrough):
    """Gives the environment's own rewards, as its `RewardSum` summed them."""

    def __init__(self, env: gym.Env, raw: RewardSum) -> None:
        super().__init__(env)
        self._raw = raw

    def reset(self, **kwargs: Any) -> Any:
        result = self.env.reset(**kwargs)
        self._raw.take()  # of steps before the first that is seen
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = self.env.step(action)
        return observation, self._raw.take(), terminated, truncated, info


class RawRewardInInfo(PassThrough):
    """Puts the environment's own reward of a step, before all reward wrappers, into `info`."""

    def __init__(self, env: gym.Env, raw: RewardSum) -> None:
        super().__init__(env)
        self._raw = raw

    def reset(self, **kwargs: Any) -> Any:
        result = self.env.reset(**kwargs)
        self._raw.take()
        return result

    def step(self, action: Any) -> Any:
        return with_info(self.env.step(action), RAW_REWARD, self._raw.take())


def with_info(result: Any, key: str, value: Any) -> Any:
    """The result of `reset` or `step` with one more entry in `info`; a result of a wrong form is left unchanged."""
    if isinstance(result, tuple) and result and isinstance(result[-1], dict):
        return (*result[:-1], result[-1] | {key: value})
    return result


PASS_THROUGH = (
    PassThrough,
    gym.ActionWrapper,
    gym.RewardWrapper,
    gym.wrappers.OrderEnforcing,
    gym.wrappers.PassiveEnvChecker,
    gym.wrappers.RecordEpisodeStatistics,
    gym.wrappers.TimeLimit,
)


class StackAlongLastAxis(gym.ObservationWrapper):
    """Gymnasium's frame stack `[size, …, C]` as `[…, size·C]`; of images without channels as `[H, W, size]`.

    Images with channels first, `[C, H, W]`, become images with channels last, `[H, W, size·C]`.
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


class Repeated(gym.Wrapper):
    """Takes every action `times` times or until the episode ends; rewards are summed, and discounts multiplied.

    What is seen is the maximum of the last `pool` observations, of those that there are.
    """

    def __init__(self, env: gym.Env, times: int, pool: int) -> None:
        super().__init__(env)
        self.times, self._pool = times, pool

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        total, seen, discount = 0.0, [], 1.0
        observation: Any = None
        terminated, truncated, info = False, False, {}
        for _ in range(self.times):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            discount *= info.get(DISCOUNT, 1.0)
            if self._pool > 1:  # a copy, since the next may be written into it
                seen = [*seen[1 - self._pool :], np.array(observation)]
            if terminated or truncated:
                break
        info = info | {DISCOUNT: discount} if DISCOUNT in info else info
        return np.maximum.reduce(seen) if seen else observation, total, terminated, truncated, info


class ClipToBox(gym.ActionWrapper):
    """Clips actions that rounding has put just outside a Box to its bounds, in the Box's own dtype."""

    def action(self, action: Any) -> np.ndarray:
        return action_to_gym(self.env.action_space, action)


def keep_inside(env: gym.Env) -> gym.Env:
    """The environment, with the actions of Gymnasium's RescaleAction clipped: one in five bounds is exceeded."""
    for layer in layers_of(env):
        if isinstance(layer, gym.wrappers.RescaleAction) and not isinstance(layer.env, ClipToBox):
            layer.env = ClipToBox(layer.env)
    return env


class NoTimeLimit(PassThrough):
    """An environment without its time limit, whose spec has none either."""

    @property
    def spec(self) -> Any:
        spec = copy.deepcopy(self.env.spec)
        if spec is not None:
            spec.max_episode_steps = None
        return spec


def without_time_limit(env: gym.Env) -> gym.Env:
    """The environment without any TimeLimit, around it or inside other layers."""
    while isinstance(env, gym.wrappers.TimeLimit):
        env = env.env
    for layer in layers_of(env):
        while isinstance(layer.env, gym.wrappers.TimeLimit):
            layer.env = layer.env.env
    return env


def time_limit(env: gym.Env) -> int | None:
    """The time limit in steps of the agent, as far as Gymnasium knows it; repeated actions make it smaller."""
    limit = None if env.spec is None else env.spec.max_episode_steps
    repeat, times = getattr(gym.wrappers, "RepeatAction", ()), 1  # not in every supported release
    for layer in layers_of(env):
        if isinstance(layer, gym.wrappers.TimeLimit):
            limit = layer._max_episode_steps if limit is None else limit
            break
        if isinstance(layer, Repeated):
            times *= layer.times
        elif isinstance(layer, repeat):
            times *= getattr(layer, "num_repeats", 1)
    return None if limit is None or limit < 1 else math.ceil(limit / times)


def frame_stack(env: gym.Env) -> int:
    """How many observations are stacked along the last axis, of which each step adds the newest.

    1 if a layer around the stack is not known to leave observations as they are: it may repeat actions, or change
    observations.
    """
    for layer in layers_of(env):
        if isinstance(layer, StackAlongLastAxis):
            return layer.size
        if not isinstance(layer, PASS_THROUGH):
            break
    return 1


def layers_of(env: gym.Env) -> Iterator[gym.Wrapper]:
    """From the outermost inwards."""
    while isinstance(env, gym.Wrapper):
        yield env
        env = env.env
