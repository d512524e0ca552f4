"""What happens to fresh experience: the half of an iteration that the device and the host loop share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.log import UPDATES
from operant.engine.metrics import NAN
from operant.engine.train_state import Stream, TrainState, stream
from operant.envs.goals import Goals, parts_of
from operant.ops.devices import gathered, spread
from operant.ops.metrics import Metrics, mean_metrics, only_where
from operant.plans import Replay
from operant.replay import ring
from operant.spaces import Box, Space
from operant.types import Batch, Clock, PyTree, Transition


class LearningNoise(eqx.Module):
    """The randomness of one iteration's learning, as data."""

    update: jax.Array  # a key, or [updates] keys
    replay: jax.Array | None  # uint32 [updates, batch_size], or [updates, batch_size, 2] by priority
    goals: jax.Array | None = None  # uint32 [updates, batch_size, 2] with hindsight


def sample_learning_noise(
    algorithm: Algorithm, num_envs: int, key: jax.Array, iteration: jax.Array
) -> LearningNoise:
    """The randomness of learning in one iteration of a run with this key."""
    plan = algorithm.experience.replay
    update_key = jax.random.fold_in(stream(key, Stream.UPDATE), iteration)
    if plan is None:
        return LearningNoise(update_key, None)
    updates = plan.updates_per_iteration(num_envs)
    replay_key = jax.random.fold_in(stream(key, Stream.REPLAY), iteration)
    shape = (updates, plan.batch_size, 2) if plan.priority else (updates, plan.batch_size)
    goals = None
    if plan.hindsight != "none":
        goals_key = jax.random.fold_in(stream(key, Stream.GOALS), iteration)
        goals = jax.random.bits(goals_key, (updates, plan.batch_size, 2), jnp.uint32)
    return LearningNoise(
        jax.random.split(update_key, updates), jax.random.bits(replay_key, shape, jnp.uint32), goals
    )


def report(algorithm: Algorithm, state: PyTree) -> Metrics:
    """What an algorithm reports of its state, with whether it holds what is not a number: looked at on the device, once
    a chunk, since a loss may be finite where what was learnt is not.
    """
    leaves = [leaf for leaf in jax.tree.leaves(state) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)]
    lost = [jnp.isnan(leaf).any() for leaf in leaves]
    return {**algorithm.report(state), NAN: jnp.array(lost, bool).any()}


Judge = Callable[[Transition], tuple[jax.Array, Metrics] | None]  # as `Environment.judge`


def judged(judge: Judge | None, experience: Transition) -> tuple[Transition, Metrics]:
    """The experience `[T, N, …]` with the rewards of an environment that looks at it as a whole, and what it tells."""
    answer = None if judge is None else judge(experience)
    if answer is None:
        return experience, {}
    reward, told = answer
    if experience.valid is not None:
        told = only_where(jnp.any(experience.valid), told)
    return replace(experience, reward=reward), told


def steps_taken(transition: Transition) -> jax.Array:
    """How many environment steps an experience holds: int32."""
    return jnp.sum(transition.mask, dtype=jnp.int32)


