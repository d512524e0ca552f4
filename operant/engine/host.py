"""The loop on the host: environments in Python, one compiled call to act and one to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.algorithms.random import Random, RandomState
from operant.engine.collect import collect_steps, forget
from operant.engine.learn import draw_learning, in_time, learn, to_environment, warm_up
from operant.engine.run import Run, Stream, start, stream, transition
from operant.envs.host import HostEnvironments
from operant.types import Episodes, PyTree, Replay, Transition


class Flat:
    """A run as the list of its arrays, since walking a tree of modules costs more than a small compiled call."""

    def __init__(self, run: Run) -> None:
        self.leaves, self.structure = jax.tree.flatten(run)
        places: Run = self.structure.unflatten(range(len(self.leaves)))
        self._places = places
        self._acting, self.acting_structure = jax.tree.flatten((places.state, places.clock))
        self.iteration = int(np.max(run.iteration))

    @property
    def run(self) -> Run:
        return self.structure.unflatten(self.leaves)

    def part(self, of: Callable[[Run], PyTree]) -> PyTree:
        """Part of the run, of its present arrays."""
        return jax.tree.map(lambda place: self.leaves[place], of(self._places))

    @property
    def acting(self) -> list[jax.Array]:
        """The arrays of the state and the clock: what a policy needs, of `acting_structure`."""
        return [self.leaves[place] for place in self._acting]


class HostLoop:
    """Advances a run, or several stacked along a first axis, over environments that are stepped in Python.

    Several seeds share one batch of S·N environments; seed s owns rows s·N to (s+1)·N. Arrays are `[S·N, …]` outside
    compiled functions and `[S, N, …]` inside.
    """

    BLOCK = 256  # about so many steps' randomness is drawn at once

    def __init__(
        self, algorithm: Algorithm, environments: HostEnvironments, seeds: int | None, emit: bool = False
    ) -> None:
        self.environments, self.seeds, self.emit = environments, seeds, emit
        self.algorithm: Algorithm = jax.tree.map(jnp.asarray, algorithm)  # converted once, not at every call
        self.spec = replace(environments.spec, num_envs=environments.spec.num_envs // (seeds or 1))
        self._initial_carry = self._compiled(lambda a, state: a.initial_carry(state, self.spec.num_envs))
        self._report = self._compiled(lambda _, statistics: statistics.report())
        self._actors: dict[Stream, Callable] = {}
        self._noise: dict[Stream, tuple[Callable, int, PyTree]] = {}
        self._learners: dict[bool, Callable] = {}
        self.disturbed = False  # somebody else has played the environments: episodes must begin afresh

    def begin(self, key: jax.Array) -> Run:
        """The run before its first step; with seeds, `key` is `[S]`."""
        self._reset(key, 0)

        def make(algorithm: Algorithm, key: jax.Array, observation: PyTree, action_mask: PyTree) -> Run:
            return start(algorithm, self.spec, key, (), observation, action_mask)

        return self._compiled(make)(
            self.algorithm, key, self._inside(self.observation), self._inside(self.action_mask)
        )

    def restart(self, run: Run) -> Run:
        """A stored run with fresh episodes, since environments on the host cannot be stored with it."""
        self._reset(run.key, int(np.max(run.iteration)) + 1)
        self.disturbed = False
        statistics = run.statistics
        return eqx.tree_at(
            lambda r: (r.carry, r.statistics.running_return, r.statistics.running_length),
            run,
            (
                self._initial_carry(self.algorithm, run.state),
                jnp.zeros_like(statistics.running_return),
                jnp.zeros_like(statistics.running_length),
            ),
        )

    def advance(
        self, run: Run, count: int, size: int
    ) -> tuple[Run, dict[str, np.ndarray], Transition | None]:
        """`(run, metrics, experience)` after `count` iterations of learning; `size` is the device loop's business."""
        totals: dict[str, np.ndarray] = {}
        emitted, flat = [], Flat(self.restart(run) if self.disturbed else run)
        plan = self.algorithm.experience
        for _ in range(count):
            done = self._inside(self.done)
            if isinstance(plan, Episodes):
                carry, experience = self._episodes(flat, plan)
            else:
                carry, experience = self._rollout(flat, self.algorithm, Stream.ACT, collect_steps(plan))
            metrics = self._learn(flat, experience, carry, done, learning=True)
            totals = {name: totals.get(name, 0.0) + np.asarray(value) for name, value in metrics.items()}
            if self.emit:
                rounds = plan.count // self.spec.num_envs if isinstance(plan, Episodes) else 1
                emitted.append(in_time(experience, rounds, self.seeds or 1))
        means = {name: value / count for name, value in totals.items()}
        return flat.run, means | self._statistics(flat), _joined(emitted)

    def warm_up(self, run: Run, size: int) -> tuple[Run, dict[str, np.ndarray], Transition | None]:
        """The same after `size` iterations of acting at random and learning nothing."""
        plan = self.algorithm.experience
        assert isinstance(plan, Replay)
        emitted, flat = [], Flat(run)
        steps = collect_steps(plan)
        for _ in range(size):
            done = self._inside(self.done)
            carry, experience = self._rollout(flat, Random(), Stream.WARM_UP, steps)
            self._learn(flat, experience, carry, done, learning=False)
            if self.emit:
                emitted.append(experience)
        return flat.run, self._statistics(flat), _joined(emitted)

    def close(self) -> None:
        """Closes the environments."""
        self.environments.close()

    # collecting

    def _rollout(
        self, flat: Flat, algorithm: Algorithm, acting: Stream, steps: int
    ) -> tuple[PyTree, Transition]:
        """`(memory after, experience [steps, S·N, …])`."""
        actor = self._actor(flat, algorithm, acting, flat.iteration * steps, steps)
        carry, rows = flat.part(lambda run: run.carry), []
        for t in range(steps):
            action, carry = actor(carry, t)
            rows.append(self._step(action))
        return carry, _stacked(rows)

    def _episodes(self, flat: Flat, plan: Episodes) -> tuple[PyTree, Transition]:
        rounds, blocks = plan.count // self.spec.num_envs, []
        initial_carry = carry = self._initial_carry(self.algorithm, flat.part(lambda run: run.state))
        for index in range(rounds):
            number = flat.iteration * rounds + index
            self._reset(flat.part(lambda run: run.key), number + 1)
            actor = self._actor(flat, self.algorithm, Stream.ACT, number * plan.max_steps, plan.max_steps)
            carry, rows = initial_carry, []
            alive = np.ones(self.environments.spec.num_envs, bool)
            for t in range(plan.max_steps):
                action, carry = actor(carry, t)
                row = self._step(action)
                last = (t == plan.max_steps - 1) & ~row.done
                happened = alive if row.valid is None else alive & row.valid
                rows.append(replace(row, valid=happened, truncated=row.truncated | last))
                alive = alive & ~rows[-1].done
                if not alive.any():
                    break
            nothing = jax.tree.map(np.zeros_like, rows[-1])
            rows += [nothing] * (plan.max_steps - len(rows))
            blocks.append(self._inside(_stacked(rows), 1))
        axis = 1 if self.seeds is None else 2
        return carry, self._outside(jax.tree.map(lambda *x: np.concatenate(x, axis), *blocks))

    def _step(self, action: PyTree) -> Transition:
        seen, mask = self.observation, self.action_mask
        timestep = self.environments.step(to_environment(self.spec.action_space, action))
        self.observation, self.action_mask = timestep.observation, timestep.action_mask
        self.done = timestep.terminated | timestep.truncated
        return transition(seen, mask, action, timestep)

    def _actor(
        self, flat: Flat, algorithm: Algorithm, acting: Stream, first: int, steps: int
    ) -> Callable[[PyTree, int], tuple[PyTree, PyTree]]:
        """`(carry, t) → (action, carry)` for steps `first + t`, acting on the present observation."""
        constants, algorithm_structure = jax.tree.flatten(algorithm)
        parts, parts_structure = flat.acting, flat.acting_structure
        if acting not in self._actors:

            def act(constants, parts, observation, action_mask, carry, done, noise, t):
                algorithm = algorithm_structure.unflatten(constants)
                state, clock = parts_structure.unflatten(parts)
                if acting is Stream.WARM_UP:
                    return algorithm.act(
                        RandomState(self.spec),
                        observation,
                        action_mask,
                        carry,
                        at(noise, t),
                        clock,
                        explore=True,
                    )
                carry = forget(carry, algorithm.initial_carry(state, self.spec.num_envs), done)
                return algorithm.act(
                    state, observation, action_mask, carry, at(noise, t), clock, explore=True
                )

            axes = (None, 0, 0, 0, 0, 0, 0, None)
            self._actors[acting] = jax.jit(act if self.seeds is None else jax.vmap(act, in_axes=axes))
        compiled = self._actors[acting]
        start_of_block, noise = self._draw(flat, algorithm, acting, first, steps)

        def actor(carry: PyTree, t: int) -> tuple[PyTree, PyTree]:
            seen, mask, done = self.observation, self.action_mask, self.done
            if self.seeds is not None:
                seen, mask, done = self._inside((seen, mask, done))
            index = first + t - start_of_block
            action, carry = compiled(constants, parts, seen, mask, carry, done, noise, index)
            return self._outside(np.asarray(action), 0), carry

        return actor

    def _draw(
        self, flat: Flat, algorithm: Algorithm, acting: Stream, first: int, steps: int
    ) -> tuple[int, PyTree]:
        """`(number of the block's first step, noise [block, …])`, for a block that holds steps from `first` on."""
        block = max(self.BLOCK // steps, 1) * steps

        def draw(algorithm: Algorithm, key: jax.Array, beginning: jax.Array) -> PyTree:
            own, counters = stream(key, acting), beginning + jnp.arange(block)
            return jax.vmap(lambda t: algorithm.draw(self.spec, jax.random.fold_in(own, t)))(counters)

        return self._block(flat, acting, algorithm, draw, first, block)

    def _block(
        self, flat: Flat, which: Stream, algorithm: Algorithm, draw: Callable, number: int, size: int
    ) -> tuple[int, PyTree]:
        """The block of `draw`'s randomness that holds this number, and the number it begins with; drawn once."""
        beginning = number // size * size
        if which not in self._noise:
            mapped = draw if self.seeds is None else jax.vmap(draw, in_axes=(None, 0, None))
            self._noise[which] = (jax.jit(mapped), -1, None)
        compiled, held, noise = self._noise[which]
        if held != beginning:
            noise = compiled(algorithm, flat.part(lambda run: run.key), beginning)
            self._noise[which] = (compiled, beginning, noise)
        return beginning, noise

    def _reset(self, key: jax.Array, number: int) -> None:
        """Fresh episodes everywhere; every number has its own."""
        self._noise = {which: (compiled, -1, None) for which, (compiled, _, _) in self._noise.items()}
        first = key if self.seeds is None else key[0]
        own = stream(first, Stream.ENVIRONMENT)
        self.observation, self.action_mask = self.environments.reset(
            own if number == 0 else jax.random.fold_in(own, number)
        )
        self.done = np.zeros(self.environments.spec.num_envs, bool)

    # learning

    def _learn(
        self, flat: Flat, experience: Transition, carry: PyTree, done: np.ndarray, *, learning: bool
    ) -> dict[str, jax.Array]:
        """Bring the run up to date with fresh experience, in place; its metrics."""
        if learning not in self._learners:

            def function(algorithm: Algorithm, leaves: list, experience, carry, done, noise, index):
                run: Run = flat.structure.unflatten(leaves)
                before, run = run.carry, replace(run, carry=carry)
                if not learning:
                    return jax.tree.leaves(warm_up(algorithm, run, experience)), {}
                if not isinstance(algorithm.experience, Episodes):
                    before = forget(before, algorithm.initial_carry(run.state, self.spec.num_envs), done)
                run, metrics = learn(algorithm, run, experience, before, at(noise, index))
                return jax.tree.leaves(run), metrics

            axes = (None, 0, 0, 0, 0, 0, None)
            mapped = function if self.seeds is None else jax.vmap(function, in_axes=axes)
            self._learners[learning] = jax.jit(mapped, donate_argnums=(1,))
        beginning, noise = self._draw_learning(flat) if learning else (0, None)
        index = flat.iteration - beginning
        flat.leaves, metrics = self._learners[learning](
            self.algorithm, flat.leaves, self._inside(experience, 1), carry, done, noise, index
        )
        flat.iteration += 1
        return metrics

    def _draw_learning(self, flat: Flat) -> tuple[int, PyTree]:
        """`(number of the block's first iteration, noise [block, …])`, for the block that holds this iteration."""
        plan = self.algorithm.experience
        block = max(self.BLOCK // collect_steps(plan), 1) if isinstance(plan, Replay) else 1

        def draw(algorithm: Algorithm, key: jax.Array, beginning: jax.Array) -> PyTree:
            counters = beginning + jnp.arange(block)
            return jax.vmap(lambda i: draw_learning(algorithm, self.spec.num_envs, key, i))(counters)

        return self._block(flat, Stream.UPDATE, self.algorithm, draw, flat.iteration, block)

    def _statistics(self, flat: Flat) -> dict[str, np.ndarray]:
        return jax.device_get(self._report(self.algorithm, flat.part(lambda run: run.statistics)))

    # the seed axis

    def _compiled(self, function: Callable, *, donate: bool = False) -> Callable:
        """`function(algorithm, *arguments)`, compiled; mapped over the arguments' first axis when there are seeds."""
        if self.seeds is None:
            mapped = function
        else:

            def mapped(algorithm: Algorithm, *arguments: Any) -> Any:
                return jax.vmap(lambda *own: function(algorithm, *own))(*arguments)

        return jax.jit(mapped, donate_argnums=(1,) if donate else ())

    def _inside(self, tree: PyTree, axis: int = 0) -> PyTree:
        """Leaves `[…, S·N, …]` with that axis at `axis`, as `[S, …, N, …]`."""
        seeds = self.seeds
        if seeds is None:
            return tree

        def split(x: np.ndarray) -> np.ndarray:
            return np.moveaxis(x.reshape(*x.shape[:axis], seeds, -1, *x.shape[axis + 1 :]), axis, 0)

        return jax.tree.map(split, tree)

    def _outside(self, tree: PyTree, axis: int = 1) -> PyTree:
        """The inverse of `_inside`."""
        if self.seeds is None:
            return tree

        def merge(x: np.ndarray) -> np.ndarray:
            x = np.moveaxis(x, 0, axis)
            return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])

        return jax.tree.map(merge, tree)


def at(noise: PyTree, index: jax.Array) -> PyTree:
    """One row of a block of randomness."""
    return jax.tree.map(lambda x: x[index], noise)


def _stacked(rows: list[Transition]) -> Transition:
    return jax.tree.map(lambda *x: np.array(x), *rows)  # half the time of np.stack for small arrays


def _joined(blocks: list[Transition]) -> Transition | None:
    return jax.tree.map(lambda *x: np.concatenate(x), *blocks) if blocks else None
