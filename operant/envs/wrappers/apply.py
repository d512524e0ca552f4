"""Wrappers around environments, from the innermost to the outermost."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium as gym

from operant.envs.base import Environment
from operant.envs.gymnasium_layers import RawReward, RawRewardInInfo, Tally
from operant.envs.gymnasium_stepping import outline
from operant.envs.running_statistics import raw_tally
from operant.envs.wrappers.base import Wrapper
from operant.envs.wrappers.registry import Written, as_wrappers


def wrap(environment: Environment | gym.Env, wrappers: Written | Sequence[Written]) -> Environment | gym.Env:
    """A native or a Gymnasium environment, wrapped, as agents wrap theirs.

    Raises ValueError naming the wrapper that does not suit the environment, and why.
    """
    if isinstance(environment, Environment):
        return wrap_native(environment, as_wrappers(wrappers))
    return wrap_gymnasium(environment, as_wrappers(wrappers))


def wrap_native(
    environment: Environment, wrappers: Sequence[Wrapper], *, rewards: bool = True
) -> Environment:
    """A native environment in these wrappers; without `rewards`, in those only that do more than change them."""
    for wrapper in wrappers:
        if rewards or not wrapper.changes_reward:
            wrapper.check(environment.spec)
            environment = wrapper.native(environment)
    return environment


def wrap_gymnasium(env: gym.Env, wrappers: Sequence[Wrapper], *, rewards: bool = True) -> gym.Env:
    """The same of a Gymnasium environment; where rewards are changed, its own are in `info`.

    Those that a NormalizeReward of Gymnasium's changes count as changed: without `rewards`, its own are paid.
    """
    tally = raw_tally(env)
    if tally is not None and not rewards:
        env, tally = RawReward(env, tally), None
    for wrapper in wrappers:
        if wrapper.changes_reward and not rewards:
            continue
        if wrapper.changes_reward and tally is None:
            env = tally = Tally(env)
        wrapper.check(outline(env))
        env = wrapper.gymnasium(env)
    return env if tally is None else RawRewardInInfo(env, tally)
