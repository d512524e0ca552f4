"""The loop on the host: environments in Python, which a collector plays, and a learner that is one compiled call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.engine.ahead import Fresh, Worker
from operant.engine.collected import Collected
from operant.engine.collector import NOWHERE, Collector
from operant.engine.devices import Devices
from operant.engine.flat import Packed
from operant.engine.host_learner import HostLearner, Metrics
from operant.engine.host_start import compiled, first_run, with_fresh_episodes
from operant.engine.learn import all_taken, report, to_time_major
from operant.engine.metrics import Summands, present
from operant.engine.seed_axis import inside, outside
from operant.engine.statistics import WINDOW
from operant.engine.train import Stepped
from operant.engine.train_state import TrainState, acted_by, start_of_episode
from operant.engine.watch import Stopped, Watch
from operant.envs.host import HostEnvironments
from operant.types import PyTree, Transition


class HostLoop:
    """Advances a run, or several stacked along a first axis, over environments that are stepped in Python.

    Several seeds share one batch of S·N environments: see `seed_axis`. Of several `devices` each acts in a part
    of them, and learns from a part of every batch, or for some of the seeds; environments are stepped here.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        environments: HostEnvironments,
        seeds: int | None,
        return_experience: bool = False,
        window: int = WINDOW,
        async_collect: bool = False,
        devices: int | None = None,
    ) -> None:
        self.environments, self.seeds, self.window = environments, seeds, window
        self.return_experience, self.async_collect = return_experience, async_collect
        self.exchange(algorithm)
        self._plan = plan = algorithm.experience
        self.spec = replace(environments.spec, num_envs=environments.spec.num_envs // (seeds or 1))
        self.devices = Devices(devices or 1, seeds, self.spec.num_envs, always=True)
        self.collector = Collector(environments, self.spec, seeds, plan.stores_carry, self.devices)
        self._goals = environments.goals
        self.learner = HostLearner(
            plan, self.spec, seeds, self._goals, environments.judge, self.devices, shared=async_collect
        )
        self._worker = Worker() if async_collect else None
        self._ahead: Fresh | None = None  # collected already, while what came before was learnt from
        self._next_rollout = self._compiled(lambda a, state: a.exploration.next_rollout(state))
        self._start_of_episode = self._compiled(lambda a, state: start_of_episode(a, self.spec, state))
        self._report = self._compiled(lambda a, state, counted: {**report(a, state), **counted.report()})
        self._transitions = jax.jit(Collected.transitions)
        self._held: Packed | None = (
            None  # the run at the last finished iteration, without what its actor holds
        )
        self._actor = NOWHERE  # the rest of it
        self.watch = Watch()

    def init(self, key: jax.Array, size: int | None = None) -> TrainState:
        self._begin(key, 0)
        return first_run(self.algorithm, self.spec, self.seeds, key, self._seen, self.window, self._goals)

    def restart(self, run: TrainState) -> TrainState:
        """A stored run with fresh episodes, since environments on the host cannot be stored with it."""
        self._begin(run.key, int(np.asarray(run.iteration).max()) + 1)
        return with_fresh_episodes(run, self._seen, self._start_of_episode(self.algorithm, run.state))

    def step(self, run: TrainState, count: int, size: int, more: bool = False) -> Stepped:
        """Fewer iterations where `watch` says stop; Stopped is raised where that is before the first has ended.

        With `async_collect` the first iteration of a chunk acts by the newest policy, and the others by the one before.
        """
        total: Any = np.float32(0)
        returned, held, iteration = [], *self._taken(run)
        finished, lag, summands = 0, 0, Summands()
        for _ in range(count):
            try:
                fresh = self._ahead or self._fresh(held, iteration)
            except Stopped:
                if not finished:
                    raise Stopped(self._run(held)) from None
                break
            self._ahead = None
            ahead = self.async_collect and (more or finished + 1 < count)
            metrics = self._learn_and_collect(held, fresh) if ahead else self._learn(held, fresh)
            total, summands = total + np.asarray(metrics.numbers), metrics.summands
            finished, iteration, lag = finished + 1, iteration + 1, lag + fresh.lag
            if self.return_experience:
                returned.append(self._returned(fresh.experience))
        means = summands.means(np.moveaxis(total, -1, 0), finished)
        if self.async_collect:
            means |= {"rollout/policy_lag": np.full(self.seeds or (), lag / finished, np.float32)}
        run = self._run(held)
        return run, present(means | self._reported(run)), _joined(returned)

    def warm_up(self, run: TrainState, count: int, size: int | None = None) -> Stepped:
        returned, held, iteration = [], *self._taken(run)
        with self.watch.doing("warming up"):
            for _ in range(count):
                try:
                    fresh = self._fresh(held, iteration, random=True)
                except Stopped:
                    break
                self._learn(held, fresh, learning=False)
                iteration += 1
                if self.return_experience:
                    returned.append(self._returned(fresh.experience))
        run = self._run(held)
        return run, present(self._reported(run)), _joined(returned)

    def exchange(self, algorithm: Algorithm) -> None:
        self.algorithm: Algorithm = jax.tree.map(jnp.asarray, algorithm)  # converted once, not at every call
        self._algorithm = Packed(self.algorithm)

    def invalidate(self) -> None:
        self.collector.env_stale = True

    def stored(self) -> dict[str, np.ndarray] | None:
        return None if self.collector.env_stale or self.lost else self.environments.stored()

    def resume(self, run: TrainState, environments: Mapping[str, np.ndarray]) -> None:
        self.environments.restore(environments)
        self.collector.noise.clear()
        self.learner.noise.clear()
        seen = jax.tree.map(np.asarray, outside((run.observation, run.action_mask), self.seeds))
        self.collector.actor = NOWHERE._replace(observation=seen[0], action_mask=seen[1])
        self.collector.env_stale = False

    def salvage(self) -> TrainState | None:
        return None if self._held is None or not self._held.whole else self._run(self._held)

    def close(self) -> None:
        self.environments.close()

    @property
    def lost(self) -> bool:
        return self.environments.lost

    def _taken(self, run: TrainState) -> tuple[Packed, int]:
        """`(the run to advance, which is used up by that, its iteration)`."""
        iteration = int(np.asarray(run.iteration).max())
        if self._ahead is not None and self._ahead.iteration != iteration:  # of another run
            self.collector.env_stale = True
        if self.collector.env_stale:
            run = self.restart(run)
        run = self.devices.placed(run)
        several = 0 if self.seeds is None else 1
        learnt = replace(run, observation=None, action_mask=None, carry=None, exploration=None)
        self._held = Packed(learnt, several=several, apart=run.replay)
        self._key = jnp.copy(run.key)  # that of the run is used up with it, and comes out of it again
        stands = self._actor if self._ahead else self.collector.actor
        self.collector.actor = self._actor = stands._replace(carry=run.carry, exploration=run.exploration)
        if self._ahead is not None:
            self.collector.actor = self._ahead.actor
        return self._held, iteration

    def _fresh(self, held: Packed, iteration: int, *, random: bool = False, lag: int = 0) -> Fresh:
        """An iteration's experience, by the policy that is held."""
        steps, collect = self._plan.unroll_length, self.collector.collect
        acted = None
        if self.async_collect and self._plan.replay is None:  # replay does not care who acted
            acted = [
                x if wanted else None for x, wanted in zip(held.arrays, held.needed(acted_by), strict=True)
            ]
        given = self._algorithm, held, self._key, self.watch
        if not self._plan.whole_episodes:
            experience, memory = collect(*given, iteration * steps, steps, random=random)
            return Fresh(iteration, lag, [experience], memory, self.collector.actor, acted)
        rounds, experience, memory = self._plan.rounds(self.spec.num_envs), [], None
        rounds_alike, envs_alike = self._plan.starts(self.spec.num_envs)
        start = self._start_of_episode(self.algorithm, held.tree.state)
        alive = np.ones(self.environments.spec.num_envs, bool)
        if self.seeds is not None:
            alive = np.repeat(~np.asarray(all_taken(held.tree.clock)), len(alive) // self.seeds)
        for index in range(rounds):
            number = iteration * rounds + index
            self.collector.reset(self._key, number + 1, number - index % rounds_alike + 1, envs_alike)
            fresh, memory = collect(*given, number * steps, steps, start=start, alive=alive)
            experience.append(fresh)
        return Fresh(iteration, lag, experience, memory, self.collector.actor, acted)

    def _learn(self, held: Packed, fresh: Fresh, *, learning: bool = True) -> Metrics:
        """Bring the run up to date with fresh experience, in place."""
        metrics, exploration = self._learnt(held, fresh, learning=learning)
        self._actor = self.collector.actor = fresh.actor._replace(exploration=exploration)
        return metrics

    def _learn_and_collect(self, held: Packed, fresh: Fresh) -> Metrics:
        """The same while the next experience is collected, by the policy of before."""
        assert self._worker is not None
        acting, exploration = copy(held), fresh.actor.exploration  # whose arrays stay where they are
        if jax.tree.leaves(exploration):
            exploration = self._next_rollout(self.algorithm, exploration)
        self.collector.actor = fresh.actor._replace(exploration=exploration)

        def learn() -> tuple[Metrics, PyTree]:
            return self._learnt(held, fresh)

        # Who is told of each step may look at what is learnt, which must not change meanwhile.
        learnt = learn if self.watch.on_step is not None else self._worker.begin(learn)
        try:
            self._ahead = self._fresh(acting, fresh.iteration + 1, lag=1)
        except Stopped:
            pass  # and will be again, before the next iteration
        finally:
            metrics, exploration = learnt()
            self._actor = fresh.actor._replace(exploration=exploration)
        return metrics

    def _learnt(self, held: Packed, fresh: Fresh, *, learning: bool = True) -> tuple[Metrics, PyTree]:
        return self.learner(
            *(self._algorithm, held, self._key, self.watch, fresh.iteration),
            *(fresh.experience, fresh.memory, fresh.actor.exploration),
            learning=learning,
            acted=fresh.acted,
        )

    def _run(self, held: Packed) -> TrainState:
        """The whole run, with what its actor holds."""
        seen = inside((self._actor.observation, self._actor.action_mask), self.seeds)
        observation, action_mask = jax.tree.map(jnp.asarray, seen)
        actor = self._actor
        return replace(
            held.tree,
            observation=observation,
            action_mask=action_mask,
            carry=actor.carry,
            exploration=actor.exploration,
        )

    def _begin(self, key: jax.Array, count: int) -> None:
        """Fresh episodes, and fresh randomness of this key."""
        self._ahead = None
        self.collector.noise.clear()
        self.learner.noise.clear()
        self.collector.reset(key, count)
        self.collector.env_stale = False

    @property
    def _seen(self) -> tuple[PyTree, PyTree]:
        """What is acted on next, of each learner."""
        return inside((self.collector.actor.observation, self.collector.actor.action_mask), self.seeds)

    def _returned(self, experience: list[Collected]) -> Transition:
        """`[T, S·N, …]` in NumPy, of whole episodes in the order of time."""
        blocks = [jax.tree.map(np.asarray, self._transitions(one)) for one in experience]
        if len(blocks) == 1:
            return blocks[0]
        by_seed = [inside(block, self.seeds, 1) for block in blocks]
        axis = 1 if self.seeds is None else 2
        together = outside(jax.tree.map(lambda *x: jnp.concatenate(x, axis), *by_seed), self.seeds, 1)
        rows = to_time_major(together, len(blocks), self.seeds or 1)
        return jax.tree.map(np.asarray, rows)

    def _reported(self, run: TrainState) -> dict[str, Any]:
        """Metrics of a whole chunk: the algorithm's own of its state, and those of the last episodes."""
        return jax.device_get(self._report(self.algorithm, run.state, run.statistics))

    def _compiled(self, function: Callable) -> Any:
        return compiled(function, self.seeds)


def _joined(blocks: list[Transition]) -> Transition | None:
    return jax.tree.map(lambda *x: np.concatenate(x), *blocks) if blocks else None
