"""Some hundred steps of the environment: by the random policy, by the trained one, and the same steps again.

The environment is the one that the run trains in, stepped on the host, so that what is seen is what is learnt from.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from operant import spaces
from operant.agent.core import Core
from operant.algorithms.random import Random
from operant.diagnosis.evidence import Played, Repeats
from operant.engine.policy import Policy
from operant.envs.check import check
from operant.envs.host import HostEnvironments
from operant.envs.source import Source
from operant.envs.view import EnvironmentView
from operant.types import PyTree

COPIES = 16  # environments side by side
STEPS = 500  # of each at most
PER_COPY = 40  # of each at least: together some hundred
REPEATED = 60  # of the episode that is played again
SEED = 30_000  # of all that is played: evaluations count from 10,000, films from 20,000
PARTS = (
    1.0,
    0.5,
    0.25,
    0.1,
    0.05,
    0.02,
    0.01,
)  # of a Box's half-width, at which it is asked what an action does
KINDS_OF_OUR_OWN = ("seed", "copy")  # of `operant.check`, which are looked at here in more detail


@dataclass(frozen=True)
class Seen:
    """What was played, and a sample of the observations `[M, …]` in operant's own terms."""

    played: Played
    observations: PyTree
    masks: PyTree


def play(environments: HostEnvironments, policy: Policy, most: int = STEPS) -> Seen:
    """Step all copies until each has ended an episode, for at least `PER_COPY` steps and at most `most`."""
    count = environments.spec.num_envs
    observation, mask = environments.reset(jax.random.key(SEED))
    carry, fresh = None, np.ones(count, bool)
    rows: list[tuple[Any, ...]] = []
    ended, seconds = np.zeros(count, bool), 0.0
    for t in range(most):
        action, carry = policy(observation, mask, carry, fresh, t)
        began = time.perf_counter()
        step = environments.step(action)
        seconds += (time.perf_counter() - began) * (t > 0)  # the first may compile
        fresh = np.asarray(step.terminated | step.truncated)
        raw = step.reward if step.raw_reward is None else step.raw_reward
        rows.append((observation, mask, action, step.reward, raw, step.terminated, step.truncated))
        observation, mask = step.observation, step.action_mask
        ended |= fresh
        if ended.all() and t + 1 >= PER_COPY:
            break
    return _seen(environments.spec.observation_space, rows, seconds)


def _seen(space: spaces.Space, rows: list[tuple[Any, ...]], seconds: float) -> Seen:
    observed, masks, actions, rewards, raw, terminated, truncated = zip(*rows, strict=True)
    stacked = jax.tree.map(lambda *x: np.stack(x), *observed)
    done = np.stack(terminated) | np.stack(truncated)
    since = len(done) - np.where(done.any(0), len(done) - np.argmax(done[::-1], 0), 0)
    played = Played(
        vectors(space, stacked),
        np.stack(actions).reshape(len(actions), len(rewards[0]), -1).astype(np.float64),
        np.stack(rewards).astype(np.float64),
        np.stack(raw).astype(np.float64),
        np.stack(terminated),
        np.stack(truncated),
        longest_open=int(since.max()),
        seconds=seconds,
    )
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), stacked)
    masked = None if masks[0] is None else jax.tree.map(lambda *x: np.concatenate(x), *masks)
    return Seen(played, flat, masked)


def vectors(space: spaces.Space, observation: PyTree) -> np.ndarray | None:
    """The numbers `[T, N, D]` of a vector observation, or of all vectors of a Dict; None where there are none."""
    leaves = jax.tree.leaves(observation)
    kinds = jax.tree.leaves(_leaves(space))
    chosen = [
        np.asarray(leaf, np.float64)
        for leaf, kind in zip(leaves, kinds, strict=True)
        if isinstance(kind, spaces.Box) and len(kind.shape) == 1 and kind.dtype != "uint8"
    ]
    return np.concatenate(chosen, -1) if chosen else None


def _leaves(space: spaces.Space) -> list[spaces.Space]:
    """The parts of a space, in the order of JAX's pytrees."""
    if isinstance(space, spaces.Dict):
        return [leaf for _, part in space.items for leaf in _leaves(part)]
    return (
        [leaf for part in space.items for leaf in _leaves(part)]
        if isinstance(space, spaces.Tuple)
        else [space]
    )


def random_policy(core: Core) -> Policy:
    """Every possible action as likely."""
    algorithm = Random()
    return Policy(
        algorithm, algorithm.init(core.spec, jax.random.key(SEED)), core.spec, explore=True, seed=SEED
    )


def faults(source: Source) -> tuple[str, ...]:
    """What `operant.check` finds wrong, but for what `repeats` looks at."""
    report = check(source, 1, max_steps=PER_COPY)
    found = zip(report.kinds, report.errors, strict=True)
    return tuple(text for kind, text in found if kind not in KINDS_OF_OUR_OWN)


