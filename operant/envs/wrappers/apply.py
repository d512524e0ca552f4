"""Wrappers around environments, from the innermost to the outermost."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium as gym

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import MaskInInfo, RawReward, RawRewardInInfo, RewardSum
from operant.envs.gymnasium_stepping import outline
from operant.envs.running_statistics import raw_reward_sum
from operant.envs.wrappers.base import Wrapper
from operant.envs.wrappers.registry import Written, as_wrappers


def wrap(environment: Environment | gym.Env, wrappers: Written | Sequence[Written]) -> Environment | gym.Env:
    """A native or a Gymnasium environment, wrapped, as agents wrap theirs.

    Raises ValueError naming the wrapper that does not fit the environment, and why.
    """
    if isinstance(environment, Environment):
        return wrap_native(environment, as_wrappers(wrappers))
    return wrap_gymnasium(environment, as_wrappers(wrappers))


def wrap_native(
    environment: Environment, wrappers: Sequence[Wrapper], *, rewards: bool = True
) -> Environment:
    """A native environment in these wrappers; without `rewards`, leaving out the wrappers for training only."""
    for wrapper in wrappers:
        if rewards or not wrapper.training_only:
            wrapper.check(environment.spec)
            environment = wrapper.native(environment)
    return environment


def wrap_gymnasium(env: gym.Env, wrappers: Sequence[Wrapper], *, rewards: bool = True) -> gym.Env:
    """The same for a Gymnasium environment; if rewards are changed, its own are in `info`.

    This includes the rewards of Gymnasium's NormalizeReward: without `rewards`, the environment's own are given.
    """
    raw = raw_reward_sum(env)
    if raw is not None and not rewards:
        env, raw = RawReward(env, raw), None
    for wrapper in wrappers:
        if wrapper.training_only and not rewards:
            continue
        if wrapper.training_only and raw is None:
            env = raw = RewardSum(env)
        wrapper.check(outline(env))
        wrapped = wrapper.gymnasium(env)
        env = MaskInInfo(wrapped) if _adds_masks(wrapped, env) else wrapped
    return env if raw is None else RawRewardInInfo(env, raw)


def _adds_masks(wrapped: gym.Env, env: gym.Env) -> bool:
    """Whether a layer around `env` has a method `action_masks()`, as sb3-contrib's ActionMasker."""
    while wrapped is not env:
        if hasattr(type(wrapped), "action_masks") or "action_masks" in vars(wrapped):
            return True
        if not isinstance(wrapped, gym.Wrapper):  # another environment took its place
            return False
        wrapped = wrapped.env
    return False