def learn(
    algorithm: Algorithm,
    run: TrainState,
    experience: Transition,
    carry: PyTree,
    noise: LearningNoise,
    goals: Goals | None = None,
    behavior: PyTree = None,
    first: jax.Array | None = None,
    gradients: tuple[PyTree, Metrics] | None = None,
    *,
    several: bool = False,
) -> tuple[TrainState, Metrics]:
    """The run after learning from fresh experience `[T, N, …]`, collected with memory `carry` before its first step.

    Where sequences are replayed, `carry` is the memory before every step, `[T, N, …]`. `goals` are what the environment
    says of goals, if it has any. `behavior` is the algorithm's state that acted, where that is not the run's. `first`
    is which of the run's environments the first column is of, where the run has more of them. `gradients` of this
    experience, and their metrics, are followed where somebody computed them already. Of `several` learners one that
    plays no episode any more (`all_taken`) stays as it is.
    """
    experience = spread(experience, 1)
    clock = Clock(run.clock.step + steps_taken(experience), run.clock.total)
    plan = algorithm.experience
    if plan.replay is not None:
        assert run.replay is not None
        replay = _stored(plan.replay, run.replay, experience, carry)
        state, replay, metrics = _learn_from_replay(
            algorithm, plan.replay, run.state, replay, noise, clock, goals
        )
    elif gradients is not None:
        halves, replay, (direction, metrics) = algorithm.worker_gradients, None, gradients
        assert halves is not None
        state, told = halves.follow(run.state, direction, clock)
        metrics = {**metrics, **told}
    else:
        replay = None
        if plan.whole_episodes:  # every one starts afresh
            carry = algorithm.initial_carry(run.state, experience.reward.shape[1])
        groups = plan.groups(run.statistics.running_length.shape[0])
        batch = Batch(strip_statistics(experience), experience.weight, carry, group=groups, behavior=behavior)
        state, metrics = state_and_metrics(algorithm, algorithm.update(run.state, batch, noise.update, clock))
        happened = jnp.any(experience.mask)
        if several and plan.whole_episodes:
            state = jax.tree.map(lambda new, old: jnp.where(happened, new, old), state, run.state)
        if experience.valid is not None and (several or not plan.whole_episodes):  # else the first steps did
            updates: Any = metrics.get(UPDATES, 1.0)  # a number wherever it is told
            updates = jnp.where(happened, updates, 0.0)
            metrics = {**only_where(happened, metrics), UPDATES: updates}
    return finish_iteration(algorithm, run, state, replay, experience, clock, goals, first), metrics


def all_taken(clock: Clock) -> jax.Array:
    """Whether a learner has taken all of its steps: of several that play whole episodes, it waits for the others."""
    return clock.step >= clock.total


def gradients_of(
    algorithm: Algorithm, run: TrainState, experience: Transition, carry: PyTree, noise: LearningNoise
) -> tuple[PyTree, Metrics]:
    """`(gradients, metrics)` at a run that acted, of what it experienced: `[T, N, …]`, with memory `carry` before."""
    clock = Clock(run.clock.step + steps_taken(experience), run.clock.total)
    batch = Batch(strip_statistics(experience), experience.weight, carry)
    halves = algorithm.worker_gradients
    assert halves is not None
    gradients, metrics = halves.compute(run.state, batch, noise.update, clock)
    if experience.valid is not None:
        metrics = only_where(jnp.any(experience.valid), metrics)
    return gradients, metrics


def _stored(plan: Replay, replay: ring.Ring, experience: Transition, carry: PyTree) -> ring.Ring:
    """The replay with fresh experience, which every device of a learner has: any may draw it."""
    return ring.insert(plan, replay, *gathered((strip_statistics(experience), carry)))


def _learn_from_replay(
    algorithm: Algorithm,
    plan: Replay,
    state: PyTree,
    replay: ring.Ring,
    noise: LearningNoise,
    clock: Clock,
    goals: Goals | None,
) -> tuple[PyTree, ring.Ring, Metrics]:
    """The state and the replay after an iteration's updates, and the means of their metrics.

    An update of a batch in which nothing has weight has none.
    """
    assert noise.replay is not None
    beta = algorithm.importance(clock) if plan.priority else 0.0

    # Only what changes goes round the loop: the ring itself might be copied.
    def one(changing: tuple[PyTree, PyTree], row: LearningNoise) -> tuple[PyTree, PyTree]:
        (state, priorities), key = changing, row.update
        bits = spread(row.replay)  # so that each device of a learner draws a part of the batch
        assert bits is not None
        asked = None if goals is None or row.goals is None else (goals, row.goals)
        batch, drawn = ring.sample(plan, replace(replay, priorities=priorities), bits, beta, asked)
        learnt = algorithm.update(state, batch, key, clock)
        if priorities is None:
            state, metrics = state_and_metrics(algorithm, learnt)
        else:
            state, metrics, priority = _state_metrics_and_priority(algorithm, learnt)
            priorities = priorities.update(drawn, priority)
        if plan.sequence > 1 or batch.transition.valid is not None:  # else there is something to learn from
            metrics = only_where(jnp.any(batch.weight > 0), metrics)
        return (state, priorities), metrics

    changing = state, replay.priorities
    if noise.update.shape[0] == 1:  # a loop of one iteration costs a third of a small network's update
        changing, metrics = one(changing, jax.tree.map(lambda x: x[0], noise))
    else:
        changing, metrics = jax.lax.scan(one, changing, noise)
        metrics = mean_metrics(metrics)
    state, priorities = changing
    return state, replace(replay, priorities=priorities), metrics


