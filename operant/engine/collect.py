"""Collecting experience on the device, from native environments."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.engine.learn import all_taken, to_environment
from operant.engine.train_state import Stream, TrainState, start_of_episode, stream, transition
from operant.envs import base as envs
from operant.envs.base import Environment
from operant.networks.recurrent import reset_carry
from operant.plans import Experience
from operant.types import Clock, EnvSpec, PyTree, Transition


class ActorState(NamedTuple):
    """Where the environments stand, what the policy remembers and how it explores; leaves `[N, …]`."""

    environment: PyTree
    observation: PyTree
    action_mask: PyTree
    carry: PyTree
    exploration: PyTree


def sample_rollout_noise(
    algorithm: Algorithm,
    environment: Environment,
    spec: EnvSpec,
    key: jax.Array,
    acting: Stream,
    first: jax.Array,
    steps: int,
) -> PyTree:
    """The randomness of `steps` steps of a run from its `first` on, for `act` and for the environments: `[steps, …]`.

    Step t uses `fold_in(stream, t)` whatever the block it is drawn in, so chunks of any size see the same numbers.
    """

    def one(t: jax.Array) -> PyTree:
        return (
            noise_of(algorithm, spec, stream(key, acting), t),
            envs.sample_noise(
                environment, jax.random.fold_in(stream(key, Stream.ENVIRONMENT), t + 1), spec.num_envs
            ),
        )

    return jax.vmap(one)(first + jnp.arange(steps))


def noise_of(algorithm: Algorithm, spec: EnvSpec, key: jax.Array, t: jax.Array) -> PyTree:
    """The randomness of acting in step t of a stream with this key."""
    return algorithm.sample_noise(spec, jax.random.fold_in(key, t))


def act(
    algorithm: Algorithm,
    state: PyTree,
    observation: PyTree,
    action_mask: PyTree,
    carries: tuple[PyTree, PyTree],
    noise: PyTree,
    clock: Clock,
) -> tuple[PyTree, tuple[PyTree, PyTree], PyTree]:
    """`(action, carries, extras)` of a step of training, where carries are `(memory, exploration)`."""
    carry, exploration = carries
    noise, exploration = algorithm.exploration.step(exploration, noise, clock)
    action, carry, extras = algorithm.act(state, observation, action_mask, carry, noise, clock, explore=True)
    return action, (carry, exploration), extras


def advance(
    algorithm: Algorithm,
    environment: Environment,
    state: PyTree,
    initial: tuple[PyTree, PyTree],
    clock: Clock,
    stage: ActorState,
    noise: PyTree,
) -> tuple[ActorState, Transition]:
    """One step of every environment; `initial` are the carries at the start of an episode, as of `act`."""
    act_noise, env_noise = noise
    carries = stage.carry, stage.exploration
    action, carries, extras = act(
        algorithm, state, stage.observation, stage.action_mask, carries, act_noise, clock
    )
    applied = to_environment(environment.action_space, action)
    states, timestep = envs.step(environment, stage.environment, applied, env_noise)
    experience = transition(stage.observation, stage.action_mask, action, extras, timestep)
    next_stage = ActorState(
        states, timestep.observation, timestep.action_mask, *reset_carry(carries, initial, experience.done)
    )
    return next_stage, experience


def rollout(
    algorithm: Algorithm,
    policy_state: PyTree,
    environment: Environment,
    run: TrainState,
    initial: tuple[PyTree, PyTree],
    noise: PyTree,
    *,
    remember: bool,
) -> tuple[TrainState, Transition, PyTree]:
    """The run after as many steps as there is noise for, their experience `[T, N, …]`, and the policy's memory.

    That is the memory before the first step, `[N, …]`, or with `remember` before every one, `[T, N, …]`.
    """

    def body(stage: ActorState, noise: PyTree) -> tuple[ActorState, tuple[Transition, PyTree]]:
        next_stage, experience = advance(
            algorithm, environment, policy_state, initial, run.clock, stage, noise
        )
        return next_stage, (experience, stage.carry if remember else ())

    stage, (experience, memory) = jax.lax.scan(body, stage_of(run), noise)
    return with_stage(run, stage), experience, memory if remember else run.carry


def episodes(
    algorithm: Algorithm,
    environment: Environment,
    spec: EnvSpec,
    run: TrainState,
    plan: Experience,
    *,
    several: bool = False,
) -> tuple[TrainState, Transition]:
    """The run after a plan's whole episodes from fresh starts, and their experience `[max_steps, count, …]`.

    Rows after an episode's end have `valid` False. Collecting stops as soon as the last episode of a round ends. Of
    `several` learners one that has taken all of its steps plays none: all rows have `valid` False.
    """
    rounds, max_steps = plan.rounds(spec.num_envs), plan.unroll_length
    rounds_alike, envs_alike = plan.starts(spec.num_envs)
    initial = start_of_episode(algorithm, spec, run.state)

    def one_round(index: jax.Array) -> tuple[ActorState, Transition]:
        number, environments = run.iteration * rounds + index, stream(run.key, Stream.ENVIRONMENT)
        key = jax.random.fold_in(environments, number + 1)
        first_key = jax.random.fold_in(environments, number - index % rounds_alike + 1)
        start_noise = envs.sample_noise(environment, jax.random.fold_in(first_key, 0), spec.num_envs)
        states, observation, action_mask = envs.reset(environment, envs.alike(start_noise, envs_alike))
        first = number * max_steps
        act_key = stream(run.key, Stream.ACT)
        noise = jax.vmap(
            lambda t: (
                noise_of(algorithm, spec, act_key, first + t),
                envs.sample_noise(environment, jax.random.fold_in(key, t + 1), spec.num_envs),
            )
        )(jnp.arange(max_steps))
        stage = ActorState(states, observation, action_mask, *initial)

        def at(t: jax.Array | int) -> PyTree:
            return jax.tree.map(lambda x: x[t], noise)

        row = jax.eval_shape(
            lambda s: advance(algorithm, environment, run.state, initial, run.clock, s, at(0))[1], stage
        )
        rows = jax.tree.map(lambda x: jnp.zeros((max_steps, *x.shape), x.dtype), row)
        rows = eqx.tree_at(
            lambda r: r.valid,
            rows,
            jnp.zeros((max_steps, spec.num_envs), bool),
            is_leaf=lambda x: x is None,
        )

        def body(loop: tuple) -> tuple:
            t, stage, alive, rows = loop
            stage, experience = advance(algorithm, environment, run.state, initial, run.clock, stage, at(t))
            last = (t == max_steps - 1) & ~experience.done
            experience = eqx.tree_at(
                lambda e: (e.valid, e.truncated),
                experience,
                (alive, experience.truncated | last),
                is_leaf=lambda x: x is None,
            )
            rows = jax.tree.map(lambda buffer, new: buffer.at[t].set(new), rows, experience)
            return t + 1, stage, alive & ~experience.done, rows

        def going(loop: tuple) -> jax.Array:
            return (loop[0] < max_steps) & jnp.any(loop[2])

        plays = ~all_taken(run.clock) if several else True
        alive = jnp.full(spec.num_envs, plays)
        _, stage, _, rows = jax.lax.while_loop(going, body, (jnp.zeros((), jnp.int32), stage, alive, rows))
        return stage, rows

    stages, rows = jax.lax.map(one_round, jnp.arange(rounds))
    experience = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1, *x.shape[3:]), rows)
    return with_stage(run, jax.tree.map(lambda x: x[-1], stages)), experience


def stage_of(run: TrainState) -> ActorState:
    return ActorState(run.environment, run.observation, run.action_mask, run.carry, run.exploration)


def with_stage(run: TrainState, stage: ActorState) -> TrainState:
    return eqx.tree_at(
        lambda r: (r.environment, r.observation, r.action_mask, r.carry, r.exploration),
        run,
        tuple(stage),
        is_leaf=lambda x: x is None,
    )
