"""The asynchronous loop: workers play environments of their own, and a learner learns from what they hand in."""

from __future__ import annotations

import time
import warnings
import weakref
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import Algorithm
from operant.engine.asynchronous.actors import Actors, together
from operant.engine.asynchronous.exchange import Exchange, Played
from operant.engine.asynchronous.gradients import Gradients
from operant.engine.asynchronous.threads import start
from operant.engine.asynchronous.workers import Workers
from operant.engine.collect import ActorState, with_stage
from operant.engine.flat import Packed
from operant.engine.host_learner import HostLearner
from operant.engine.host_start import compiled
from operant.engine.learn import among, report
from operant.engine.metrics import Summands, present
from operant.engine.statistics import WINDOW
from operant.engine.train import Stepped
from operant.engine.train_state import TrainState, acted_by
from operant.engine.watch import Stopped, Watch
from operant.types import Transition


class AsyncLoop:
    """Advances a run by the experience of W workers, each of which plays N environments of its own.

    An iteration learns from one worker's rollout `[T, N]`. The run has W·N environments, those of the first worker
    first; what it says of where they stand is of the last rollouts that were learnt from.
    """

    seeds: int | None = None

    def __init__(
        self,
        algorithm: Algorithm,
        actors: Actors,
        workers: Workers,
        return_experience: bool = False,
        window: int = WINDOW,
    ) -> None:
        self.actors, self.workers = actors, workers
        self.return_experience, self.window = return_experience, window
        self.spec, self.environments, self.watch = actors.spec, actors.environments, Watch()
        self._exchange = Exchange(workers)
        if self.environments is not None:
            self.environments.closing()  # another loop may have had them
            self.environments.closing = self._exchange.close
        weakref.finalize(self, self._exchange.close)
        self._learner = HostLearner(
            algorithm.experience, self.spec, None, actors.goals, actors.judge, shared=True
        )
        self._gradients = Gradients(actors.spec, actors.judge)
        self.exchange(algorithm)
        self._report = compiled(lambda a, state, counted: {**report(a, state), **counted.report()}, None)
        self._transitions = jax.jit(lambda experience: experience.transitions())
        self._held: Packed | None = (
            None  # the run at the last finished iteration, without what its actors hold
        )
        self._stands: list[ActorState] = []  # the rest of it, of each actor
        self._next: int | None = None  # the iteration that workers play for; None: they are not at work
        self._stale, self._within_chunk = False, False

    def init(self, key: jax.Array, size: int | None = None) -> TrainState:
        self._rest()
        return self.actors.first_run(key, self.window)

    def step(self, run: TrainState, count: int, size: int, more: bool = False) -> Stepped:
        """Fewer iterations where `watch` says stop; Stopped is raised where that is before the first has ended."""
        held, iteration = self._taken(run)
        fixed = self.workers.fixed_lag is not None
        self._exchange.allow(iteration, iteration + count + more, afresh=not self._within_chunk)
        total: Any = np.float32(0)
        lags, waited, returned, summands = [], 0.0, [], Summands()
        began = time.perf_counter()
        for _ in range(count):
            asked = time.perf_counter()
            try:
                with self.watch.doing(self.watch.phase if self._exchange.begun else "compiling"):
                    played = self._exchange.take(iteration, self.watch)
            except Stopped:
                self.invalidate()
                if not lags:
                    raise Stopped(self._run(held)) from None
                break
            finally:
                self._say()
            waited += time.perf_counter() - asked
            self.watch.steps += self.spec.num_envs * self.algorithm.experience.unroll_length
            metrics = self._learn(held, played, iteration)
            total, summands = total + np.asarray(metrics.numbers), metrics.summands
            lags.append(iteration - played.order.version)
            iteration += 1
            self._exchange.publish(iteration, copy(held))
            if self.return_experience:
                returned.append(self._returned(played))
        if not self._stale:
            self._within_chunk, self._next = more, iteration
        means = summands.means(np.moveaxis(total, -1, 0), len(lags))
        means |= {
            "time/policy_lag": np.float32(np.mean(lags)),
            "time/policy_lag_max": np.float32(max(lags)),
            "time/workers": np.float32(self._exchange.at_work),
        }
        if not fixed:
            means |= {
                "time/rollouts_dropped": np.float32(self._exchange.dropped),
                "time/learner_waiting": np.float32(waited / (time.perf_counter() - began)),
            }
        run = self._run(held)
        return run, present(means | self._reported(run)), _joined(returned)

    def warm_up(self, run: TrainState, count: int, size: int | None = None) -> Stepped:
        raise NotImplementedError("rollouts have no warm-up")

    def exchange(self, algorithm: Algorithm) -> None:
        self.algorithm: Algorithm = jax.tree.map(jnp.asarray, algorithm)
        self._algorithm = Packed(self.algorithm)
        self.actors.take_up(self.algorithm, self._algorithm)
        self._gradients.algorithm = self._algorithm

    def invalidate(self) -> None:
        """All workers are at rest when this returns."""
        self._rest()
        self._stale = True

    def stored(self) -> dict[str, np.ndarray] | None:
        """Only where workers take turns, and so rest between chunks."""
        if self._stale or self.lost or self.environments is None or self.workers.fixed_lag is None:
            return None
        return self.environments.stored()

    def resume(self, run: TrainState, environments: Mapping[str, np.ndarray]) -> None:
        self._rest()
        if self.environments is not None:
            self.environments.restore(environments)

    def salvage(self) -> TrainState | None:
        return None if self._held is None or not self._held.whole else self._run(self._held)

    @property
    def lost(self) -> bool:
        """Whether nobody plays any more, or somebody does not who is waited for."""
        return self._exchange.closed or self._exchange.failure is not None

    def close(self) -> None:
        self._exchange.close()
        if self.environments is not None:
            self.environments.close()
        self.actors.close()

    def _rest(self) -> None:
        """Nobody plays, and nothing is known of what was played."""
        self._exchange.halt()
        self._learner.noise.clear()
        self._next, self._stale = None, False

    def _taken(self, run: TrainState) -> tuple[Packed, int]:
        """`(the run to advance, which is used up by that, its iteration)`; its workers are at work then."""
        iteration = int(np.asarray(run.iteration))
        if self._next is not None and self._next != iteration:  # another run
            self.invalidate()
        if self._stale:
            run = self.actors.afresh(run)
            self._stale = False
        self._key = jnp.copy(run.key)  # that of the run is used up with it, and comes out of it again
        if self._next is None:
            self._stands = self.actors.place(run)
            self._next, self._within_chunk = iteration, False
            self._exchange.begin(iteration)
        nothing = dict.fromkeys(("environment", "observation", "action_mask", "carry", "exploration"))
        self._held = held = Packed(replace(run, **nothing))
        self._exchange.publish(iteration, copy(held))
        if not self._exchange.threads:
            learns = self.algorithm.worker_gradients is not None
            for actor in self.actors.learning(self._gradients) if learns else self.actors.each:
                start(actor, self._exchange)
        return held, iteration

    def _learn(self, held: Packed, played: Played, iteration: int) -> Any:
        """Bring the run up to date, in place: its metrics."""
        acted, several = None, self.workers.count > 1
        if self.workers.fixed_lag != 0 and played.gradients is None:
            policy = played.order.policy
            acted = [
                x if wanted else None
                for x, wanted in zip(policy.arrays, policy.needed(acted_by), strict=True)
            ]
        metrics, _ = self._learner(
            *(self._algorithm, held, self._key, self.watch, iteration),
            *([played.experience], played.memory, played.exploration),
            learning=True,
            acted=acted,
            first=played.order.worker * self.spec.num_envs if several else None,
            gradients=played.gradients,
        )
        self._stands[played.order.worker] = played.actor
        return metrics

    def _run(self, held: Packed) -> TrainState:
        """The whole run, with where its actors stand."""
        return with_stage(held.tree, jax.tree.map(jnp.asarray, together(self._stands)))

    def _returned(self, played: Played) -> Transition:
        """`[T, W·N, …]` in NumPy; of the environments of other workers no step happened."""
        fresh = jax.tree.map(np.asarray, self._transitions(played.experience))
        if self.workers.count == 1:
            return fresh
        count, n = self.workers.count, self.spec.num_envs
        return among(fresh, count * n, played.order.worker * n)

    def _reported(self, run: TrainState) -> dict[str, Any]:
        """Metrics of a whole chunk: the algorithm's own of its state, and those of the last episodes."""
        return jax.device_get(self._report(self.algorithm, run.state, run.statistics))

    def _say(self) -> None:
        """Warn of what has happened to workers, in the thread that trains."""
        for notice in self._exchange.notices():
            warnings.warn(notice, TrainingWarning, stacklevel=4)


def _joined(blocks: list[Transition]) -> Transition | None:
    return jax.tree.map(lambda *x: np.concatenate(x), *blocks) if blocks else None
