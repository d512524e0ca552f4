"""Chunks of iterations: environments and learning in one function, which the loop on the device compiles."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.algorithms.random import Random, RandomState
from operant.engine import collect
from operant.engine.learn import judged, learn, report, sample_learning_noise, to_time_major, warm_up
from operant.engine.metrics import Summands
from operant.engine.statistics import WINDOW
from operant.engine.train_state import Stream, TrainState, start, start_of_episode, stream
from operant.envs import base as envs
from operant.envs.base import Environment
from operant.envs.goals import native_goals
from operant.types import EnvSpec, PyTree, Transition


def begin(
    algorithm: Algorithm,
    environment: Environment,
    spec: EnvSpec,
    state: PyTree,
    key: jax.Array,
    window: int = WINDOW,
) -> TrainState:
    """A run of this state before its first step."""
    noise = envs.sample_noise(
        environment, jax.random.fold_in(stream(key, Stream.ENVIRONMENT), 0), spec.num_envs
    )
    begun = envs.reset(environment, noise)
    return start(algorithm, spec, key, state, *begun, window=window, goals=native_goals(environment))


def chunk(
    algorithm: Algorithm,
    environment: Environment,
    spec: EnvSpec,
    size: int,
    return_experience: bool,
    run: TrainState,
    sums: jax.Array,
    count: jax.Array,
    before: jax.Array,
    *,
    several: bool = False,
) -> tuple[TrainState, PyTree, PyTree, jax.Array]:
    """`(run, metrics, experience, sums)` after `count` ≤ `size` iterations of learning.

    The randomness of `size` iterations is drawn at once, outside the loop; metrics are means over the chunk;
    experience `[size, T, N, …]` (rows from `count` on are not written) only where observers want it. A chunk may come
    in parts: `sums` `[SUMS]` are its metrics' `Summands` over `before` iterations, and over all of them in the end.
    `several` says that the learner is one of several.
    """
    plan, goals = algorithm.experience, native_goals(environment)
    if plan.whole_episodes:
        noise = None
    else:
        steps = plan.unroll_length
        noise = collect.sample_rollout_noise(
            algorithm, environment, spec, run.key, Stream.ACT, run.iteration * steps, size * steps
        )
        noise = jax.tree.map(lambda x: x.reshape(size, steps, *x.shape[1:]), noise)
    learning = jax.vmap(lambda i: sample_learning_noise(algorithm, spec.num_envs, run.key, i))(
        run.iteration + jnp.arange(size)
    )

    @jax.jit  # so that it is traced once, for the shapes and for the loop
    def iterate(run: TrainState, i: jax.Array) -> tuple[TrainState, PyTree, Transition]:
        if plan.whole_episodes:
            carry = run.carry
            run, experience = collect.episodes(algorithm, environment, spec, run, plan, several=several)
        else:
            run, experience, carry = collect.rollout(
                algorithm,
                run.state,
                environment,
                run,
                start_of_episode(algorithm, spec, run.state),
                jax.tree.map(lambda x: x[i], noise),
                remember=plan.stores_carry,
            )
        drawn = jax.tree.map(lambda x: x[i], learning)
        experience, told = judged(environment.judge, experience)
        run, metrics = learn(algorithm, run, experience, carry, drawn, goals, several=several)
        return run, {**metrics, **told}, to_time_major(experience, plan.rounds(spec.num_envs))

    _, metrics_like, experience_like = jax.eval_shape(iterate, run, jnp.zeros((), jnp.int32))
    summands = Summands.of(metrics_like)
    totals = summands.begun(sums, algorithm.name)
    returned = (
        jax.tree.map(lambda x: jnp.zeros((size, *x.shape), x.dtype), experience_like)
        if return_experience
        else None
    )

    def body(i: jax.Array, loop: tuple[TrainState, PyTree, PyTree]) -> tuple[TrainState, PyTree, PyTree]:
        run, totals, returned = loop
        run, metrics, experience = iterate(run, i.astype(jnp.int32))
        totals = summands.added(totals, metrics)
        if return_experience:
            returned = jax.tree.map(lambda rows, new: rows.at[i].set(new), returned, experience)
        return run, totals, returned

    run, totals, returned = jax.lax.fori_loop(0, count, body, (run, totals, returned))
    metrics = summands.means(totals, before + count)
    metrics = {**metrics, **report(algorithm, run.state), **run.statistics.report()}
    return run, metrics, returned, summands.kept(sums, totals)


def warm_up_chunk(
    algorithm: Algorithm,
    environment: Environment,
    spec: EnvSpec,
    size: int,
    return_experience: bool,
    run: TrainState,
    count: jax.Array,
) -> tuple[TrainState, PyTree, PyTree]:
    """The same after `count` ≤ `size` iterations of acting at random and learning nothing."""
    plan, random, goals = algorithm.experience, Random(), native_goals(environment)
    steps = plan.unroll_length
    noise = collect.sample_rollout_noise(
        random, environment, spec, run.key, Stream.WARM_UP, run.iteration * steps, size * steps
    )
    noise = jax.tree.map(lambda x: x.reshape(size, steps, *x.shape[1:]), noise)

    def iterate(run: TrainState, noise: PyTree) -> tuple[TrainState, PyTree]:
        run, experience, carry = collect.rollout(
            random,
            RandomState(spec),
            environment,
            run,
            (run.carry, run.exploration),
            noise,
            remember=plan.stores_carry,
        )
        return warm_up(algorithm, run, experience, carry, goals), experience if return_experience else None

    _, like = jax.eval_shape(iterate, run, jax.tree.map(lambda x: x[0], noise))
    returned = jax.tree.map(lambda x: jnp.zeros((size, *x.shape), x.dtype), like)

    def body(i: jax.Array, loop: tuple[TrainState, PyTree]) -> tuple[TrainState, PyTree]:
        run, returned = loop
        run, experience = iterate(run, jax.tree.map(lambda x: x[i], noise))
        return run, jax.tree.map(lambda rows, new: rows.at[i].set(new), returned, experience)

    run, returned = jax.lax.fori_loop(0, count, body, (run, returned))
    return run, run.statistics.report(), returned
