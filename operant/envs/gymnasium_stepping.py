"""Gymnasium environments behind the host interface: single ones in a lean loop, and any vector environment.

Why there is a loop of our own: docs/decisions/0002-stepping-gymnasium.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import jax
import numpy as np
from gymnasium.vector import SyncVectorEnv

from operant import spaces
from operant.envs.border import Border
from operant.envs.goals import Goals, goals_of, says_goals
from operant.envs.gymnasium_checks import Checks, EnvironmentFault, late_mask
from operant.envs.gymnasium_layers import (
    DISCOUNT,
    MASK,
    RAW_REWARD,
    RawRewardInInfo,
    frame_stack,
    layers_of,
    time_limit,
)
from operant.envs.gymnasium_spaces import action_to_gym, mask_size, space_from_gymnasium, split_actions
from operant.envs.gymnasium_values import brief, fault
from operant.envs.host import HostEnvironments
from operant.envs.timeouts import timed
from operant.types import EnvSpec, PyTree, TimeStep


def describe(env: gym.Env) -> EnvSpec:
    """The description of a single environment, which is reset once: does it keep what its spaces promise?

    Raises:
        ValueError: naming the environment and what of it operant cannot take.
    """
    spec = outline(env)
    name = spec.id
    require_seed(name, env)
    observation, info = Checks(name, env.observation_space, env.action_space, 1).begin(env, 0, seed=0)
    require_promised(name, env.observation_space, observation, ())
    masked = MASK in info
    if masked:
        require_maskable(name, env.action_space, spec.action_space)
    return replace(spec, masked=masked, discounted=DISCOUNT in info)


def outline(env: gym.Env) -> EnvSpec:
    """What a single environment says of itself; whether it gives masks is known once it is reset.

    Raises:
        ValueError: naming the environment and the space that operant cannot take.
    """
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    for space in ("observation_space", "action_space"):
        if getattr(env, space, None) is None:
            raise ValueError(
                f"{name} has no {space}: set self.{space} in its __init__, to a space of Gymnasium's."
            )
    try:
        parts = [space_from_gymnasium(space) for space in (env.observation_space, env.action_space)]
        return EnvSpec(
            name,
            *parts,
            goals=says_goals(env, parts[0]),
            max_episode_steps=time_limit(env),
            frame_stack=frame_stack(env),
            border=Border(env.observation_space, env.action_space),
        )
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


class SingleEnvironments(HostEnvironments):
    """Gymnasium environments of one description, stepped one after another in this process.

    Args:
        envs: the environments.
        owner: the vector environment that they are of, which closes them.
        timeout: seconds that a step or a reset of one may take.
    """

    def __init__(
        self, envs: Sequence[gym.Env], owner: SyncVectorEnv | None = None, timeout: float | None = None
    ) -> None:
        self.envs, self._owned = [timed(env, timeout) for env in envs], envs if owner is None else (owner,)
        self.spec = replace(describe(self.envs[0]), num_envs=len(envs))
        self._infos: list[dict[str, Any]] = []
        self._observation_space, self._action_space = envs[0].observation_space, envs[0].action_space
        self._rewarded = isinstance(envs[0], RawRewardInInfo)
        for env in envs:
            if env.observation_space != self._observation_space or env.action_space != self._action_space:
                raise ValueError(
                    f"{self.spec.id}: environments differ in their spaces ({env.observation_space}, "
                    f"{env.action_space} and {self._observation_space}, {self._action_space}). "
                    "Make them all alike."
                )
        self._checks = Checks(self.spec.id, self._observation_space, self._action_space, len(envs))

    def reset(
        self, key: jax.Array, start_key: jax.Array | None = None, group: int = 1
    ) -> tuple[PyTree, PyTree]:
        return self.begin(seeds(key if start_key is None else start_key, len(self.envs), group))

    def begin(self, own: Sequence[int]) -> tuple[PyTree, PyTree]:
        """`reset` of each with a seed of its own."""
        begun = [self._checks.begin(env, i, seed=own[i]) for i, env in enumerate(self.envs)]
        observations, infos = zip(*begun, strict=True)
        return self._checks.observations(observations), self._masks(infos)

    def step(self, action: PyTree) -> TimeStep:
        checks, masked = self._checks, self.spec.masked
        actions = split_actions(self._action_space, action_to_gym(self._action_space, action), len(self.envs))
        observations, infos, told = [], [], []
        rewards: Any = []
        terminated: Any = []
        truncated: Any = []
        raw: Any = []
        discounts: list[Any] | None = [] if self.spec.discounted else None
        final: dict[int, PyTree] = {}
        final_mask: dict[int, PyTree] = {}
        checks.taken += 1
        for i, env in enumerate(self.envs):
            observation, reward, ended, cut, info, over = checks.step(env, actions[i], i)
            rewards.append(reward)
            terminated.append(ended)
            truncated.append(cut)
            told.append(info)
            if self._rewarded:
                raw.append(info[RAW_REWARD])
            if discounts is not None:
                discounts.append(info.get(DISCOUNT))
            if over:
                if self.on_end is not None:
                    self.on_end(i, len(self.envs), info)
                # Copied before the reset, which may write into the same array.
                final[i] = checks.observation(observation, i)
                if masked:
                    final_mask[i] = checks.mask(info.get(MASK), i, final=True)
                observation, info = checks.begin(env, i)
            observations.append(observation)
            infos.append(info)
        self._infos = told
        outcomes: Any = np.array(rewards, np.float32), np.array(terminated, bool), np.array(truncated, bool)
        raw_reward: Any = np.array(raw, np.float32) if self._rewarded else None
        discount: Any = None if discounts is None else checks.discounts(discounts)
        observation, mask = checks.observations(observations), self._masks(infos)
        return TimeStep(
            observation=observation,
            next_observation=with_rows(observation, final),
            reward=outcomes[0],
            terminated=outcomes[1],
            truncated=outcomes[2],
            action_mask=mask,
            next_action_mask=with_rows(mask, final_mask),
            raw_reward=raw_reward,
            discount=discount,
        )

    def number_from(self, first: int) -> None:
        """In messages, the first of them has this number."""
        self._checks.first = first

    @property
    def infos(self) -> list[dict[str, Any]]:
        """Of an environment whose episode ended, what it said of the step that ended it."""
        return self._infos

    @property
    def goals(self) -> Goals | None:
        return goals_of(self.envs[0], self.spec.id) if self.spec.goals else None

    def stored(self) -> dict[str, np.ndarray] | None:
        """That of Atari games."""
        from operant.envs.atari import stored

        each = [stored.stored(env) for env in self.envs]
        if None in each:
            return None
        return {f"{i}/{name}": array for i, one in enumerate(each) for name, array in (one or {}).items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        from operant.envs.atari import stored

        for i, env in enumerate(self.envs):
            own = {
                name.removeprefix(f"{i}/"): array
                for name, array in arrays.items()
                if name.startswith(f"{i}/")
            }
            stored.restore(env, own)

    def close(self) -> None:
        for env in self._owned:
            env.close()

    def _call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        found = [env.get_wrapper_attr(name) for env in self.envs]
        return [one(*arguments, **keywords) if callable(one) else one for one in found]

    def _masks(self, infos: Sequence[dict[str, Any]]) -> np.ndarray | None:
        if self.spec.masked:
            return self._checks.masks(infos)
        for copy, info in enumerate(infos):
            if MASK in info:
                raise self._checks.refuse(copy, late_mask())
        return None


def seeds(key: jax.Array, count: int, group: int = 1) -> list[int]:
    """`count` seeds for Gymnasium, from a key; of keys `[S]` as many from each, one after the other.

    Every `group` in a row are the same.
    """
    own = [key] if key.ndim == 0 else list(key)
    drawn = [np.asarray(jax.random.bits(one, (count // len(own),)) >> 1) for one in own]
    return np.concatenate(drawn)[np.arange(count) // group * group].tolist()


def with_rows(batch: PyTree, rows: dict[int, PyTree]) -> PyTree:
    """A copy of `batch` with some rows replaced; `batch` itself when there are none."""
    if not rows:
        return batch

    def leaf(whole: np.ndarray, *parts: np.ndarray) -> np.ndarray:
        whole = whole.copy()
        whole[list(rows)] = parts
        return whole

    return jax.tree.map(leaf, batch, *rows.values())


def require_seed(name: str, env: gym.Env) -> None:
    """Raise EnvironmentFault where `reset` takes no seed, naming what to write."""
    for layer in (*layers_of(env), env.unwrapped):
        parameters = inspect.signature(type(layer).reset).parameters.values()
        if not any(p.name == "seed" or p.kind is p.VAR_KEYWORD for p in parameters):
            raise EnvironmentFault(
                f"{name}: reset() of {type(layer).__name__} takes no seed. Write it as reset(self, *, seed=None, "
                "options=None), beginning with super().reset(seed=seed), and draw what is random from self.np_random."
            )


def require_promised(name: str, space: gym.Space, observation: PyTree, leading: tuple[int, ...]) -> None:
    reason = fault(space, observation, leading)
    if reason is not None:
        raise EnvironmentFault(
            f"{name}, copy 0, reset: what reset() returned is not of its observation_space {brief(space)}: {reason}"
        )


def require_maskable(name: str, space: gym.Space, ours: spaces.Space) -> None:
    if mask_size(space) is None:
        raise ValueError(
            f"{name} gives action masks, but only Discrete, MultiDiscrete and MultiBinary actions can be masked; its "
            f'actions are {spaces.describe(ours)}. Remove action_masks() or info["action_mask"].'
        )