def repeats(core: Core) -> Repeats:
    """An episode, others after it, and the same episode again; in a copy; and how episodes open."""
    view = EnvironmentView(core.make_env(core.source))
    own, space = not core.source.shared, core.spec.action_space
    try:
        first = _episode(view, space, SEED, REPEATED)
        between = sum(len(_episode(view, space, SEED + 1 + i, REPEATED).rewards) for i in range(4))
        again = _episode(view, space, SEED, REPEATED)
        copies_same = True
        if own:
            copy = EnvironmentView(core.make_env(core.source))
            _episode(copy, space, SEED + 9, 3)
            copies_same = _same(first.observations, _episode(copy, space, SEED, REPEATED).observations)
            copy.close()
        seeded = [_episode(view, space, SEED + i, 0).observations[0] for i in range(3)]
        unseeded = [_episode(view, space, None, 0).observations[0] for _ in range(4)]
    finally:
        if own:
            view.close()
    return Repeats(
        _same(first.observations, again.observations),
        len(first.rewards) == len(again.rewards) and np.allclose(first.rewards, again.rewards, 1e-5, 1e-6),
        copies_same,
        not all(_same([seeded[0]], [each]) for each in seeded[1:]),
        not all(_same([unseeded[0]], [each]) for each in unseeded[1:]),
        (tuple(first.rewards), tuple(again.rewards)),
        len(first.rewards) + between,
    )


@dataclass(frozen=True)
class _Episode:
    observations: list[PyTree]
    rewards: list[float]


def _episode(view: EnvironmentView, space: spaces.Space, seed: int | None, most: int) -> _Episode:
    """Up to `most` steps of actions that are the same for every call."""
    view.reset(seed)
    draw = np.random.default_rng(SEED)
    found = _Episode([_copied(view.observation)], [])
    for _ in range(most):
        reward, done = view.step(_action(space, view.action_mask, draw))
        found.observations.append(_copied(view.observation))
        found.rewards.append(reward)
        if done:
            break
    return found


def _copied(observation: PyTree) -> PyTree:
    return jax.tree.map(lambda x: np.array(x), observation)


def _action(space: spaces.Space, mask: np.ndarray | None, draw: np.random.Generator) -> np.ndarray:
    """A random action in operant's own terms."""
    if isinstance(space, spaces.Discrete):
        allowed = np.arange(space.n) if mask is None else np.flatnonzero(mask)
        return np.asarray(draw.choice(allowed), np.int32)
    if isinstance(space, spaces.MultiDiscrete):
        return draw.integers(0, space.nvec).astype(np.int32)
    if isinstance(space, spaces.MultiBinary):
        return draw.integers(0, 2, space.n).astype(np.int32)
    assert isinstance(space, spaces.Box)
    low, high = (
        np.where(np.isfinite(bound), bound, other) for bound, other in zip(space.bounds, (-1, 1), strict=True)
    )
    return draw.uniform(low, high).astype(space.dtype)


def _same(one: list[PyTree], other: list[PyTree]) -> bool:
    """Whether two courses of observations are the same, but for how they were rounded."""
    return len(one) == len(other) and all(
        np.allclose(a, b, 1e-5, 1e-6, equal_nan=True)
        for x, y in zip(one, other, strict=True)
        for a, b in zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True)
    )


def reach(core: Core) -> float | None:
    """The part of a Box's half-width from which larger actions do the same, by three steps from one state; None for
    other spaces, and where the same actions do not do the same twice."""
    space = core.spec.action_space
    if not (isinstance(space, spaces.Box) and space.bounded and space.dtype.startswith("float")):
        return None
    low, high = space.bounds
    middle, half = (low + high) / 2, (high - low) / 2
    view = EnvironmentView(core.make_env(core.source))
    sign = np.where(np.arange(half.size) % 2 == 0, 1.0, -1.0).reshape(half.shape)

    def course(part: float) -> tuple[list[PyTree], list[float]]:
        view.reset(SEED)
        seen, rewards = [], []
        for _ in range(3):
            reward, done = view.step((middle + sign * part * half).astype(space.dtype))
            seen.append(_copied(view.observation))
            rewards.append(reward)
            if done:
                break
        return seen, rewards

    def alike(one: tuple[list[PyTree], list[float]], other: tuple[list[PyTree], list[float]]) -> bool:
        return _same(one[0], other[0]) and np.allclose(one[1], other[1], 1e-6, 1e-7)

    try:
        whole = course(1.0)
        if not alike(whole, course(1.0)) or alike(whole, course(0.0)):
            return None
        least = 1.0
        for part in PARTS[1:]:
            if not alike(whole, course(part)):
                break
            least = part
        return least
    finally:
        if not core.source.shared:
            view.close()


def quietly(function: Callable[[], Any]) -> Any:
    """What a function returns, without the warnings of the environments that it makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function()
