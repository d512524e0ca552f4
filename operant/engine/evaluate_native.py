"""Scoring on the device: the episodes of all learners in one compiled program, between two chunks of training.

It plays what `evaluate` plays, whole episodes with the best known actions, on the native environment instead of
Gymnasium's; its randomness is a stream of its own. What is reported at the end of training stays Gymnasium's score.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding

from operant.algorithms.base import Algorithm
from operant.engine.evaluate import LONGEST, Evaluation, warn_of_cut
from operant.engine.learn import to_environment
from operant.engine.over_seeds import SEEDS, mesh_of, over_seeds
from operant.engine.watch import Stopped, Watch
from operant.envs import base as envs
from operant.envs.base import Environment
from operant.envs.goals import native_goals, parts_of
from operant.ops.seeds import key_of
from operant.types import Clock, PyTree

BLOCK = 16  # steps whose randomness is drawn at once; up to as many may follow the end of the last episode
CALL = 32  # blocks in one call of the program, after which it is seen whether somebody asked to stop


class Played(eqx.Module):
    """Episodes under way, one in each of E environments."""

    states: PyTree  # of the environments
    observation: PyTree  # [E, …]
    action_mask: PyTree  # [E, …] or None
    carry: PyTree  # [E, …] the policy's memory
    alive: jax.Array  # [E] bool: not over yet
    returns: jax.Array  # [E] float32
    lengths: jax.Array  # [E] int32
    successes: jax.Array | None  # [E] bool: whether the last step reached the goal; None where nobody says so


def begin(
    algorithm: Algorithm, environment: Environment, episodes: int, state: PyTree, key: jax.Array
) -> Played:
    """Fresh episodes. Their beginnings, and all that is random in them, are the same for every learner."""
    noise = envs.sample_noise(environment, jax.random.fold_in(key, 0), episodes)
    return Played(
        *envs.reset(environment, noise),
        algorithm.initial_carry(state, episodes),
        jnp.ones(episodes, bool),
        jnp.zeros(episodes, jnp.float32),
        jnp.zeros(episodes, jnp.int32),
        None if success_of(environment) is None else jnp.zeros(episodes, bool),
    )


def success_of(environment: Environment) -> Callable[[jax.Array, jax.Array], jax.Array] | None:
    """`(achieved, desired) → bool [E]`; None for an environment that does not say what success is."""
    goals = native_goals(environment)
    return None if goals is None else goals.success


def play(
    algorithm: Algorithm,
    environment: Environment,
    episodes: int,
    limit: int,
    state: PyTree,
    played: Played,
    key: jax.Array,
    first: jax.Array,
) -> Played:
    """The same up to `CALL` blocks of steps later, from block `first` on, or until all episodes are over."""
    finished, success = Clock.finished(), success_of(environment)

    def step(played: Played, noise: PyTree) -> tuple[Played, None]:
        action, carry, _ = algorithm.act(
            state, played.observation, played.action_mask, played.carry, None, finished, explore=False
        )
        action = to_environment(environment.action_space, action)
        states, timestep = envs.step(environment, played.states, action, noise)
        lengths = played.lengths + played.alive
        over = timestep.terminated | timestep.truncated | (lengths >= limit)
        successes = played.successes
        if success is not None and successes is not None:
            reached = success(*parts_of(timestep.next_observation))
            successes = jnp.where(played.alive, reached, successes)
        return Played(
            states,
            timestep.observation,
            timestep.action_mask,
            carry,
            played.alive & ~over,
            played.returns + jnp.where(played.alive, timestep.reward, 0.0),
            lengths,
            successes,
        ), None

    def block(loop: tuple[jax.Array, Played]) -> tuple[jax.Array, Played]:
        index, played = loop
        steps = index * BLOCK + 1 + jnp.arange(BLOCK)
        noise = jax.vmap(lambda t: envs.sample_noise(environment, jax.random.fold_in(key, t), episodes))(
            steps
        )
        return index + 1, jax.lax.scan(step, played, noise)[0]

    def going(loop: tuple[jax.Array, Played]) -> jax.Array:
        return (loop[0] < first + CALL) & loop[1].alive.any()

    return jax.lax.while_loop(going, block, (first, played))[1]


class NativeEvaluator:
    """Scores learners on a native environment, which is compiled once.

    Args:
        environment: In the wrappers that scores are made in.
        episodes: How many each learner plays, the same ones at every call.
        seeds: How many learners there are; their states have a first axis for them, or None for one without.
        seed: What all randomness derives from.
    """

    def __init__(self, environment: Environment, episodes: int, seeds: int | None, seed: int) -> None:
        self.id, self.episodes, self.seeds, self.seed = environment.spec.id, episodes, seeds, seed
        self._own_limit = environment.max_episode_steps is not None
        limit = environment.max_episode_steps or LONGEST
        self._key, self._mesh = key_of(seed), mesh_of(seeds)

        def beginning(algorithm: Algorithm, state: PyTree, key: jax.Array) -> Played:
            return begin(algorithm, environment, episodes, state, key)

        def playing(algorithm: Algorithm, state: PyTree, played: Played, *rest: jax.Array) -> Played:
            return play(algorithm, environment, episodes, limit, state, played, *rest)

        if seeds is not None:
            # One after another, each plays just as long as its own episodes last, and a processor likes small batches.
            spread = partial(over_seeds, mesh=self._mesh, in_turn=lambda: jax.default_backend() == "cpu")
            beginning, playing = spread(beginning, own=0, shared=1), spread(playing, own=1, shared=2)
        self._begin, self._play = jax.jit(beginning), jax.jit(playing)

    def __call__(self, algorithm: Algorithm, state: PyTree, watch: Watch | None = None) -> list[Evaluation]:
        """The score of each learner. Raises Stopped where `watch` says stop before it is finished."""
        if self.seeds is not None and self._mesh.size > 1:
            state = jax.device_put(state, NamedSharding(self._mesh, SEEDS))
        played, first = self._begin(algorithm, state, self._key), 0
        while True:
            if watch is not None and watch.stop:
                raise Stopped
            played = self._play(algorithm, state, played, self._key, np.int32(first))
            first += CALL
            alive, returns, lengths = (
                np.asarray(x).reshape(self.seeds or 1, -1)
                for x in (played.alive, played.returns, played.lengths)
            )
            if not alive.any():
                reached = played.successes
                successes = (
                    [None] * len(alive) if reached is None else np.asarray(reached).reshape(alive.shape)
                )
                return [self._score(*one) for one in zip(returns, lengths, successes, strict=True)]

    def _score(self, returns: np.ndarray, lengths: np.ndarray, successes: np.ndarray | None) -> Evaluation:
        cut = 0 if self._own_limit else int((lengths >= LONGEST).sum())
        warn_of_cut(cut, self.episodes, self.id)
        taken = returns.astype(np.float64), lengths.astype(np.int64)
        return Evaluation(self.id, *taken, self.seed, cut=cut, successes=successes)
