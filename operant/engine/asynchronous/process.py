"""A worker in a process of its own: what runs there. It takes parameters as arrays, and gives rollouts as arrays."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.engine.asynchronous import setup
from operant.engine.asynchronous.actors import HostActors
from operant.engine.asynchronous.environments import WorkerEnvironments
from operant.engine.asynchronous.exchange import Order
from operant.engine.asynchronous.forms import Forms
from operant.engine.asynchronous.gradients import Gradients
from operant.engine.asynchronous.native_actors import NativeActors
from operant.engine.flat import Packed, flatten
from operant.engine.remote_object import Stoppable
from operant.envs import sent
from operant.messages import pack, unpack


class Worker(Stoppable):
    """One of W workers, with N environments."""

    def begin(self, told: dict[str, Any], arrays: list[Any], objects: dict[str, Any]) -> None:
        self._learnt_by = -1  # which algorithm's numbers are in use
        self._impl = told["key"]
        algorithm, source = setup.read(told["setup"], objects)
        count, num_envs = told["workers"], told["num_envs"]
        algorithm = jax.tree.map(jnp.asarray, algorithm)
        native = source.native
        if native is not None:
            self.environments, goals = None, None
            self._actors: Any = NativeActors(native, num_envs, 1)
        else:
            self.environments = WorkerEnvironments(partial(source.host, num_envs), 1)
            goals = self.environments.goals
            self._actors = HostActors(algorithm, self.environments)
            self.environments.on_end = self._ended
        spec = self._actors.spec
        if told["spec"] is not None:
            sent.require_alike(spec, told["spec"])
        (key,) = arrays
        self._forms = Forms(algorithm, spec, count, told["window"], self._key(key), native, goals)
        self._packed = Packed(algorithm)
        self._ends: list[Any] = []
        self._gradients = Gradients(spec, self._actors.judge)
        (self._actor,) = self._actors.each
        self._player = self._actor
        if algorithm.worker_gradients is not None:
            (self._player,) = self._actors.learning(self._gradients)

    def reset(self, message: bytes) -> bytes:
        """Fresh episodes everywhere: what is acted on next."""
        return self.answer(self._reset, message)

    def play(self, policy: bytes, order: bytes) -> bytes:
        """A rollout, as ordered."""
        return self.answer(self._play, policy, order)

    def stored(self) -> bytes:
        """Where the environments stand."""
        return self.answer(self._stored)

    def restore(self, message: bytes) -> bytes:
        return self.answer(self._restore, message)

    def call(self, name: str, arguments: tuple, keywords: dict[str, Any]) -> list[Any]:
        """What a script of the user's asks of environments by name: its own objects."""
        return self._own.call(name, *arguments, **keywords)

    def set_attr(self, name: str, value: Any) -> None:
        self._own.set_attr(name, value)

    @property
    def _own(self) -> WorkerEnvironments:
        if self.failure is not None or self.environments is None:
            raise RuntimeError("There are no environments here, since they could not be made.")
        return self.environments

    def _reset(self, message: bytes) -> bytes:
        told, (key,) = unpack(message)
        self._actor.begin(self._key(key))
        self._actor.reset(told["count"])
        stand = self._actor.stand
        return pack({}, flatten((stand.observation, stand.action_mask))[0])

    def _play(self, policy: bytes, order: bytes) -> bytes:
        told, (key, *stand) = unpack(order)
        self.take_turn(told["turn"])
        given = Order(0, told["number"], told["version"], self._policy(policy))
        self._actors.take_up(self._algorithm, self._packed)
        if told["place"]:
            self._actor.place(self._key(key), self._forms.actor.tree(stand))
        if told["restart"]:
            self._actor.begin(self._key(key))
            self._actor.begin_afresh(given)
        self._ends.clear()
        played = self._player.play(given, self.watch)
        values, arrays = self._forms.given(played.actor, played.experience, played.memory, played.exploration)
        gradients = [] if played.gradients is None else flatten(played.gradients)[0]
        ends = list(self._ends)
        return pack({"rollout": values, "ends": ends, "gradients": len(gradients)}, [*arrays, *gradients])

    def _policy(self, message: bytes) -> Packed:
        told, arrays = unpack(message)
        numbers, arrays = arrays[: told["numbers"]], arrays[told["numbers"] :]
        if told["algorithm"] != self._learnt_by:
            self._packed = Packed.of(self._packed.layout, [jnp.asarray(x) for x in numbers])
            self._algorithm = self._packed.tree
            self._gradients.algorithm, self._learnt_by = self._packed, told["algorithm"]
        shapes = [None if x is None else x.shape for x in arrays]
        if len(shapes) != len(self._forms.shapes) or any(
            has is not None and has != expected
            for has, expected in zip(shapes, self._forms.shapes, strict=True)
        ):
            raise RuntimeError("The parameters are those of another network than the one that is made here.")
        return Packed.of(self._forms.run, [None if x is None else jnp.asarray(x) for x in arrays])

    def _stored(self) -> bytes:
        found = None if self.environments is None else self.environments.parts[0].stored()
        return pack(
            {"names": None if found is None else list(found)}, [] if found is None else list(found.values())
        )

    def _restore(self, message: bytes) -> bytes:
        told, arrays = unpack(message)
        assert self.environments is not None
        self.environments.parts[0].restore(dict(zip(told["names"], map(np.array, arrays), strict=True)))
        return pack({})

    def _ended(self, index: int, count: int, info: dict[str, Any]) -> None:
        self._ends.append([index, sent.plain(info)])

    def _key(self, data: Any) -> jax.Array:
        return jax.random.wrap_key_data(jnp.asarray(data), impl=self._impl)
