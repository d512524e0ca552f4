"""What environments answer, looked at before it is learnt from. Errors name environment, copy, step and field.

Everything is checked for all copies at once; which of them it was is looked for only when something is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import gymnasium as gym
import jax
import numpy as np

from operant.envs.gymnasium_layers import MASK
from operant.envs.gymnasium_reading import Reader
from operant.envs.gymnasium_spaces import flat_mask, mask_size, observation_to_jax
from operant.envs.gymnasium_values import (
    brief,
    fault,
    flag_fault,
    info_fault,
    reset_fault,
    reward_fault,
    step_fault,
)
from operant.types import PyTree

LARGEST = float(np.finfo(np.float32).max)


class EnvironmentFault(ValueError):
    """An environment answered what cannot be learnt from: no number, not of its space, of another form."""


class Checks:
    """Turns the answers of N copies of an environment into arrays.

    Args:
        name: the environment's, for messages.
        count: N.
        first: the number of the first copy, for messages.
    """

    def __init__(
        self, name: str, observation_space: gym.Space, action_space: gym.Space, count: int, first: int = 0
    ) -> None:
        self.name, self.count, self.first = name, count, first
        self.observation_space, self.action_space = observation_space, action_space
        self.taken = 0  # steps, of each copy
        self._reader = Reader(observation_space)

    # observations

    def observations(self, given: Sequence[PyTree], copies: Sequence[int] | None = None) -> PyTree:
        """`[N, …]` in operant's types, of one observation of each copy."""
        try:
            return self._reader.list(given)
        except Exception:  # of whatever kind: `fault` finds the words
            pass
        space = self.observation_space
        for i, observation in enumerate(given):
            reason = fault(space, observation)
            if reason is not None:
                raise self.refuse(
                    i if copies is None else copies[i], f"{reason} Its space is {brief(space)}."
                )
        return jax.tree.map(lambda *x: np.stack(x), *(observation_to_jax(space, o) for o in given))

    def observation(self, given: PyTree, copy: int) -> PyTree:
        """A copy of the observation of one environment, in operant's types."""
        return jax.tree.map(lambda x: x[0], self.observations([given], [copy]))

    def batch(self, given: PyTree) -> PyTree:
        """The same of observations that a vector environment has put together."""
        try:
            return self._reader.batch(given)
        except Exception:
            pass
        space, count = self.observation_space, self.count
        if fault(space, given, (count,)) is None:
            return observation_to_jax(space, given)
        for i in range(count):
            try:
                reason = fault(space, jax.tree.map(lambda x, i=i: x[i], given))
            except (IndexError, TypeError, KeyError):
                break
            if reason is not None:
                raise self.refuse(i, f"{reason} Its space is {brief(space)}.")
        raise self.refuse(None, f"{fault(space, given, (count,))} Its space is {brief(space)}.")

    # what else a step answers

    def outcomes(
        self,
        rewards: Sequence[Any],
        terminated: Sequence[Any],
        truncated: Sequence[Any],
        copies: Sequence[int] | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(reward float32, terminated bool, truncated bool)`, each `[N]`, of lists of what the copies answered."""
        try:
            # What is no number cannot be added, and what is not finite spreads. Text would be converted below.
            if -LARGEST <= sum(rewards) <= LARGEST:
                reward, ended, cut = np.array(rewards, np.float32), np.array(terminated), np.array(truncated)
                flags = ended.dtype.char == cut.dtype.char == "?"
                if flags and reward.ndim == ended.ndim == cut.ndim == 1:
                    return reward, ended, cut
        except Exception:  # of whatever kind: the faults below find the words
            pass
        for i, (pay, over, short) in enumerate(zip(rewards, terminated, truncated, strict=True)):
            reason = reward_fault(pay) or flag_fault("terminated", over) or flag_fault("truncated", short)
            if reason is not None:
                raise self.refuse(i if copies is None else copies[i], reason)
        return (
            np.array(rewards, np.float32),
            np.array(terminated).astype(bool),
            np.array(truncated).astype(bool),
        )

    def batch_outcomes(
        self, rewards: Any, terminated: Any, truncated: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same of a vector environment's arrays."""
        given = [np.asarray(x) for x in (rewards, terminated, truncated)]
        for name, array in zip(("reward", "terminated", "truncated"), given, strict=True):
            if array.shape != (self.count,):
                raise self.refuse(None, f"{name} must have shape ({self.count},); got {array.shape}.")
        reward, ended, cut = given
        if reward.dtype.kind in "iuf" and ended.dtype == cut.dtype == bool:
            reward = reward.astype(np.float32)
            if np.count_nonzero(np.isfinite(reward)) == self.count:
                return reward, ended.copy(), cut.copy()
        return self.outcomes(*(list(array) for array in given))

    def masks(self, infos: Sequence[Mapping[str, Any]], copies: Sequence[int] | None = None) -> np.ndarray:
        """Action masks `[N, n]` of what the environments told."""
        size, masks = mask_size(self.action_space), [info.get(MASK) for info in infos]
        if isinstance(self.action_space, gym.spaces.Discrete):
            try:
                flags = np.array(masks)
                if flags.dtype == bool and flags.shape == (len(masks), size) and flags.any(1).all():
                    return flags
            except Exception:
                pass
        return np.stack([self.mask(one, i if copies is None else copies[i]) for i, one in enumerate(masks)])

    def mask(self, mask: Any, copy: int, *, final: bool = False) -> np.ndarray:
        """One of them; the `final` one of an episode may be missing, or have nothing that is possible: nobody acts."""
        if mask is None and not final:
            raise self.refuse(copy, missing_mask("first reset"))
        if mask is None:
            return np.ones(mask_size(self.action_space) or 0, bool)
        try:
            return flat_mask(self.action_space, mask, final=final)
        except ValueError as error:
            raise self.refuse(copy, str(error)) from None

    # one copy

    def begin(self, env: gym.Env, copy: int, **options: Any) -> tuple[PyTree, dict[str, Any]]:
        """`(observation, info)` of its reset; the observation is still to be looked at."""
        try:
            result = env.reset(**options)
        except Exception as error:
            self.reraise(error, copy, "reset")
        reason = reset_fault(result)
        if reason is not None:
            raise self.refuse(copy, reason, "reset")
        return result

    def step(
        self, env: gym.Env, action: Any, copy: int
    ) -> tuple[PyTree, Any, Any, Any, dict[str, Any], bool]:
        """`(observation, reward, terminated, truncated, info, whether the episode is over)`; of these only `info` and
        the last are known to be right."""
        try:
            result = env.step(action)
        except Exception as error:
            self.reraise(error, copy)
        try:
            observation, reward, terminated, truncated, info = result
            over = bool(terminated or truncated)
        except (TypeError, ValueError):
            raise self._misshapen(result, copy) from None
        if info.__class__ is not dict and (reason := info_fault(info)) is not None:
            raise self.refuse(copy, reason)
        return observation, reward, terminated, truncated, info, over

    def _misshapen(self, result: Any, copy: int) -> EnvironmentFault:
        """What is wrong with the result of a step that could not be taken apart."""
        reason = step_fault(result)
        if reason is None:  # five values, whose flags are neither true nor false
            _, _, terminated, truncated, _ = result
            reason = flag_fault("terminated", terminated) or flag_fault("truncated", truncated) or ""
        return self.refuse(copy, reason)

    # words

    def refuse(self, copy: int | None, reason: str, method: str = "step") -> EnvironmentFault:
        """The error that says so."""
        return EnvironmentFault(f"{self.where(copy, method)}: {reason}")

    def where(self, copy: int | None, method: str = "step") -> str:
        """Which environment, which of its copies and when, in words."""
        which = "" if copy is None else f", copy {self.first + copy}"
        when = f"step {self.taken:,}" if method == "step" and self.taken else "reset"
        if when == "reset" and self.taken:
            when = f"reset after step {self.taken:,}"
        return f"{self.name}{which}, {when}"

    def reraise(self, error: Exception, copy: int | None, method: str = "step") -> NoReturn:
        """Raise an environment's own error again, which says from now on where it was."""
        if isinstance(error, EnvironmentFault):
            raise error
        if isinstance(error, ValueError) and "values to unpack" in str(error):  # by a wrapper
            form = step_fault(None) if method == "step" else reset_fault(None)
            raise self.refuse(copy, f"{error}: {form}", method) from error
        error.add_note(f"operant: {self.where(copy, method)}: {method}() raised this.")
        raise error


def missing_mask(when: str) -> str:
    """What is wrong with an environment that stops saying which actions are possible."""
    return (
        f'there is no info["{MASK}"], which there was at its {when}. '
        "It must be in the info of every reset and every step."
    )
