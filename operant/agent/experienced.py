"""What learners went through lately, taken between two chunks for somebody who looks: places, and what replay holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from operant import spaces
from operant.engine.train_state import TrainState
from operant.replay.ring import Ring
from operant.types import EnvSpec, PyTree

MOST = 2_000  # places, or stored transitions, of each learner
WIDEST = 1_000  # elements of an observation that is a list of quantities


@dataclass(frozen=True)
class Stored:
    """What replay holds: all of `size` transitions are told by at most `MOST` of them, evenly spread, oldest first."""

    size: int
    capacity: int
    reward: np.ndarray  # [K]
    ended: np.ndarray  # [K] whether the episode ended there
    priority: (
        np.ndarray | None
    )  # [K] the share of all draws that each would get were there only these; 0 if none


@dataclass(frozen=True)
class Experienced:
    """Places where learners have been, the oldest first, each with the learner's step then."""

    places: np.ndarray | None  # [K, D] vector observations, or [K] Discrete ones; None of others
    steps: np.ndarray  # [K]
    stored: Stored | None  # None without replay


def experienced(
    run: TrainState, spec: EnvSpec, several: bool, step: int, before: Experienced | None
) -> Experienced:
    """Of a run at a step: of what replay holds, or without it of where learners stand now and stood `before`.

    Of several learners replay is the first one's. All arrays are copies.
    """
    if run.replay is None:
        now = _places(spec, run.observation, 2 if several else 1)
        if now is None:
            return Experienced(None, np.zeros(0, np.int64), None)
        places, steps = now, np.full(len(now), step)
        if before is not None and before.places is not None:
            places = np.concatenate([before.places, places])[-MOST:]
            steps = np.concatenate([before.steps, steps])[-MOST:]
        return Experienced(places, steps, None)
    return _of_replay(run.replay, spec, several, step)


def _of_replay(ring: Ring, spec: EnvSpec, several: bool, step: int) -> Experienced:
    capacity, num_envs = ring.rows.reward.shape[-2:]
    size, position = (int(np.asarray(x).reshape(-1)[0]) for x in (ring.size, ring.position))
    count = min(capacity, max(1, MOST // num_envs))  # always as many rows, for which this is compiled once
    back = np.linspace(size, 1, count).astype(np.int32)
    taken = _taken(ring, (position - back) % capacity, several)
    _, first = np.unique(back, return_index=True)  # rows that are there twice, while there are few
    chosen, back = np.sort(first), back[np.sort(first)]

    def flat(x: Any) -> np.ndarray:
        return np.array(np.asarray(x)[chosen].reshape(-1, *x.shape[2:]))

    reward, ended, priority, seen = jax.tree.map(flat, taken)
    if priority is not None:
        priority = priority / max(float(priority.sum()), 1e-30)
    stored = Stored(size * num_envs, capacity * num_envs, reward, ended, priority)
    if size == 0:
        nothing = np.zeros(0, np.int64)
        return Experienced(None, nothing, Stored(0, stored.capacity, nothing, nothing, None))
    places = None if seen is None else _places(spec, seen, 1)
    return Experienced(places, np.repeat(step - back.astype(np.int64) * num_envs, num_envs), stored)


@partial(jax.jit, static_argnames="several")
def _taken(ring: Ring, rows: jax.Array, several: bool) -> PyTree:
    """`(reward, ended, priority, observation)` of rows of the ring, `[K, N, …]`; None for what there is not.

    Compiled, since nothing but these rows then leaves the device, and the ring can go on being written in place.
    """
    if several:
        ring = jax.tree.map(lambda x: x[0], ring)
    priority, shape = None, ring.rows.reward.shape
    if ring.priorities is not None:
        priority = ring.priorities.tree[0][: shape[0] * shape[1]].reshape(shape)[rows]
    seen = None if ring.frames is not None else jax.tree.map(lambda x: x[rows], ring.rows.observation)
    ended = ring.rows.terminated[rows] | ring.rows.truncated[rows]
    return ring.rows.reward[rows], ended, priority, seen


def _places(spec: EnvSpec, observation: PyTree, leading: int) -> np.ndarray | None:
    """Observations `[…, D]` or `[…]` with their leading axes made one, `[K, D]` or `[K]`; None for other spaces."""
    space = spec.observation_space
    vector = isinstance(space, spaces.Box) and len(space.shape) == 1 and 2 <= space.shape[0] <= WIDEST
    if not (vector or isinstance(space, spaces.Discrete)):
        return None
    seen = np.asarray(observation)
    return np.array(seen.reshape(-1, *seen.shape[leading:]))
