"""Whether steps that never happened are left out of learning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.authoring.words import FaultError, listed, unequal
from operant.envs import base as envs
from operant.envs.base import Environment
from operant.types import Clock, EnvSpec, PyTree

SEEN = 3  # steps of each episode that did happen


def look_at_weights(
    algorithm: Algorithm, environment: Environment, spec: EnvSpec, like: Any, state: PyTree, key: jax.Array
) -> None:
    """Learn from episodes of a few steps twice, with other rewards and observations after their ends.

    Raises FaultError where that is not the same: the loss does not weigh by `batch.weight`.
    """
    _, observation, _ = envs.reset(environment, envs.sample_noise(environment, key, spec.num_envs))
    steps, episodes = like.weight.shape
    happened = jnp.broadcast_to(jnp.arange(steps)[:, None] < SEEN, (steps, episodes))

    def batch(filler: float) -> Any:
        def seen(like: Any, example: Any) -> jax.Array:
            rows = jnp.broadcast_to(jnp.resize(example, (episodes, *like.shape[2:])), like.shape)
            where = happened.reshape(*happened.shape, *(1,) * (len(like.shape) - 2))
            return jnp.where(where, rows, filler).astype(like.dtype)

        blank = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), like)
        step = blank.transition
        step = replace(
            step,
            observation=jax.tree.map(seen, step.observation, observation),
            next_observation=jax.tree.map(seen, step.next_observation, observation),
            reward=jnp.where(happened, jnp.arange(episodes) + 1.0, filler),
            terminated=jnp.zeros_like(step.terminated).at[SEEN - 1].set(True),
            valid=None if step.valid is None else happened,
        )
        weight = happened.astype(jnp.float32)
        carry = algorithm.initial_carry(state, episodes)
        return replace(blank, transition=step, weight=weight, carry=carry)

    clock = Clock.start(1000)
    update = jax.jit(lambda batch: algorithm.update(state, batch, key, clock)[0])
    wrong = unequal(update(batch(0.0)), update(batch(1.0)))
    if wrong:
        raise FaultError(
            f"update learns from steps after an episode's end ({listed(wrong)}). Weigh losses and statistics by "
            "batch.weight, which is 0 there, and cut returns where transition.done."
        )
