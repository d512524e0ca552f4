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
from operant.engine.learn import draw_learning, learn, to_environment, warm_up
from operant.engine.run import Run, Stream, start, stream, transition
from operant.envs.host import HostEnvironments
from operant.types import Episodes, PyTree, Transition


class HostLoop:
    """Advances a run, or several stacked along a first axis, over environments that are stepped in Python.

    Several seeds share one batch of S·N environments; seed s owns rows s·N to (s+1)·N. Arrays are `[S·N, …]` outside
    compiled functions and `[S, N, …]` inside.
    """

    def __init__(
        self, algorithm: Algorithm, environments: HostEnvironments, seeds: int | None, emit: bool = False
    ) -> None:
        self.algorithm, self.environments, self.seeds, self.emit = algorithm, environments, seeds, emit
        self.spec = replace(environments.spec, num_envs=environments.spec.num_envs // (seeds or 1))
        self._learn = self._compiled(self._learn_from, donate=True)
        self._warm_up = self._compiled(self._remember_only, donate=True)
        self._initial_carry = self._compiled(lambda a, state: a.initial_carry(state, self.spec.num_envs))
        self._actors: dict[Stream, Callable] = {}
        self._draws: dict[tuple[Stream, int], Callable] = {}

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
        emitted = []
        plan = self.algorithm.experience
        for _ in range(count):
            carry, done = run.carry, self._inside(self.done)
            if isinstance(plan, Episodes):
                run, experience = self._episodes(run, plan)
            else:
                run, experience = self._rollout(run, self.algorithm, Stream.ACT, collect_steps(plan))
            run, metrics = self._learn(self.algorithm, run, self._inside(experience, 1), carry, done)
            totals = {name: totals.get(name, 0.0) + np.asarray(value) for name, value in metrics.items()}
            if self.emit:
                emitted.append(experience)
        return run, {name: value / count for name, value in totals.items()} | _report(run), _joined(emitted)

    def warm_up(self, run: Run, size: int) -> tuple[Run, dict[str, np.ndarray], Transition | None]:
        """The same after `size` iterations of acting at random and learning nothing."""
        emitted = []
        for _ in range(size):
            run, experience = self._rollout(
                run, Random(), Stream.WARM_UP, collect_steps(self.algorithm.experience)
            )
            run = self._warm_up(self.algorithm, run, self._inside(experience, 1))
            if self.emit:
                emitted.append(experience)
        return run, _report(run), _joined(emitted)

    def close(self) -> None:
        """Closes the environments."""
        self.environments.close()

    # collecting

    def _rollout(self, run: Run, algorithm: Algorithm, acting: Stream, steps: int) -> tuple[Run, Transition]:
        actor = self._actor(run, algorithm, acting, steps, run.iteration * steps)
        carry, rows = run.carry, []
        for t in range(steps):
            action, carry = actor(carry, t)
            rows.append(self._step(action))
        return _with_carry(run, carry), _stacked(rows)

    def _episodes(self, run: Run, plan: Episodes) -> tuple[Run, Transition]:
        rounds, blocks = plan.count // self.spec.num_envs, []
        carry = run.carry
        for index in range(rounds):
            number = run.iteration * rounds + index
            self._reset(run.key, int(np.max(number)) + 1)
            actor = self._actor(run, self.algorithm, Stream.ACT, plan.max_steps, number * plan.max_steps)
            carry, rows = self._initial_carry(self.algorithm, run.state), []
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
        experience = jax.tree.map(lambda *x: np.concatenate(x, axis), *blocks)
        return _with_carry(run, carry), self._outside(experience)

    def _step(self, action: PyTree) -> Transition:
        seen, mask = self.observation, self.action_mask
        timestep = self.environments.step(to_environment(self.spec.action_space, action))
        self.observation, self.action_mask = timestep.observation, timestep.action_mask
        self.done = timestep.terminated | timestep.truncated
        return transition(seen, mask, action, timestep)

    def _actor(
        self, run: Run, algorithm: Algorithm, acting: Stream, steps: int, first: jax.Array
    ) -> Callable[[PyTree, int], tuple[PyTree, PyTree]]:
        """`(carry, t) → (action, carry)` for the t-th step of a block, acting on the present observation."""
        state = run.state if acting is Stream.ACT else RandomState(self.spec)
        # Flattened once a block: walking a tree of modules costs more than the compiled call itself.
        parts, structure = jax.tree.flatten((algorithm, state))
        shared = len(jax.tree.leaves(algorithm))
        if (acting, steps) not in self._draws:
            self._draws[acting, steps] = self._compiled(
                lambda a, key, first: jax.vmap(
                    lambda t: a.draw(self.spec, jax.random.fold_in(stream(key, acting), t))
                )(first + jnp.arange(steps))
            )
        if acting not in self._actors:

            def act(common, parts, observation, action_mask, carry, done, noise, clock, t):
                algorithm, state = structure.unflatten([*common, *parts])
                carry = forget(carry, algorithm.initial_carry(state, self.spec.num_envs), done)
                noise = jax.tree.map(lambda x: x[t], noise)
                return algorithm.act(state, observation, action_mask, carry, noise, clock, explore=True)

            axes = (None, 0, 0, 0, 0, 0, 0, 0, None)
            self._actors[acting] = jax.jit(act if self.seeds is None else jax.vmap(act, in_axes=axes))
        compiled, common, own, clock = self._actors[acting], parts[:shared], parts[shared:], run.clock
        noise = self._draws[acting, steps](algorithm, run.key, first)

        def actor(carry: PyTree, t: int) -> tuple[PyTree, PyTree]:
            seen, mask, done = map(self._inside, (self.observation, self.action_mask, self.done))
            action, carry = compiled(common, own, seen, mask, carry, done, noise, clock, t)
            return self._outside(jax.tree.map(np.asarray, action), 0), carry

        return actor

    def _reset(self, key: jax.Array, number: int) -> None:
        """Fresh episodes everywhere; every number has its own."""
        first = key if self.seeds is None else key[0]
        own = stream(first, Stream.ENVIRONMENT)
        self.observation, self.action_mask = self.environments.reset(
            own if number == 0 else jax.random.fold_in(own, number)
        )
        self.done = np.zeros(self.environments.spec.num_envs, bool)

    # learning

    def _learn_from(
        self, algorithm: Algorithm, run: Run, experience: Transition, carry: PyTree, done: jax.Array
    ):
        noise = draw_learning(algorithm, self.spec.num_envs, run.key, run.iteration)
        if not isinstance(algorithm.experience, Episodes):
            carry = forget(carry, algorithm.initial_carry(run.state, self.spec.num_envs), done)
        return learn(algorithm, run, experience, carry, noise)

    def _remember_only(self, algorithm: Algorithm, run: Run, experience: Transition) -> Run:
        return warm_up(algorithm, run, experience)

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
        if self.seeds is None:
            return tree

        def split(x: np.ndarray) -> np.ndarray:
            return np.moveaxis(x.reshape(*x.shape[:axis], self.seeds, -1, *x.shape[axis + 1 :]), axis, 0)

        return jax.tree.map(split, tree)

    def _outside(self, tree: PyTree, axis: int = 1) -> PyTree:
        """The inverse of `_inside`."""
        if self.seeds is None:
            return tree

        def merge(x: np.ndarray) -> np.ndarray:
            x = np.moveaxis(x, 0, axis)
            return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])

        return jax.tree.map(merge, tree)


def _with_carry(run: Run, carry: PyTree) -> Run:
    return replace(run, carry=carry)


def _report(run: Run) -> dict[str, np.ndarray]:
    return jax.device_get(_compiled_report(run.statistics))


@jax.jit
def _compiled_report(statistics):
    return (
        statistics.report()
        if statistics.episodes.ndim == 0
        else jax.vmap(type(statistics).report)(statistics)
    )


def _stacked(rows: list[Transition]) -> Transition:
    return jax.tree.map(lambda *x: np.stack(x), *rows)


def _joined(blocks: list[Transition]) -> Transition | None:
    return jax.tree.map(lambda *x: np.concatenate(x), *blocks) if blocks else None
