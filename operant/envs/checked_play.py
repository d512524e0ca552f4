"""An episode of random actions in which every result is checked."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import jax
import numpy as np

from operant.envs.gymnasium_checks import late_mask
from operant.envs.gymnasium_layers import MASK
from operant.envs.gymnasium_spaces import action_to_gym, flat_mask
from operant.envs.gymnasium_values import brief, fault, flag_fault, reset_fault, reward_fault, step_fault
from operant.types import PyTree


@dataclass
class Findings:
    """The faults that were found, the first of each kind."""

    errors: dict[str, str] = field(default_factory=dict)
    advice: dict[str, str] = field(default_factory=dict)
    noted: int = 0  # errors, those of a kind that was known before as well

    def error(self, kind: str, text: str) -> None:
        self.noted += 1
        self.errors.setdefault(kind, text)

    def advise(self, kind: str, text: str) -> None:
        self.advice.setdefault(kind, text)


@dataclass
class Episode:
    """A record of an episode; `observations` has one more entry than there were steps."""

    observations: list[PyTree]
    rewards: np.ndarray
    terminated: bool = False
    truncated: bool = False
    shared: bool = False  # whether two observations were the same memory
    seconds: float = 0.0

    @property
    def length(self) -> int:
        return len(self.rewards)


def play(env: gym.Env, findings: Findings, seed: int | None, actions: int, max_steps: int) -> Episode:
    """An episode whose actions are drawn with the seed `actions`; it stops at the first fault."""
    episode, rewards = Episode([], np.zeros(0)), []
    env.action_space.seed(actions)
    before_this = findings.noted

    def look(observation: Any, info: Any, when: str, over: bool = False) -> Any:
        """The mask in `info`; faults are recorded."""
        reason = fault(env.observation_space, observation)
        if reason is not None:
            findings.error("observation", f"{when}: {reason} Its space is {brief(env.observation_space)}.")
            return None
        beyond = _beyond(env.observation_space, observation)
        if beyond is not None:
            findings.advise("beyond", f"{when}: {beyond}")
        episode.observations.append(copy.deepcopy(observation))
        mask = info.get(MASK) if isinstance(info, Mapping) else None
        try:
            return None if mask is None else flat_mask(env.action_space, mask, final=over)
        except ValueError as error:
            findings.error("mask", f"{when}: {error}")
            return None

    try:
        result = env.reset(seed=seed)
    except Exception as error:
        findings.error("reset", f"reset(seed={seed}) raises {type(error).__name__}: {error}")
        return episode
    reason = reset_fault(result)
    if reason is not None:
        findings.error("reset", reason)
        return episode
    before, masked = result[0], MASK in result[1]
    mask = look(*result, "reset")
    while findings.noted == before_this and len(rewards) < max_steps:
        when = f"step {len(rewards) + 1}"
        began = time.perf_counter()
        try:
            result = env.step(_action(env.action_space, mask))
        except Exception as error:
            findings.error("step", f"{when} raises {type(error).__name__}: {error}")
            break
        episode.seconds += time.perf_counter() - began
        reason = step_fault(result)
        if reason is not None:
            findings.error("step", f"{when}: {reason}")
            break
        observation, reward, terminated, truncated, info = result
        for kind, said in (
            ("reward", reward_fault(reward)),
            ("terminated", flag_fault("terminated", terminated)),
            ("truncated", flag_fault("truncated", truncated)),
        ):
            if said is not None:
                findings.error(kind, f"{when}: {said}")
        if not masked and isinstance(info, Mapping) and MASK in info:
            findings.error("mask", f"{when}: {late_mask()}")
        mask = look(observation, info, when, over=bool(terminated or truncated))
        if findings.noted > before_this:
            break
        rewards.append(float(reward))
        episode.shared |= _shared(before, observation)
        before = observation
        episode.terminated, episode.truncated = bool(terminated), bool(truncated)
        if terminated or truncated:
            break
    episode.rewards = np.array(rewards)
    episode.observations = episode.observations[: len(rewards) + 1]
    return episode


def _action(space: gym.Space, mask: np.ndarray | None) -> Any:
    """A random action, one of those that are possible."""
    if mask is None:
        return space.sample()
    if isinstance(space, gym.spaces.Discrete):
        return space.sample(mask=mask.astype(np.int8))
    # Not Gymnasium's own way: it has another form of mask for each of the other spaces.
    sizes = (
        np.ravel(space.nvec) if isinstance(space, gym.spaces.MultiDiscrete) else np.full(len(mask) // 2, 2)
    )
    parts = np.split(mask, np.cumsum(sizes)[:-1])
    return action_to_gym(space, np.array([space.np_random.choice(np.flatnonzero(part)) for part in parts]))


def _beyond(space: gym.Space, observation: Any) -> str | None:
    """Which numbers lie outside the bounds of a real-valued Box; they are accepted."""
    if isinstance(space, gym.spaces.Dict):
        parts = [(space[name], observation[name]) for name in space]
    elif isinstance(space, gym.spaces.Tuple):
        parts = list(zip(space.spaces, observation, strict=True))
    else:
        if not isinstance(space, gym.spaces.Box) or space.dtype.kind != "f":
            return None
        array = np.asarray(observation, np.float64)
        margin = 1e-4 * np.maximum(1, np.abs(array))
        outside = (array < space.low - margin) | (array > space.high + margin)
        if not outside.any():
            return None
        value = array[outside].flat[0]
        return f"an observation holds {value:g}, which is outside the bounds of {brief(space)}."
    return next((said for part in parts if (said := _beyond(*part)) is not None), None)


def _shared(one: PyTree, other: PyTree) -> bool:
    """Whether two observations share memory."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=False)
    return any(
        isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.shares_memory(a, b) for a, b in pairs
    )
