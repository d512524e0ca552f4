"""Collecting on the host: environments in Python, the policy that acts in them, and the randomness of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.algorithms.random import Random, RandomState
from operant.engine.collect import ActorState, act, noise_of
from operant.engine.collected import Collected, Gathering
from operant.engine.devices import Devices
from operant.engine.first_alone import FirstAlone
from operant.engine.flat import Block, Packed, number, packed_jit
from operant.engine.learn import to_environment
from operant.engine.noise_blocks import NoiseBlocks
from operant.engine.seed_axis import each, inside, outside
from operant.engine.train_state import (
    Stream,
    TrainState,
    acted_by,
    start_of_episode,
    stream,
    transition,
)
from operant.engine.watch import Stopped, Watch
from operant.envs.host import HostEnvironments
from operant.networks.recurrent import reset_carry
from operant.ops.devices import spread
from operant.types import EnvSpec, PyTree, TimeStep

NOWHERE = ActorState((), None, None, (), ())  # before the first reset


class Acting(NamedTuple):
    """What acts, compiled, and how its carries begin anew where an episode ended."""

    act: Callable
    afresh: Callable
    needed: list[bool]  # which of a run's arrays acting needs


class Collector:
    """Plays environments with what has been learnt, those of S learners together.

    `actor` is where they stand: what is acted on next, `[S·N, …]` in NumPy, and what acting carries from step to step,
    `[S, N, …]`.
    """

    def __init__(
        self,
        environments: HostEnvironments,
        spec: EnvSpec,
        seeds: int | None,
        remember: bool,
        devices: Devices | None = None,
    ) -> None:
        self.environments, self.spec, self.seeds = environments, spec, seeds
        self.noise = NoiseBlocks(seeds)
        self._devices = devices or Devices(1, seeds, spec.num_envs)
        self.env_stale = False  # somebody else has played the environments: episodes must begin afresh
        self.actor = NOWHERE
        self._remember = (
            remember  # whether the memory is wanted before every step rather than before the first
        )
        self._acting: dict[bool, Acting] = {}
        frames = 1 if spec.dummy_steps else spec.frame_stack
        self._frames = frames  # k, where observations are stacks of k of which the newest is enough

    def another(self, environments: HostEnvironments) -> Collector:
        """One that plays others of the same kind, in another thread, by the same compiled programs."""
        made = Collector(environments, self.spec, self.seeds, self._remember)
        made._acting, made.noise = self._acting, self.noise.another()
        return made

    def reset(self, key: jax.Array, count: int, start: int | None = None, group: int = 1) -> None:
        """Fresh episodes everywhere; every count has its own, and every learner those that it would have alone.

        They start as those of count `start`, and every `group` of them in a row start alike.
        """

        def own(key: jax.Array, count: int) -> jax.Array:
            environments = stream(key, Stream.ENVIRONMENT)
            return environments if count == 0 else jax.random.fold_in(environments, count)

        def keys(count: int) -> jax.Array:
            return own(key, count) if self.seeds is None else jax.vmap(lambda one: own(one, count))(key)

        start_key = None if start is None or start == count else keys(start)
        observation, action_mask = self.environments.reset(keys(count), start_key, group)
        self.actor = self.actor._replace(observation=observation, action_mask=action_mask)

    def collect(
        self,
        algorithm: Packed,
        run: Packed,
        key: jax.Array,
        watch: Watch,
        first: int,
        steps: int,
        *,
        random: bool = False,
        start: tuple[PyTree, PyTree] | None = None,
        alive: np.ndarray | None = None,
    ) -> tuple[Collected, PyTree]:
        """`(experience, memory)` of `steps` steps, whose randomness is numbered from `first` on.

        That is the memory before the first step, `[S, N, …]`, or before every one, `[S, T, N, …]`. With the
        carries of an episode's `start` they are whole episodes, after a reset, and it ends with the last of them; those
        that count are `alive`, `[S·N]`.

        Raises Stopped where `watch` says stop. What has been collected since the last iteration is lost then, and so
        are the episodes under way.
        """
        block = self._drawn(algorithm, key, random, first, steps)
        if random not in self._acting:  # of several threads that do so at once the first one's is taken
            self._acting.setdefault(random, self._compiled(algorithm, run, block, random))
        acting, afresh, needed = self._acting[random]
        parts = [array if wanted else None for array, wanted in zip(run.arrays, needed, strict=True)]
        constants, noise, offset = algorithm.arrays, block.leaves, first - block.first
        _, observation, action_mask, *_ = opening = self.actor
        whole, carries = start is not None, start or (opening.carry, opening.exploration)
        remembers = bool(jax.tree.leaves(carries)) and not random
        gathering, step = Gathering(steps, self._frames), None
        memories, lived = [], []
        alive = np.ones(self.environments.spec.num_envs, bool) if alive is None else alive
        for t in range(steps):
            if watch.stop:
                self.env_stale = self.env_stale or whole or t > 0
                raise Stopped
            memories.append(carries[0])
            lived.append(alive)
            action, carries, extras = acting(
                constants, parts, noise, number(offset + t), observation, action_mask, carries
            )
            action = np.asarray(action)
            if not isinstance(extras, tuple) or extras:  # most have none, and a look at the tree takes a µs
                extras = jax.tree.map(np.asarray, extras)
            self.environments.send(to_environment(self.spec.action_space, action))
            if step is not None:  # while the environments are at work
                gathering.add(step)
            timestep = self._received(watch, observation, action_mask, action, extras)
            step = action, extras, timestep
            observation, action_mask = timestep.observation, timestep.action_mask
            if remembers or whole:
                done = timestep.terminated | timestep.truncated
                if remembers and done.any():
                    carries = afresh(constants, parts, carries, done)
                alive = alive & ~done
                if whole and not alive.any():
                    break
        self.actor = ActorState((), observation, action_mask, *carries)
        assert step is not None
        gathering.add(step)
        fresh = gathering.collected(opening.observation, opening.action_mask, lived if whole else None)
        if not self._remember:
            return fresh, memories[0]
        axis = 0 if self.seeds is None else 1
        return fresh, jax.tree.map(lambda *x: np.stack(x, axis), *memories)

    def _received(self, watch: Watch, seen: PyTree, mask: PyTree, action: PyTree, extras: PyTree) -> TimeStep:
        """What every environment answers to the action that was sent."""
        timestep = self.environments.receive()
        watch.steps += self.spec.num_envs
        if watch.on_step is not None:
            watch.on_step(transition(seen, mask, action, extras, timestep), self.environments)
        return timestep

    def _compiled(self, algorithm: Packed, run: Packed, block: Block, random: bool) -> Acting:
        spec, seeds = self.spec, self.seeds

        def act_on(
            algorithm: Algorithm,
            run: TrainState,
            noise: list,
            index: jax.Array,
            observation: PyTree,
            action_mask: PyTree,
            carries: tuple[PyTree, PyTree],
        ) -> tuple[PyTree, PyTree, PyTree]:
            def one(
                run: TrainState, noise: list, observation: PyTree, action_mask: PyTree, carries: PyTree
            ) -> tuple[PyTree, PyTree, PyTree]:
                drawn = block.layout.tree([leaf[index] for leaf in noise])
                actor, state = (Random(), RandomState(spec)) if random else (algorithm, run.state)
                # So that each device of a learner acts in a part of its environments.
                observation, action_mask, carries = spread((observation, action_mask, carries))
                return spread(act(actor, state, observation, action_mask, carries, drawn, run.clock))

            seen, mask = inside((observation, action_mask), seeds)
            action, carries, extras = each(one, seeds)(run, noise, seen, mask, carries)
            return outside(action, seeds), carries, outside(extras, seeds)

        def afresh(algorithm: Algorithm, run: TrainState, carries: PyTree, done: jax.Array) -> PyTree:
            def one(run: TrainState, carries: PyTree, done: jax.Array) -> PyTree:
                return reset_carry(carries, start_of_episode(algorithm, spec, run.state), done)

            return each(one, seeds)(run, carries, inside(done, seeds))

        layouts = algorithm.layout, run.layout, None, None
        return Acting(
            FirstAlone(self._devices.bound(packed_jit(act_on, (*layouts, None, None, None)))),
            FirstAlone(self._devices.bound(packed_jit(afresh, layouts))),
            run.needed(acted_by),
        )

    def _drawn(self, algorithm: Packed, key: jax.Array, random: bool, first: int, steps: int) -> Block:
        """A block that holds the randomness of acting in steps from `first` on."""
        size = max(self.noise.SIZE // steps, 1) * steps
        which = Stream.WARM_UP if random else Stream.ACT

        def sample_noise(algorithm: Algorithm, key: jax.Array, beginning: jax.Array) -> PyTree:
            actor = Random() if random else algorithm
            own, counters = stream(key, which), beginning + jnp.arange(size)
            return jax.vmap(lambda t: noise_of(actor, self.spec, own, t))(counters)

        return self.noise.get(which, sample_noise, algorithm, key, first, size)