def state_and_metrics(algorithm: Algorithm, learnt: tuple) -> tuple[PyTree, Metrics]:
    if len(learnt) != 2:
        raise TypeError(
            f"{type(algorithm).__name__}.update returned {len(learnt)} things; it must return (state, metrics), and "
            "priorities as well only where its experience is Replay(…, priority=True)."
        )
    return learnt


def _state_metrics_and_priority(algorithm: Algorithm, learnt: tuple) -> tuple[PyTree, Metrics, jax.Array]:
    if len(learnt) != 3:
        raise TypeError(
            f"{type(algorithm).__name__}.update returned {len(learnt)} things; with Replay(…, priority=True) it must "
            "return (state, metrics, priority)."
        )
    return learnt


def warm_up(
    algorithm: Algorithm,
    run: TrainState,
    experience: Transition,
    carry: PyTree,
    goals: Goals | None = None,
) -> TrainState:
    """The run after fresh experience is stored, without learning; `carry` and `goals` as in `learn`."""
    plan = algorithm.experience.replay
    assert run.replay is not None
    assert plan is not None
    clock = Clock(run.clock.step + steps_taken(experience), run.clock.total)
    replay = _stored(plan, run.replay, experience, carry)
    return finish_iteration(algorithm, run, run.state, replay, experience, clock, goals)


def finish_iteration(
    algorithm: Algorithm,
    run: TrainState,
    state: PyTree,
    replay: ring.Ring | None,
    experience: Transition,
    clock: Clock,
    goals: Goals | None = None,
    first: jax.Array | None = None,
) -> TrainState:
    """The run with everything that merely sees experience brought up to date; `first` as in `learn`."""
    num_envs = run.statistics.running_length.shape[0]
    if first is None:
        experience = to_time_major(experience, experience.reward.shape[1] // num_envs)
    else:
        experience = among(experience, num_envs, first)
    return eqx.tree_at(
        lambda r: (r.state, r.replay, r.clock, r.iteration, r.statistics, r.exploration),
        run,
        (
            algorithm.update_statistics(state, experience),
            replay,
            clock,
            run.iteration + 1,
            run.statistics.update(experience, _successes(experience, goals)),
            algorithm.exploration.next_rollout(run.exploration),
        ),
        is_leaf=lambda x: x is None,
    )


def _successes(experience: Transition, goals: Goals | None) -> jax.Array | None:
    """Whether each step `[T, N]` reached its goal; None where nobody says so."""
    if goals is None or goals.success is None:
        return None
    return goals.success(*parts_of(experience.next_observation))


def strip_statistics(experience: Transition) -> Transition:
    """The part of an experience that algorithms learn from."""
    return replace(experience, raw_reward=None)


def to_time_major(experience: Transition, rounds: int, learners: int = 1) -> Transition:
    """Whole episodes `[T, S·rounds·N, …]` as the steps of S·N environments, `[rounds·T, S·N, …]`, in order."""
    if rounds == 1:
        return experience

    def leaf(x: Any) -> Any:
        rows = x.reshape(x.shape[0], learners, rounds, -1, *x.shape[2:])
        order = (2, 0, 1, *range(3, rows.ndim))
        return rows.transpose(order).reshape(rounds * x.shape[0], -1, *x.shape[2:])

    return jax.tree.map(leaf, experience)


def among(experience: Transition, num_envs: int, first: Any) -> Transition:
    """Steps `[T, n, …]` of environments from the `first` on as those of all, `[T, N, …]`: of the others none happened.

    In JAX, or of NumPy arrays in NumPy.
    """
    experience = replace(experience, valid=experience.mask)

    def leaf(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            whole = np.zeros((len(x), num_envs, *x.shape[2:]), x.dtype)
            whole[:, first : first + x.shape[1]] = x
            return whole
        whole = jnp.zeros((len(x), num_envs, *x.shape[2:]), x.dtype)
        return jax.lax.dynamic_update_slice_in_dim(whole, x, first, 1)

    return jax.tree.map(leaf, experience)


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
