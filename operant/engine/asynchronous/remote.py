"""Workers in processes of their own, as the learner sees them. Messages are arrays and JSON: see `operant.messages`."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant import cluster
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import Algorithm
from operant.engine.asynchronous import setup
from operant.engine.asynchronous.actors import Actors, HostActors
from operant.engine.asynchronous.environments import OfWorkers
from operant.engine.asynchronous.exchange import Order, Played
from operant.engine.asynchronous.forms import Forms
from operant.engine.asynchronous.gradients import Gradients
from operant.engine.asynchronous.native_actors import NativeActors
from operant.engine.asynchronous.process import Worker
from operant.engine.asynchronous.threads import Actor, key_of_worker
from operant.engine.asynchronous.workers import Workers
from operant.engine.collect import ActorState
from operant.engine.flat import Packed, flatten
from operant.engine.train_state import acted_by
from operant.engine.watch import Stopped, Watch
from operant.envs import sent
from operant.envs.base import Environment
from operant.envs.goals import Goals
from operant.envs.host import HostEnvironments
from operant.envs.source import Source
from operant.messages import pack, unpack
from operant.ops.metrics import Metrics
from operant.types import EnvSpec, Transition
from operant.version import __version__


def actors(
    algorithm: Algorithm,
    source: Source,
    spec: EnvSpec,
    workers: Workers,
    window: int,
    key: jax.Array,
    environments: HostEnvironments | None,
) -> Actors:
    """Actors that play in processes: with those of `environments`, where there are such, which begin anew."""
    native = source.native
    crew = environments.crew if isinstance(environments, RemoteEnvironments) else Crew(workers)
    if (lack := crew.lacks) is not None:
        warnings.warn(
            f"workers={workers.count}: {lack}. Training begins when there is room for all: add machines, or tell Ray "
            "that one has more (ray start --num-cpus).",
            TrainingWarning,
            stacklevel=2,
        )
    crew.begin(algorithm, source, None if native is not None else spec, spec.num_envs, window, key)
    if native is not None:
        each = [RemoteActor(w, crew, None) for w in range(workers.count)]
        made: Actors = NativeActors(native, spec.num_envs, workers.count, each)
        crew.forms = _forms(algorithm, spec, workers, window, key, native, None)
        return made
    if environments is None:
        environments = RemoteEnvironments(crew, source, spec)
    assert isinstance(environments, RemoteEnvironments)
    each = [RemoteActor(w, crew, environments) for w in range(workers.count)]
    crew.forms = _forms(algorithm, spec, workers, window, key, None, environments.goals)
    return HostActors(algorithm, environments, each)


def _forms(
    algorithm: Algorithm,
    spec: EnvSpec,
    workers: Workers,
    window: int,
    key: jax.Array,
    native: Environment | None,
    goals: Goals | None,
) -> Forms:
    arrays = jax.tree.map(jnp.asarray, algorithm)
    return Forms(arrays, spec, workers.count, window, key, native, goals)


class Crew:
    """The processes of all workers."""

    forms: Forms

    def __init__(self, workers: Workers) -> None:
        self.workers, self.processes = workers, []
        self.closed = False
        self._share = cluster.Share(workers.address, workers.count)
        self._lock = threading.Lock()
        self._policies: list[tuple[Packed, Any]] = []  # that were sent, and where Ray has them
        self._numbers, self._algorithm = 0, Packed(())

    @property
    def lacks(self) -> str | None:
        """What to say where there is no room for all of them."""
        return self._share.lacks(self.workers.count)

    def begin(
        self,
        algorithm: Algorithm,
        source: Source,
        spec: EnvSpec | None,
        num_envs: int,
        window: int,
        key: jax.Array,
    ) -> None:
        """Processes, in place of those there are, for this algorithm in these environments."""
        for process in self.processes:
            process.end()
        written = setup.written(algorithm, source)
        self._objects = written.objects
        told = {
            "version": __version__,
            "setup": written.values,
            "spec": None if spec is None else sent.described(spec),
            "workers": self.workers.count,
            "num_envs": num_envs,
            "window": window,
            "key": str(jax.random.key_impl(key)),
            "x64": bool(jax.config.jax_enable_x64),  # pyright: ignore[reportAttributeAccessIssue]
        }
        self._message, self._silence = pack(told, [jax.random.key_data(key)]), source.env_timeout
        self.processes = [self._made() for _ in range(self.workers.count)]

    def remake(self, worker: int) -> None:
        """A new process in place of a worker's, which is ended."""
        self.processes[worker].end()
        self.processes[worker] = self._made()

    def take_up(self, packed: Packed) -> None:
        """What acts has these numbers from now on."""
        with self._lock:
            if packed is not self._algorithm:
                self._policies, self._algorithm, self._numbers = [], packed, self._numbers + 1

    def policy(self, policy: Packed) -> Any:
        """Where Ray has the message about a policy, which is sent once for all workers."""
        with self._lock:
            for known, place in self._policies:
                if known is policy:
                    return place
            needed = zip(policy.arrays, policy.needed(acted_by), strict=True)
            numbers = self._algorithm.arrays
            told = {"algorithm": self._numbers, "numbers": len(numbers)}
            place = cluster.library().put(
                pack(told, [*numbers, *(x if wanted else None for x, wanted in needed)])
            )
            keep = (self.workers.fixed_lag or 0) + 1
            self._policies = [*self._policies[-keep:], (policy, place)]
            return place

    def close(self) -> None:
        self.closed = True
        for process in self.processes:
            process.end()
        self._policies = []
        self._share.close()

    def _made(self) -> cluster.Process:
        return cluster.Process(self._share, Worker, self._message, self._objects, silence=self._silence)


