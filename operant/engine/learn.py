"""What happens to fresh experience: the half of an iteration that the device and the host loop share."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.run import Run, Stream, stream
from operant.replay import ring
from operant.spaces import Box, Space
from operant.types import Batch, Clock, Episodes, PyTree, Replay, Transition


class LearningNoise(eqx.Module):
    """The randomness of one iteration's learning, as data."""

    update: jax.Array  # a key, or [updates] keys
    replay: jax.Array | None  # [updates, batch_size] uint32


def updates_per_iteration(plan: Replay, num_envs: int) -> int:
    """How many updates follow each collection."""
    return plan.collect_steps * num_envs if plan.updates == -1 else plan.updates


def draw_learning(algorithm: Algorithm, num_envs: int, key: jax.Array, iteration: jax.Array) -> LearningNoise:
    """The randomness of learning in one iteration of a run with this key."""
    plan = algorithm.experience
    update_key = jax.random.fold_in(stream(key, Stream.UPDATE), iteration)
    if not isinstance(plan, Replay):
        return LearningNoise(update_key, None)
    updates = updates_per_iteration(plan, num_envs)
    replay_key = jax.random.fold_in(stream(key, Stream.REPLAY), iteration)
    return LearningNoise(
        jax.random.split(update_key, updates),
        jax.random.bits(replay_key, (updates, plan.batch_size), jnp.uint32),
    )


def steps_taken(transition: Transition) -> jax.Array | int:
    """How many environment steps an experience holds: int32."""
    if transition.valid is None:
        return transition.reward.size
    return jnp.sum(transition.valid, dtype=jnp.int32)


def learn(
    algorithm: Algorithm, run: Run, experience: Transition, carry: PyTree, noise: LearningNoise
) -> tuple[Run, dict[str, jax.Array]]:
    """The run after learning from fresh experience `[T, N, …]`, collected with memory `carry` before its first step."""
    clock = Clock(run.clock.step + steps_taken(experience), run.clock.total)
    plan = algorithm.experience
    if isinstance(plan, Replay):
        assert run.replay is not None
        assert noise.replay is not None
        replay = ring.insert(run.replay, learnt_from(experience))

        def one(state: PyTree, row: tuple[jax.Array, jax.Array]) -> tuple[PyTree, dict[str, jax.Array]]:
            key, bits = row
            sampled = ring.sample(replay, bits)
            return algorithm.update(state, Batch(sampled, _weight(sampled)), key, clock)

        rows = (noise.update, noise.replay)
        if noise.update.shape[0] == 1:  # a loop of one iteration costs a third of a small network's update
            state, metrics = one(run.state, jax.tree.map(lambda x: x[0], rows))
        else:
            state, metrics = jax.lax.scan(one, run.state, rows)
            metrics = jax.tree.map(lambda x: jnp.mean(x, 0), metrics)
    else:
        replay = None
        if isinstance(plan, Episodes):  # every episode starts afresh
            carry = algorithm.initial_carry(run.state, plan.count)
        batch = Batch(learnt_from(experience), _weight(experience), carry)
        state, metrics = algorithm.update(run.state, batch, noise.update, clock)
    return remember(algorithm, run, state, replay, experience, clock), metrics


def warm_up(algorithm: Algorithm, run: Run, experience: Transition) -> Run:
    """The run after fresh experience is stored, without learning."""
    assert run.replay is not None
    clock = Clock(run.clock.step + steps_taken(experience), run.clock.total)
    replay = ring.insert(run.replay, learnt_from(experience))
    return remember(algorithm, run, run.state, replay, experience, clock)


def remember(
    algorithm: Algorithm,
    run: Run,
    state: PyTree,
    replay: ring.Ring | None,
    experience: Transition,
    clock: Clock,
) -> Run:
    """The run with everything that merely sees experience brought up to date."""
    num_envs = run.statistics.running_length.shape[0]
    experience = in_time(experience, experience.reward.shape[1] // num_envs)
    return eqx.tree_at(
        lambda r: (r.state, r.replay, r.clock, r.iteration, r.statistics),
        run,
        (
            algorithm.observe(state, experience),
            replay,
            clock,
            run.iteration + 1,
            run.statistics.observe(experience),
        ),
        is_leaf=lambda x: x is None,
    )


def learnt_from(experience: Transition) -> Transition:
    """The part of an experience that algorithms learn from."""
    return replace(experience, raw_reward=None)


def in_time(experience: Transition, rounds: int, learners: int = 1) -> Transition:
    """Whole episodes `[T, S·rounds·N, …]` as the steps of S·N environments, `[rounds·T, S·N, …]`, in order."""
    if rounds == 1:
        return experience

    def leaf(x: Any) -> Any:
        rows = x.reshape(x.shape[0], learners, rounds, -1, *x.shape[2:])
        order = (2, 0, 1, *range(3, rows.ndim))
        return rows.transpose(order).reshape(rounds * x.shape[0], -1, *x.shape[2:])

    return jax.tree.map(leaf, experience)


def _weight(transition: Transition) -> jax.Array:
    valid = transition.valid
    return jnp.ones_like(transition.reward) if valid is None else valid.astype(jnp.float32)


def to_environment(space: Space, action: Any) -> Any:
    """An action as the environment takes it: inside the bounds of a Box. `[N, …]`, NumPy or JAX."""
    bounds = _clipping(space)
    return (
        action if bounds is None else action.clip(*(np.broadcast_to(bound, action.shape) for bound in bounds))
    )


@cache
def _clipping(space: Space) -> tuple[np.ndarray, np.ndarray] | None:
    if not isinstance(space, Box) or not any(np.isfinite(bound).any() for bound in space.bounds):
        return None
    low, high = space.bounds
    return low.astype(np.float32), high.astype(np.float32)
