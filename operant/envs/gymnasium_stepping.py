"""Gymnasium environments behind the host interface: single ones in a lean loop, and any vector environment.

Why there is a loop of our own: docs/decisions/0002-stepping-gymnasium.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import jax
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from operant import spaces
from operant.envs.border import Border
from operant.envs.gymnasium_layers import MASK, RAW_REWARD, RawRewardInInfo, frame_stack, time_limit
from operant.envs.gymnasium_spaces import (
    action_to_gym,
    flat_mask,
    mask_size,
    observation_to_jax,
    space_from_gymnasium,
    split_actions,
    stack_observations,
)
from operant.envs.host import HostEnvironments
from operant.types import EnvSpec, PyTree, TimeStep


def describe(env: gym.Env) -> EnvSpec:
    """The description of a single environment, which is reset once: does it keep what its spaces promise?

    Raises:
        ValueError: naming the environment and what of it operant cannot take.
    """
    spec = outline(env)
    name, result = spec.id, env.reset(seed=0)
    if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], dict):
        raise ValueError(
            f"{name}: reset() must return (observation, info); got {type(result).__name__} {result!r}."
        )
    _promised(name, env.observation_space, spec.observation_space, result[0], ())
    masked = MASK in result[1]
    if masked:
        _maskable(name, env.action_space, spec.action_space)
    return replace(spec, masked=masked)


def outline(env: gym.Env) -> EnvSpec:
    """What a single environment says of itself; whether it gives masks is known once it is reset.

    Raises:
        ValueError: naming the environment and the space that operant cannot take.
    """
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    try:
        parts = map(space_from_gymnasium, (env.observation_space, env.action_space))
        return EnvSpec(
            name,
            *parts,
            max_episode_steps=time_limit(env),
            frame_stack=frame_stack(env),
            border=Border(env.observation_space, env.action_space),
        )
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


class SingleEnvironments(HostEnvironments):
    """Gymnasium environments of one description, stepped one after another in this process."""

    def __init__(self, envs: Sequence[gym.Env]) -> None:
        self.envs = list(envs)
        self.spec = replace(describe(envs[0]), num_envs=len(envs))
        self._observation_space, self._action_space = envs[0].observation_space, envs[0].action_space
        self._rewarded = isinstance(envs[0], RawRewardInInfo)
        for env in envs:
            if env.observation_space != self._observation_space or env.action_space != self._action_space:
                raise ValueError(
                    f"{self.spec.id}: environments differ in their spaces ({env.observation_space}, "
                    f"{env.action_space} and {self._observation_space}, {self._action_space}). "
                    "Make them all alike."
                )

    def reset(self, key: jax.Array) -> tuple[PyTree, PyTree]:
        results = [
            env.reset(seed=seed) for env, seed in zip(self.envs, seeds(key, len(self.envs)), strict=True)
        ]
        observations, infos = zip(*results, strict=True)
        return stack_observations(self._observation_space, observations), self._masks(infos)

    def step(self, action: PyTree) -> TimeStep:
        count = len(self.envs)
        actions = split_actions(self._action_space, action_to_gym(self._action_space, action), count)
        reward: Any = np.empty(count, np.float32)
        terminated: Any = np.empty(count, bool)
        truncated: Any = np.empty(count, bool)
        raw_reward: Any = np.empty(count, np.float32) if self._rewarded else None
        observations, infos = [], []
        final: dict[int, PyTree] = {}
        final_mask: dict[int, PyTree] = {}
        for i, env in enumerate(self.envs):
            observation, reward[i], terminated[i], truncated[i], info = env.step(actions[i])
            if self._rewarded:
                raw_reward[i] = info[RAW_REWARD]
            if terminated[i] or truncated[i]:
                # Copied before the reset, which may write into the same array.
                final[i] = observation_to_jax(self._observation_space, observation)
                final_mask[i] = self._final_mask(info)
                observation, info = env.reset()
            observations.append(observation)
            infos.append(info)
        observation, mask = stack_observations(self._observation_space, observations), self._masks(infos)
        return TimeStep(
            observation=observation,
            next_observation=with_rows(observation, final),
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            action_mask=mask,
            next_action_mask=with_rows(mask, final_mask),
            raw_reward=raw_reward,
        )

    def close(self) -> None:
        for env in self.envs:
            env.close()

    def _masks(self, infos: Sequence[dict[str, Any]]) -> np.ndarray | None:
        if not self.spec.masked:
            return None
        if not all(MASK in info for info in infos):
            raise mask_missing(self.spec.id)
        return np.stack([flat_mask(self._action_space, info[MASK]) for info in infos])

    def _final_mask(self, info: dict[str, Any]) -> np.ndarray | None:
        """All flags up where the environment says nothing: nobody acts any more."""
        if not self.spec.masked:
            return None
        return flat_mask(
            self._action_space, info.get(MASK, np.ones(mask_size(self._action_space) or 0, bool))
        )


class VectorEnvironments(HostEnvironments):
    """A Gymnasium vector environment.

    With SAME_STEP autoreset its `final_obs` are the true successors. With NEXT_STEP autoreset the step after
    the end of an episode only shows the first observation of the next one: it is not valid.

    Args:
        envs: the vector environment.
        like: the description of one of its environments; found by looking at `envs` when None.
    """

    def __init__(self, envs: VectorEnv, like: EnvSpec | None = None) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode not in (AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP):
            raise ValueError(
                f"{type(envs.unwrapped).__name__} has the autoreset mode {getattr(mode, 'name', mode)}; "
                "operant needs SAME_STEP (best) or NEXT_STEP. Build it with "
                "autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP, or say what it does in its "
                'metadata["autoreset_mode"].'
            )
        self.envs, self._next_step = envs, mode == AutoresetMode.NEXT_STEP
        self._observation_space, self._action_space = envs.single_observation_space, envs.single_action_space
        self._ended = np.zeros(envs.num_envs, bool)
        like = like or _like(envs)
        observation, infos = envs.reset(seed=0)
        _promised(like.id, self._observation_space, like.observation_space, observation, (envs.num_envs,))
        if MASK in infos:
            _maskable(like.id, self._action_space, like.action_space)
        self.spec = replace(like, num_envs=envs.num_envs, masked=MASK in infos, dummy_steps=self._next_step)

    def reset(self, key: jax.Array) -> tuple[PyTree, PyTree]:
        own = seeds(key, self.envs.num_envs)
        # Only Gymnasium's two can be relied on to take a list; the others spread one seed themselves.
        listed = isinstance(self.envs.unwrapped, SyncVectorEnv | AsyncVectorEnv)
        observation, infos = self.envs.reset(seed=own if listed else own[0])  # pyright: ignore[reportArgumentType] (those two take lists)
        self._ended = np.zeros(self.envs.num_envs, bool)
        return observation_to_jax(self._observation_space, observation), self._masks(infos)

    def step(self, action: PyTree) -> TimeStep:
        observation, *outcome, infos = self.envs.step(action_to_gym(self._action_space, action))
        raw_reward = _raw_reward(infos)
        kinds = (np.float32, bool, bool)
        reward, terminated, truncated = (np.array(x, kind) for x, kind in zip(outcome, kinds, strict=True))
        observation, mask = observation_to_jax(self._observation_space, observation), self._masks(infos)
        valid, following, following_mask = None, observation, mask
        if self._next_step:
            valid = ~self._ended
            reward, terminated, truncated = reward * valid, terminated & valid, truncated & valid
            self._ended = terminated | truncated
            truncated = truncated | ~valid
        else:
            ended = np.flatnonzero(terminated | truncated)
            following, following_mask = self._final(infos, ended, observation, mask)
        outcome: Any = (reward, terminated, truncated, mask, following_mask, valid, raw_reward)
        return TimeStep(observation, following, *outcome)

    def close(self) -> None:
        self.envs.close()

    def _final(
        self, infos: dict[str, Any], ended: np.ndarray, observation: PyTree, mask: PyTree
    ) -> tuple[PyTree, PyTree]:
        """`(next observation, its action mask)`, from `final_obs` and `final_info` where an episode ended."""
        if ended.size == 0:
            return observation, mask
        if "final_obs" not in infos:
            raise ValueError(
                f"{self.spec.id} resets in the same step and loses the last observation of an episode. "
                'Let it give info["final_obs"], or build it with NEXT_STEP autoreset.'
            )
        rows = {int(i): observation_to_jax(self._observation_space, infos["final_obs"][i]) for i in ended}
        final_masks = infos.get("final_info", {}).get(MASK)
        if mask is None or final_masks is None:
            return with_rows(observation, rows), mask
        masks = {int(i): flat_mask(self._action_space, final_masks[i]) for i in ended}
        return with_rows(observation, rows), with_rows(mask, masks)

    def _masks(self, infos: dict[str, Any]) -> np.ndarray | None:
        if not self.spec.masked:
            return None
        if MASK not in infos or not np.all(infos.get(f"_{MASK}", True)):
            raise mask_missing(self.spec.id)
        return np.stack([flat_mask(self._action_space, mask) for mask in infos[MASK]])


def seeds(key: jax.Array, count: int) -> list[int]:
    """`count` seeds for Gymnasium, from a key; of keys `[S]` as many from each, one after the other."""
    own = [key] if key.ndim == 0 else list(key)
    drawn = [np.asarray(jax.random.bits(one, (count // len(own),)) >> 1) for one in own]
    return np.concatenate(drawn).tolist()


def with_rows(batch: PyTree, rows: dict[int, PyTree]) -> PyTree:
    """A copy of `batch` with some rows replaced; `batch` itself when there are none."""
    if not rows:
        return batch

    def leaf(whole: np.ndarray, *parts: np.ndarray) -> np.ndarray:
        whole = whole.copy()
        whole[list(rows)] = parts
        return whole

    return jax.tree.map(leaf, batch, *rows.values())


def _like(envs: VectorEnv) -> EnvSpec:
    """The description of one environment of a vector environment that somebody else made."""
    inner = envs.unwrapped
    if isinstance(inner, SyncVectorEnv | AsyncVectorEnv):
        single = inner.env_fns[0]()
        name = single.spec.id if single.spec is not None else type(single.unwrapped).__name__
        limit, method = time_limit(single), single.has_wrapper_attr("action_masks")
        single.close()
        if method:
            raise ValueError(
                f"{name} has an action_masks() method, which a vector environment does not call. Give the "
                'function that makes one environment, or put the mask into info["action_mask"].'
            )
    else:
        name = envs.spec.id if envs.spec is not None else type(inner).__name__
        limit = getattr(
            inner, "max_episode_steps", envs.spec.max_episode_steps if envs.spec is not None else None
        )
    try:
        parts = map(space_from_gymnasium, (envs.single_observation_space, envs.single_action_space))
        border = Border(envs.single_observation_space, envs.single_action_space)
        return EnvSpec(name, *parts, max_episode_steps=limit, border=border)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _raw_reward(infos: dict[str, Any]) -> np.ndarray | None:
    """`[N]`, where a wrapper tells it; that of a step which ended an episode stands in `final_info`."""
    parts = [part[RAW_REWARD] for part in (infos, infos.get("final_info", {})) if RAW_REWARD in part]
    return np.asarray(np.sum(parts, 0), np.float32) if parts else None  # 0 where one has nothing to say


def _promised(
    name: str, space: gym.Space, ours: spaces.Space, observation: PyTree, leading: tuple[int, ...]
) -> None:
    try:
        value = observation_to_jax(space, observation)
        reason = spaces.mismatch(ours, value, leading)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}; got {observation!r}."
    if reason is not None:
        raise ValueError(f"{name}: what reset() returned is not of its observation_space {space}: {reason}")


def _maskable(name: str, space: gym.Space, ours: spaces.Space) -> None:
    if mask_size(space) is None:
        raise ValueError(
            f"{name} gives action masks, but only Discrete and MultiDiscrete actions can be masked; its "
            f'actions are {spaces.describe(ours)}. Remove action_masks() or info["action_mask"].'
        )


def mask_missing(name: str) -> ValueError:
    """What is wrong with an environment that stops saying which actions are possible."""
    return ValueError(
        f'{name} gave info["action_mask"] at its first reset and now gives none. '
        "It must be in the info of every reset and every step."
    )