class RemoteActor:
    """A worker that plays in a process."""

    def __init__(self, index: int, crew: Crew, environments: RemoteEnvironments | None) -> None:
        self.index, self._crew, self._environments = index, crew, environments
        self.key: Any = None
        self.stand = ActorState((), None, None, (), ())
        self._gradients: Gradients | None = None
        self._told = False  # whether the process knows where its environments stand
        self._restart = False  # whether they begin afresh
        self._turns = 0

    def take_up(self, algorithm: Algorithm, packed: Packed) -> None:
        self._crew.take_up(packed)

    def begin(self, key: jax.Array) -> None:
        self.key = key_of_worker(jnp.copy(key), self.index)

    def reset(self, count: int) -> None:
        message = pack({"count": count}, [jax.random.key_data(self.key)])
        _, arrays = answered(self._process, self._process.ask("reset", message))
        stand = self._crew.forms.actor.structure.unflatten(range(self._crew.forms.actor.structure.num_leaves))
        seen: Any = jax.tree.structure((stand.observation, stand.action_mask)).unflatten(arrays)
        self.stand = ActorState((), seen[0], seen[1], (), ())

    def place(self, key: jax.Array, stand: ActorState) -> None:
        self.begin(key)
        self.stand, self._told, self._restart = stand, False, False

    def learning(self, gradients: Gradients) -> Actor:
        self._gradients = gradients
        return self

    def play(self, order: Order, watch: Watch) -> Played:
        self._turns += 1
        turn, stopping = self._turns, False
        process = self._process

        def look() -> None:
            nonlocal stopping
            if watch.stop and not stopping:
                stopping = True
                process.at_once("stop", turn)

        place = not self._told and not self._restart
        told = {"turn": turn, "number": order.number, "version": order.version}
        told |= {"place": place, "restart": self._restart}
        arrays = [jax.random.key_data(self.key), *(flatten(self.stand)[0] if place else ())]
        call = process.ask("play", self._crew.policy(order.policy), pack(told, arrays))
        return self._played(order, *answered(process, call, look))

    def restart(self, order: Order) -> None:
        self._crew.remake(self.index)
        # Native environments go on where they stood: nothing of them was lost.
        self._told, self._restart = False, self._environments is not None

    def close(self) -> None:
        if not self._crew.closed:
            self._crew.close()

    @property
    def _process(self) -> cluster.Process:
        return self._crew.processes[self.index]

    def _played(self, order: Order, told: dict[str, Any], arrays: list[Any]) -> Played:
        forms, count = self._crew.forms, told["gradients"]
        own, gradients = arrays[: len(arrays) - count], arrays[len(arrays) - count :]
        stand, experience, memory, exploration = forms.received(told["rollout"], own)
        self.stand, self._told, self._restart = stand, True, False
        if self._environments is not None:
            self._environments.tell(self.index, told["ends"])
        found = None
        if count:
            assert self._gradients is not None
            found = forms.gradients(self._gradients, experience, memory).tree(gradients)
        return Played(order, experience, memory, exploration, stand, found)


class RemoteEnvironments(OfWorkers):
    """The environments of all workers, in their processes."""

    def __init__(self, crew: Crew, source: Source, spec: EnvSpec) -> None:
        self.crew, self.on_end, self.closing = crew, None, lambda: None
        self.spec = replace(spec, num_envs=crew.workers.count * spec.num_envs)
        asked = spec.goals or isinstance(source.given, Environment)
        self._like = source.host(1) if asked else None  # what they say of goals is asked here

    def tell(self, worker: int, ends: list[Any]) -> None:
        """Episodes of a worker's have ended, with these infos."""
        count = self.crew.workers.count
        if self.on_end is not None:
            for index, info in ends:
                self.on_end(worker * (self.spec.num_envs // count) + index, self.spec.num_envs, info)

    @property
    def goals(self) -> Goals | None:
        return None if self._like is None else self._like.goals

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics] | None:
        return None if self._like is None else self._like.judge(experience)

    def stored(self) -> dict[str, np.ndarray] | None:
        each = []
        for process in self.crew.processes:
            told, arrays = answered(process, process.ask("stored"))
            each.append(None if told["names"] is None else dict(zip(told["names"], arrays, strict=True)))
        return self.joined(each)

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        for worker, process in enumerate(self.crew.processes):
            own = self.of_one(arrays, worker)
            answered(process, process.ask("restore", pack({"names": list(own)}, list(own.values()))))

    @property
    def lost(self) -> bool:
        return self.crew.closed

    def close(self) -> None:
        self.closing()
        self.crew.close()
        if self._like is not None:
            self._like.close()

    def call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        calls = [(p, p.ask("call", name, arguments, keywords)) for p in self.crew.processes]
        return [answer for process, call in calls for answer in process.answer(call)]

    def set_attr(self, name: str, value: Any) -> None:
        for process, call in [(p, p.ask("set_attr", name, value)) for p in self.crew.processes]:
            process.answer(call)


def answered(
    process: cluster.Process, call: Any, waiting: Callable[[], Any] = lambda: None
) -> tuple[Any, list[Any]]:
    """The message that a call returns. Raises Stopped where it was stopped, and what the worker raised."""
    told, arrays = unpack(process.answer(call, waiting))
    if "stopped" in told:
        raise Stopped
    if "error" in told:
        raise sent.raised(told)
    return told, arrays
