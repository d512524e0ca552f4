"""The run: everything that changes while training, as one pytree.

Save it and training can be resumed to the last bit; stack several along a new first axis and many seeds train at once.
"""

from __future__ import annotations

from enum import IntEnum
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.base import Algorithm
from operant.algorithms.hindsight import require_goals
from operant.engine.statistics import WINDOW, EpisodeStatistics
from operant.envs.goals import Goals
from operant.replay import ring
from operant.types import Clock, EnvSpec, PyTree, TimeStep, Transition


class Stream(IntEnum):
    """Independent streams of randomness, each numbered by its own counter: `fold_in(fold_in(key, stream), counter)`."""

    INIT = 0
    ENVIRONMENT = 1
    ACT = 2
    REPLAY = 3
    UPDATE = 4
    WARM_UP = 5
    GOALS = 6
    WORKER = 7  # of whose keys each has streams of its own


def stream(key: jax.Array, which: Stream) -> jax.Array:
    """The key of one stream of a run."""
    return jax.random.fold_in(key, int(which))


class TrainState(eqx.Module):
    """All that changes while training."""

    state: PyTree  # what the algorithm learns
    environment: PyTree  # the environments' states; () when they live on the host
    observation: PyTree  # [N, …] what to act on next
    action_mask: PyTree  # [N, …] or None
    carry: PyTree  # [N, …] the policy's memory
    replay: ring.Ring | None  # None unless the plan is Replay
    key: jax.Array  # never changes: all randomness is folded from it and from counters
    iteration: jax.Array  # int32
    clock: Clock
    statistics: EpisodeStatistics
    exploration: PyTree = ()  # [N, …] of `Algorithm.exploration`; no part of a policy after training


def acted_by(run: TrainState) -> PyTree:
    """The part of a run that acting looks at."""
    return run.state, run.clock


@partial(jax.jit, static_argnames="spec")  # so that it is traced once, for its shapes and for its program
def initial_state(algorithm: Algorithm, spec: EnvSpec, key: jax.Array) -> PyTree:
    """What the algorithm knows before its first step. Pure: may be jitted and vmapped."""
    return algorithm.init(spec, stream(key, Stream.INIT))


def start(
    algorithm: Algorithm,
    spec: EnvSpec,
    key: jax.Array,
    state: PyTree,
    environment: PyTree,
    observation: PyTree,
    action_mask: PyTree,
    window: int = WINDOW,
    goals: Goals | None = None,
) -> TrainState:
    """A run of this state before its first step, over environments that have just been reset. Pure as well.

    Its statistics are of the last `window` episodes, and of successes where `goals` say what these are.
    """
    carry, exploration = start_of_episode(algorithm, spec, state)
    plan, replay = algorithm.experience.replay, None
    if plan is not None:
        require_goals(plan, spec)
        like = transition_like(algorithm, spec, state, observation, action_mask, carry)
        if plan.learning_starts and jax.tree.leaves(like.extras):
            raise ValueError(
                f"{algorithm.name} learns from what acting computed, which the first learning_starts="
                f"{plan.learning_starts} steps, taken at random, have not. Set learning_starts=0."
            )
        replay = ring.init(plan, like, carry, spec.frame_stack)
    return TrainState(
        state=state,
        environment=environment,
        observation=observation,
        action_mask=action_mask,
        carry=carry,
        replay=replay,
        key=key,
        iteration=jnp.zeros((), jnp.int32),
        clock=Clock.start(),
        statistics=EpisodeStatistics.init(
            spec.num_envs, window, successes=goals is not None and goals.success is not None
        ),
        exploration=exploration,
    )


def start_of_episode(algorithm: Algorithm, spec: EnvSpec, state: PyTree) -> tuple[PyTree, PyTree]:
    """`(memory, exploration)` at the start of an episode, `[N, …]`: what acting carries from step to step."""
    like = algorithm.sample_noise(
        spec, jax.random.key(0)
    )  # for its shapes: compiled, nothing of it is computed
    return algorithm.initial_carry(state, spec.num_envs), algorithm.exploration.init(like)


def transition_like(
    algorithm: Algorithm,
    spec: EnvSpec,
    state: PyTree,
    observation: PyTree,
    action_mask: PyTree,
    carry: PyTree,
) -> Transition:
    """The shapes of one row of experience `[N, …]`."""

    def one_step(key: jax.Array) -> PyTree:
        clock = Clock.start()
        return algorithm.act(
            state, observation, action_mask, carry, algorithm.sample_noise(spec, key), clock, explore=True
        )

    action, _, extras = jax.eval_shape(one_step, jax.random.key(0))
    reward: Any = jax.ShapeDtypeStruct((spec.num_envs,), jnp.float32)
    flag: Any = jax.ShapeDtypeStruct((spec.num_envs,), jnp.bool_)
    return Transition(
        observation=observation,
        action=action,
        reward=reward,
        terminated=flag,
        truncated=flag,
        next_observation=observation,
        action_mask=action_mask,
        next_action_mask=action_mask,
        valid=flag if spec.dummy_steps else None,
        discount=reward if spec.discounted else None,
        extras=extras,
    )


def transition(
    run_observation: PyTree, run_mask: PyTree, action: PyTree, extras: PyTree, timestep: TimeStep
) -> Transition:
    """One step of experience: what was seen, done and answered."""
    return Transition(
        observation=run_observation,
        action=action,
        reward=timestep.reward,
        terminated=timestep.terminated,
        truncated=timestep.truncated,
        next_observation=timestep.next_observation,
        action_mask=run_mask,
        next_action_mask=timestep.next_action_mask,
        valid=timestep.valid,
        raw_reward=timestep.raw_reward,
        discount=timestep.discount,
        extras=extras,
    )
