"""Experience every part of which follows from its environment and step, so whatever is mixed up shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from operant.plans import Replay
from operant.replay import ring
from operant.types import Transition

N = 3


def tape(steps: int, *, dummies: bool = False, longest: int = 6) -> Transition:
    """`[steps, N]`; episodes of 1 to `longest` steps, ending either way, and after each, with `dummies`, a step that
    never happened."""
    rng = np.random.default_rng(1)
    t, env = np.meshgrid(np.arange(steps), np.arange(N), indexing="ij")
    end = np.zeros((steps, N), int)  # 1 terminated, 2 truncated
    valid = np.ones((steps, N), bool)
    for e in range(N):
        at = -1
        while (at := at + int(rng.integers(1, longest + 1))) < steps:
            end[at, e] = 1 + rng.integers(2)
            if dummies and at + 1 < steps:
                at += 1
                valid[at, e] = False
    return Transition(
        observation=np.stack([env, t], -1).astype(np.float32),
        action=(t % 7).astype(np.int32),
        reward=(100 * env + t).astype(np.float32),
        terminated=end == 1,
        truncated=end == 2,
        next_observation=np.stack([env, t + 0.5], -1).astype(np.float32),
        action_mask=np.stack([t % 2 == 0, t % 3 == 0], -1),
        next_action_mask=np.stack([t % 3 == 1, t % 2 == 1], -1),
        valid=valid if dummies else None,
    )


def carries(steps: int) -> np.ndarray:
    """The policy's memory before every step, `[steps, N, 2]`."""
    t, env = np.meshgrid(np.arange(steps), np.arange(N), indexing="ij")
    return np.stack([-1 - env, t], -1).astype(np.float32)


@cache
def inserting(plan: Replay) -> Callable:
    """`ring.insert`, compiled once for all tests."""
    return jax.jit(partial(ring.insert, plan))


@cache
def sampling(plan: Replay) -> Callable:
    """`ring.sample`, compiled once for all tests."""
    return jax.jit(partial(ring.sample, plan))


def filled_ring(plan: Replay, rows: Transition, steps: int, frame_stack: int = 1) -> ring.Ring:
    """A ring with the first `steps` steps of the tape."""
    rows, carry = jax.tree.map(jnp.asarray, (rows, carries(steps)))
    replay = ring.init(plan, jax.tree.map(lambda x: x[0], rows), carry[0], frame_stack)
    for first in range(0, steps, plan.collect_steps):
        block = slice(first, first + plan.collect_steps)
        new = jax.tree.map(lambda x, block=block: x[block], (rows, carry))
        replay = inserting(plan)(replay, *new)
    return replay
