"""What environments answer, looked at before it is learnt from. Errors name environment, copy, step and field.

Everything is checked for all copies at once; which of them it was is looked for only when something is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import gymnasium as gym
import jax
import numpy as np

from operant.envs.gymnasium_layers import DISCOUNT, MASK
from operant.envs.gymnasium_reading import Reader
from operant.envs.gymnasium_spaces import flat_mask, mask_size, observation_to_jax
from operant.envs.gymnasium_values import (
    LARGEST,
    brief,
    fault,
    flag_fault,
    info_fault,
    reset_fault,
    reward_fault,
    step_fault,
)
from operant.envs.timeouts import Late
from operant.types import PyTree

NUMBERS = frozenset(
    (float, int, np.float64, np.float32, np.int64)
)  # of which a reward is, and nearly always is one
FLAGS = frozenset((bool, np.bool_))
LOOK_CLOSER = " operant.check(env) looks closer."


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
        for i, answer in enumerate(zip(*given, strict=True)):
            self._require_outcome(answer, i)
        return reward.astype(np.float32), ended.astype(bool), cut.astype(bool)

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
        except (Exception, Late, SystemExit) as error:
            self.reraise(error, copy, "reset")
        reason = reset_fault(result)
        if reason is not None:
            raise self.refuse(copy, reason, "reset")
        return result

    def step(
        self, env: gym.Env, action: Any, copy: int
    ) -> tuple[PyTree, Any, Any, Any, dict[str, Any], bool]:
        """`(observation, reward, terminated, truncated, info, whether the episode is over)` of its step.

        All are looked at but the observation and masks.
        """
        try:
            result: Any = env.step(action)
        except (Exception, Late, SystemExit) as error:
            self.reraise(error, copy)
        try:
            observation, reward, terminated, truncated, info = result
        except (TypeError, ValueError):
            raise self.refuse(copy, step_fault(result) or "") from None
        if not (  # what nearly all of them answer, in the least time
            reward.__class__ in NUMBERS
            and -LARGEST <= reward <= LARGEST
            and terminated.__class__ in FLAGS
            and truncated.__class__ in FLAGS
            and info.__class__ is dict
        ):
            self._require_outcome((reward, terminated, truncated), copy)
            if (reason := info_fault(info)) is not None:
                raise self.refuse(copy, reason)
            reward, terminated, truncated = float(reward), bool(terminated), bool(truncated)
        return observation, reward, terminated, truncated, info, terminated or truncated

    def discounts(self, given: Sequence[Any]) -> np.ndarray:
        """The discounts of a step of every copy, `[N]`. Raises EnvironmentFault for one that is none in [0, 1]."""
        try:
            found = np.array(given, np.float32)
        except (TypeError, ValueError):
            found = np.zeros(0, np.float32)
        if found.shape != (len(given),) or not ((found >= 0) & (found <= 1)).all():
            wrong = next(i for i, one in enumerate(given) if not _is_fraction(one))
            raise self.refuse(
                wrong,
                f'info["{DISCOUNT}"] is {given[wrong]!r} after a step. Where the first reset has one, every step must '
                "say how much of what follows counts: a number from 0 to 1.",
            )
        return found

    def _require_outcome(self, answer: tuple[Any, ...], copy: int) -> None:
        reward, terminated, truncated = answer
        reason = (
            reward_fault(reward) or flag_fault("terminated", terminated) or flag_fault("truncated", truncated)
        )
        if reason is not None:
            raise self.refuse(copy, reason)

    # words

    def refuse(self, copy: int | None, reason: str, method: str = "step") -> EnvironmentFault:
        """The error that says so."""
        return EnvironmentFault(f"{self.where(copy, method)}: {reason}{LOOK_CLOSER}")

    def where(self, copy: int | None, method: str = "step") -> str:
        """Which environment, which of its copies and when, in words."""
        which = "" if copy is None else f", copy {self.first + copy}"
        when = f"step {self.taken:,}" if method == "step" and self.taken else "reset"
        if when == "reset" and self.taken:
            when = f"reset after step {self.taken:,}"
        return f"{self.name}{which}, {when}"

    def late(self, copy: int | None, method: str, seconds: float) -> EnvironmentFault:
        """The error that a step or a reset took too long."""
        reason = f"{method}() takes longer than env_timeout={seconds:g} s."
        return EnvironmentFault(
            f"{self.where(copy, method)}: {reason} Raise it if that may be (--env-timeout), or see where it hangs."
        )

    def reraise(self, error: BaseException, copy: int | None, method: str = "step") -> NoReturn:
        """Raise an environment's own error again, which says from now on where it was."""
        if isinstance(error, EnvironmentFault):
            raise error
        if isinstance(error, Late):
            raise self.late(copy, method, error.seconds) from None
        if isinstance(error, SystemExit):
            raise self.refuse(
                copy, f"{method}() ends the process, with sys.exit({error.code!r}).", method
            ) from None
        if isinstance(error, ValueError) and "values to unpack" in str(error):  # by a wrapper
            form = step_fault(None) if method == "step" else reset_fault(None)
            raise self.refuse(copy, f"{error}: {form}", method) from error
        if any(note.startswith("operant: ") for note in getattr(error, "__notes__", ())):
            raise error  # which says so already, in the process that it comes from
        error.add_note(f"operant: {self.where(copy, method)}: {method}() raised this.")
        raise error


def late_mask() -> str:
    """What is wrong with an environment that begins to say which actions are possible after its first reset."""
    return f'info["{MASK}"] was not there at the first reset. It must be in the info of every reset and every step.'


def missing_mask(when: str) -> str:
    """What is wrong with an environment that stops saying which actions are possible."""
    return (
        f'there is no info["{MASK}"], which there was at its {when}. '
        "It must be in the info of every reset and every step."
    )


def _is_fraction(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and bool(0 <= value <= 1)
