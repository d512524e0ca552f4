"""A Gymnasium vector environment behind the host interface: one that a user made, or ours in processes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym
import jax
import numpy as np
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from operant.envs.border import Border
from operant.envs.goals import Goals, goals_of, says_goals
from operant.envs.gymnasium_checked import Checked
from operant.envs.gymnasium_checks import Checks, EnvironmentFault, late_mask, missing_mask
from operant.envs.gymnasium_layers import DISCOUNT, MASK, RAW_REWARD, time_limit
from operant.envs.gymnasium_processes import ProcessEnded, Processes, ProcessLate, original
from operant.envs.gymnasium_spaces import action_to_gym, space_from_gymnasium
from operant.envs.gymnasium_stepping import require_maskable, require_promised, require_seed, seeds, with_rows
from operant.envs.gymnasium_values import reset_fault, step_fault
from operant.envs.host import HostEnvironments
from operant.envs.timeouts import Late, Timeout
from operant.envs.vector_single import first_copy
from operant.types import EnvSpec, PyTree, TimeStep


class VectorEnvironments(HostEnvironments):
    """A Gymnasium vector environment.

    With SAME_STEP autoreset its `final_obs` are the true successors. With NEXT_STEP autoreset the step after
    the end of an episode only shows the first observation of the next one: it is not valid.

    Those of a SyncVectorEnv are put into a layer that looks at what they answer and keeps their last observations.

    Args:
        envs: the vector environment.
        like: the description of one of its environments; found by looking at `envs` when None.
        timeout: seconds that a step or a reset may take: of each environment in a process, else of all together.
    """

    def __init__(self, envs: VectorEnv, like: EnvSpec | None = None, timeout: float | None = None) -> None:
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
        self._asked: gym.Env | None = None  # about goals
        like = like or _like(envs)
        inner = envs.unwrapped
        self._processes = Processes(inner, timeout) if isinstance(inner, AsyncVectorEnv) else None
        self._timeout = None if timeout is None or self._processes is not None else Timeout(timeout)
        if isinstance(inner, SyncVectorEnv):
            inner.envs = [
                env if isinstance(env, Checked) else Checked(env, like.id, i)
                for i, env in enumerate(inner.envs)
            ]
        self._checks = Checks(like.id, self._observation_space, self._action_space, envs.num_envs)
        # Whether processes can be sent their actions and asked later: layers around them want to see every step.
        self._apart = type(envs).step is AsyncVectorEnv.step
        observation, infos = self._answered("reset", envs.reset, seed=0)
        require_promised(like.id, self._observation_space, observation, (envs.num_envs,))
        if MASK in infos:
            require_maskable(like.id, self._action_space, like.action_space)
        self.spec = replace(like, num_envs=envs.num_envs, masked=MASK in infos, dummy_steps=self._next_step)
        self.spec = replace(self.spec, discounted=DISCOUNT in infos)

    def reset(
        self, key: jax.Array, start_key: jax.Array | None = None, group: int = 1
    ) -> tuple[PyTree, PyTree]:
        own = seeds(key if start_key is None else start_key, self.envs.num_envs, group)
        # Only Gymnasium's two can be relied on to take a list; the others spread one seed themselves.
        listed = isinstance(self.envs.unwrapped, SyncVectorEnv | AsyncVectorEnv)
        if group > 1 and not listed:
            raise ValueError(
                f"{self.spec.id}: {group} episodes that begin alike need a seed for each environment, and "
                f"{type(self.envs.unwrapped).__name__} takes one for all. Give a function that makes one environment."
            )
        observation, infos = self._answered("reset", self.envs.reset, seed=own if listed else own[0])
        self._ended = np.zeros(self.envs.num_envs, bool)
        return self._checks.batch(observation), self._masks(infos)

    def step(self, action: PyTree) -> TimeStep:
        self.send(action)
        return self.receive()

    def send(self, action: PyTree) -> None:
        self._checks.taken += 1
        self._sent = action_to_gym(self._action_space, action)
        if self._apart:
            inner: Any = self.envs
            self._guarded("step", inner.step_async, self._sent)

    def receive(self) -> TimeStep:
        checks, envs = self._checks, self.envs
        inner: Any = envs
        answer = (inner.step_wait,) if self._apart else (envs.step, self._sent)
        observation, *outcomes, infos = self._answered("step", *answer)
        reward, terminated, truncated = checks.batch_outcomes(*outcomes)
        self._infos = infos
        raw_reward = _raw_reward(infos)
        observation, mask = checks.batch(observation), self._masks(infos)
        valid, next_observation, next_mask = None, observation, mask
        if self._next_step:
            valid = ~self._ended
            reward, terminated, truncated = reward * valid, terminated & valid, truncated & valid
            self._ended = terminated | truncated
            truncated = truncated | ~valid
        else:
            self._ended = terminated | truncated
            ended = np.flatnonzero(self._ended)
            next_observation, next_mask = self._final(infos, ended, observation, mask)
        if self.on_end is not None and (over := np.flatnonzero(self._ended)).size:
            infos = self.infos
            for i in over:
                self.on_end(int(i), len(infos), infos[i])
        discount = None
        if self.spec.discounted:
            discount = checks.discounts([info.get(DISCOUNT) for info in self.infos])
            if valid is not None:
                discount = np.where(valid, discount, np.float32(1))
        outcome: Any = (reward, terminated, truncated, mask, next_mask, valid, raw_reward, discount)
        return TimeStep(observation, next_observation, *outcome)

    @property
    def infos(self) -> list[dict[str, Any]]:
        """Of an environment whose episode ended, what it said of the step that ended it."""
        final, ended = self._infos.get("final_info", {}), self._infos.get("_final_info")
        return [
            _of_one(final if ended is not None and ended[i] else self._infos, i)
            for i in range(self.envs.num_envs)
        ]

    @property
    def lost(self) -> bool:
        return self._processes is not None and self._processes.lost

    @property
    def goals(self) -> Goals | None:
        if not self.spec.goals:
            return None
        inner: Any = self.envs.unwrapped
        if self._asked is None:  # one in another process would be asked, and wait for, all the others
            self._asked = inner.envs[0] if isinstance(inner, SyncVectorEnv) else first_copy(inner)
        return goals_of(self._asked, self.spec.id)

    def close(self) -> None:
        self.envs.close()
        if self._asked is not None:
            self._asked.close()

    def _call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        inner = self.envs.unwrapped
        if not isinstance(inner, SyncVectorEnv | AsyncVectorEnv):
            return super()._call(name)
        try:
            return list(inner.call(name, *arguments, **keywords))
        except Exception as error:
            if self._processes is not None:
                self._require_processes(error, f"{name}()")
            raise

    def _answered(self, method: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a function of the vector environment returns for its `reset` or `step`."""
        result = self._guarded(method, function, *arguments, **options)
        reason = reset_fault(result) if method == "reset" else step_fault(result)
        if reason is not None:
            raise self._checks.refuse(None, reason, method)
        return result

    def _guarded(self, method: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The same of any function; errors say where they were."""
        try:
            if self._timeout is None:
                return function(*arguments, **options)
            return self._timeout.call(function, *arguments, **options)
        except Late as late:
            raise self._checks.late(None, method, late.seconds) from None
        except Exception as error:
            if isinstance(self.envs.unwrapped, SyncVectorEnv):
                raise  # with what its layer has said
            if self._processes is None:
                self._checks.reraise(error, None, method)
            copy = self._failed(error, method)
            self._checks.reraise(original(error), copy, method)

    def _failed(self, error: Exception, method: str) -> int | None:
        """Whose error it is, where that can be told; the processes are of no more use and are ended.

        Raises EnvironmentFault for one that has ended, or takes too long.
        """
        assert self._processes is not None
        copy = next((i for i, pipe in enumerate(self._processes.envs.parent_pipes) if pipe is None), None)
        self._require_processes(error, method)
        self._processes.end()
        return copy

    def _require_processes(self, error: Exception, method: str) -> None:
        """Raise EnvironmentFault where `error` is that a process has ended, or takes too long."""
        processes = self._processes
        assert processes is not None
        ended = error if isinstance(error, ProcessEnded) else None
        if isinstance(error, EOFError | ConnectionError):
            ended = processes.ended()
        if ended is not None:
            processes.end()
            raise self._checks.refuse(ended.index, str(ended), method) from error
        if isinstance(error, ProcessLate):
            processes.end()
            raise self._checks.late(error.index, method, error.seconds) from None

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
        rows = {int(i): self._checks.observation(infos["final_obs"][i], int(i)) for i in ended}
        final_masks = infos.get("final_info", {}).get(MASK)
        if mask is None or final_masks is None:
            return with_rows(observation, rows), mask
        masks = {int(i): self._checks.mask(final_masks[i], int(i), final=True) for i in ended}
        return with_rows(observation, rows), with_rows(mask, masks)

    def _masks(self, infos: dict[str, Any]) -> np.ndarray | None:
        if not self.spec.masked:
            if MASK in infos:
                raise self._checks.refuse(None, late_mask())
            return None
        if MASK not in infos:
            raise self._checks.refuse(None, missing_mask("first reset"))
        told = np.broadcast_to(infos.get(f"_{MASK}", True), self.spec.num_envs)
        return self._checks.masks(
            [{MASK: mask} if there else {} for mask, there in zip(infos[MASK], told, strict=True)]
        )


def _like(envs: VectorEnv) -> EnvSpec:
    """The description of one environment of a vector environment that somebody else made."""
    inner = envs.unwrapped
    if isinstance(inner, SyncVectorEnv | AsyncVectorEnv):
        single = first_copy(inner)
        name = single.spec.id if single.spec is not None else type(single.unwrapped).__name__
        limit, method = time_limit(single), single.has_wrapper_attr("action_masks")
        require_seed(name, single)
        if method:
            raise ValueError(
                f"{name} has an action_masks() method, which a vector environment does not call. Give the "
                'function that makes one environment, or put the mask into info["action_mask"].'
            )
        result = single.reset(seed=0)
        reason = reset_fault(result)
        if reason is not None:
            raise EnvironmentFault(f"{name}: {reason}")
        require_promised(name, single.observation_space, result[0], ())
        if isinstance(inner, AsyncVectorEnv):
            _play(Checked(single, name, 0))
        same_step = envs.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP
        if isinstance(inner, AsyncVectorEnv) and same_step and _overwrites(single):
            raise ValueError(
                f"{name} writes its observations into an array that it has given out before, and an AsyncVectorEnv "
                "with SAME_STEP autoreset resets it before the last observation of an episode is copied. Return a copy "
                "(observation.copy()), give the function that makes one environment and vectorization='async', which "
                "copies, or take NEXT_STEP autoreset."
            )
        # What a layer around all of them does to observations and rewards is not known.
        goals = envs is inner and says_goals(single, space_from_gymnasium(single.observation_space))
        single.close()
    else:
        goals = False
        name = envs.spec.id if envs.spec is not None else type(inner).__name__
        limit = getattr(
            inner, "max_episode_steps", envs.spec.max_episode_steps if envs.spec is not None else None
        )
    try:
        parts = map(space_from_gymnasium, (envs.single_observation_space, envs.single_action_space))
        border = Border(envs.single_observation_space, envs.single_action_space)
        return EnvSpec(name, *parts, max_episode_steps=limit, goals=goals, border=border)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _play(env: Checked, steps: int = 5) -> None:
    """Raise EnvironmentFault for what a few steps of one copy answer.

    Somebody else's processes convert observations, rewards and flags before anybody here can look at them.
    """
    _, info = env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(0 if MASK in info else steps):  # not every action is possible with masks
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            break


def _overwrites(env: gym.Env) -> bool:
    """Whether a reset changes an observation that was given out before it."""
    env.action_space.seed(0)
    for _ in range(5):  # what is written over may be the same by chance
        env.reset(seed=0)
        given = env.step(env.action_space.sample())[0]
        before = copy.deepcopy(given)
        env.reset()
        if not data_equivalence(before, given):
            return True
    return False


def _of_one(infos: dict[str, Any], index: int) -> dict[str, Any]:
    """What one environment said, of infos as a vector environment gives them: arrays, and masks of who said so."""
    found = {}
    for name, values in infos.items():
        if name.startswith("_") or name in ("final_obs", "final_info"):
            continue
        said = infos.get(f"_{name}")
        if isinstance(values, dict):
            found[name] = _of_one(values, index)
        elif said is None or said[index]:
            found[name] = values[index]
    return found


def _raw_reward(infos: dict[str, Any]) -> np.ndarray | None:
    """`[N]`, where a wrapper tells it; that of a step which ended an episode stands in `final_info`."""
    parts = [part[RAW_REWARD] for part in (infos, infos.get("final_info", {})) if RAW_REWARD in part]
    return np.asarray(np.sum(parts, 0), np.float32) if parts else None  # 0 where one has nothing to say
