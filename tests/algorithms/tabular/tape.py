"""Random experience for the tabular algorithms, and a way to learn from it one step after another."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from operant.spaces import Discrete
from operant.types import Batch, Clock, EnvSpec, Transition

S, A = 6, 3


@dataclass
class Step:
    """One step of one environment, in plain numbers."""

    env: int
    s: int
    a: int
    r: float
    terminated: bool
    truncated: bool
    t: int  # the next state
    mask: np.ndarray  # of the next state
    k: int  # steps before, in all environments


def random_tape(length: int, num_envs: int, seed: int = 0) -> tuple[EnvSpec, Transition, list[Step]]:
    """Experience `[length, num_envs]` of masked walks whose episodes end in both ways, and the same as a list."""
    rng = np.random.default_rng(seed)
    possible = rng.random((S, A)) < 0.7
    possible[np.arange(S), rng.integers(0, A, S)] = True
    shape = (length, num_envs)
    seen, nxt, action = (np.zeros(shape, np.int32) for _ in range(3))
    reward = rng.normal(size=shape).astype(np.float32)
    end = rng.choice(3, size=shape, p=[0.7, 0.15, 0.15])
    state = rng.integers(0, S, num_envs)
    steps = []
    for i in range(length):
        for n in range(num_envs):
            seen[i, n] = state[n]
            action[i, n] = rng.choice(np.flatnonzero(possible[state[n]]))
            nxt[i, n] = rng.integers(0, S)
            steps.append(
                Step(
                    n,
                    seen[i, n],
                    action[i, n],
                    float(reward[i, n]),
                    end[i, n] == 1,
                    end[i, n] == 2,
                    nxt[i, n],
                    possible[nxt[i, n]],
                    len(steps),
                )
            )
            state[n] = nxt[i, n] if end[i, n] == 0 else rng.integers(0, S)
    transition = Transition(
        observation=jnp.asarray(seen),
        action=jnp.asarray(action),
        reward=jnp.asarray(reward),
        terminated=jnp.asarray(end == 1),
        truncated=jnp.asarray(end == 2),
        next_observation=jnp.asarray(nxt),
        action_mask=jnp.asarray(possible[seen]),
        next_action_mask=jnp.asarray(possible[nxt]),
    )
    spec = EnvSpec("Tape", Discrete(S), Discrete(A), masked=True, num_envs=num_envs)
    return spec, transition, steps


@jax.jit
def _learn(algorithm, state, tape: Transition, keys: jax.Array, total: jax.Array):
    num_envs = tape.reward.shape[1]

    def one(state, row):
        transition, key, i = row
        batch = Batch(jax.tree.map(lambda x: x[None], transition), jnp.ones((1, num_envs)))
        return algorithm.update(state, batch, key, Clock(num_envs * (i + 1), total))

    return jax.lax.scan(one, state, (tape, keys, jnp.arange(len(keys))))


def learn_from(algorithm, spec: EnvSpec, tape: Transition, state=None, total: int = 1_000_000):
    """`(state, keys, metrics)` after an update from each row of a tape `[length, N]`, with the keys that were given."""
    keys = jax.random.split(jax.random.key(7), len(tape.reward))
    state = algorithm.init(spec, jax.random.key(0)) if state is None else state
    return *_learn(algorithm, state, tape, keys, jnp.asarray(total, jnp.int32)), keys
