"""Gymnasium's NormalizeObservation and NormalizeReward inside an environment of the user's.

Their statistics are a part of what a policy learnt with, so that it is played with training's, which playing leaves as
they are. Scores are of rewards before they are normalised. No model file holds these statistics, which is said.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv, VectorWrapper
from gymnasium.wrappers import NormalizeObservation, NormalizeReward
from gymnasium.wrappers import vector as vectors

from operant.envs.gymnasium_layers import PassThrough, RawReward, RewardSum, layers_of

STATISTICS = "obs_rms"  # Gymnasium's name


def raw_reward_sum(env: gym.Env) -> RewardSum | None:
    """A raw of what is paid before the innermost NormalizeReward, where it is put in; None where there is none."""
    found = [layer for layer in layers_of(env) if isinstance(layer, NormalizeReward)]
    if not found:
        return None
    inner = found[-1].env
    if not isinstance(inner, RewardSum):
        found[-1].env = inner = RewardSum(inner)
    return inner


def with_raw_rewards(env: gym.Env) -> gym.Env:
    """The environment, which pays what it did before rewards were normalised."""
    raw = raw_reward_sum(env)
    return env if raw is None else RawReward(env, raw)


class TrainingStatistics(PassThrough):
    """Shows observations as training's statistics have them at each reset, and leaves these as they are.

    Args:
        statistics: training's, or None where there are none yet.
    """

    def __init__(self, env: gym.Env, layer: NormalizeObservation, statistics: Callable[[], Any]) -> None:
        super().__init__(env)
        self._layer, self._statistics, self._frozen = layer, statistics, False

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        trained = self._statistics()
        if trained is not None and trained is not self._layer.obs_rms:
            self._layer.obs_rms = copy.deepcopy(trained)
        self._frozen = trained is not None
        with self._unchanged():
            return self.env.reset(**kwargs)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        with self._unchanged():
            return self.env.step(action)

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        layer = self._layer
        before, layer.update_running_mean = layer.update_running_mean, not self._frozen
        try:
            yield
        finally:
            layer.update_running_mean = before


def with_training_statistics(env: gym.Env, statistics: Callable[[], Any]) -> gym.Env:
    """The environment as training sees it; itself where nothing in it keeps statistics of observations."""
    for layer in layers_of(env):
        if isinstance(layer, NormalizeObservation):
            return TrainingStatistics(env, layer, statistics)
    return env


def normalizes_observations(env: gym.Env | VectorEnv) -> bool:
    """Whether a layer around an environment, or around one of a vector environment's, does so with statistics."""
    while isinstance(env, VectorWrapper):
        if isinstance(env, vectors.NormalizeObservation):
            return True
        env = env.env
    if isinstance(env, SyncVectorEnv):
        env = env.envs[0]
    if isinstance(env, AsyncVectorEnv):
        return bool(env.call("has_wrapper_attr", STATISTICS)[0])
    return isinstance(env, gym.Env) and any(
        isinstance(layer, NormalizeObservation) for layer in layers_of(env)
    )


ADVICE = (
    "NormalizeObservation in the environment keeps statistics that no model file holds, and every copy has its own: "
    "use normalize_observations=True of the algorithm instead. Here, scores use those of training's first copy; "
    "a loaded model will see other observations than it was trained on."
)
