"""Environments in processes of Ray's, several in each, stepped together: the numbers of those in one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from operant import cluster, spaces
from operant.envs import sent
from operant.envs.goals import Goals
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.gymnasium_stepping import SingleEnvironments, seeds
from operant.envs.host import HostEnvironments
from operant.envs.remote_object import RemoteObject
from operant.envs.source import Source
from operant.messages import pack, unpack
from operant.types import EnvSpec, PyTree, TimeStep
from operant.version import __version__


class Stepper(RemoteObject):
    """Some of the environments, in another process."""

    def begin(self, told: dict[str, Any], arrays: list[Any], objects: dict[str, Any]) -> None:
        made = sent.read(told["source"], objects).host(told["count"])
        assert isinstance(made, SingleEnvironments)
        self.environments = made
        made.number_from(told["first"])
        sent.require_alike(made.spec, told["spec"])
        like = jax.tree.structure(spaces.example(made.spec.action_space))
        self._action: Callable[..., PyTree] = like.unflatten

    def reset(self, message: bytes) -> bytes:
        """Episodes with these seeds."""

        def begun() -> bytes:
            own, _ = unpack(message)
            return pack({}, jax.tree.leaves(self.environments.begin(own)))

        return self.answer(begun)

    def step(self, message: bytes) -> bytes:
        """A step of each. What follows an action is left out where it is what is acted on next."""

        def stepped() -> bytes:
            timestep = self.environments.step(self._action(unpack(message)[1]))
            names = sent.names_of(timestep, shared=True)
            return pack(names, jax.tree.leaves([getattr(timestep, name) for name in names]))

        return self.answer(stepped)

    def infos(self) -> bytes:
        return self.answer(lambda: pack(list(map(sent.plain, self.environments.infos))))

    def stored(self) -> bytes:
        def kept() -> bytes:
            found = self.environments.stored()
            return pack(None if found is None else list(found), [] if found is None else list(found.values()))

        return self.answer(kept)

    def restore(self, message: bytes) -> bytes:
        def restored() -> bytes:
            names, arrays = unpack(message)
            self.environments.restore(dict(zip(names, map(np.array, arrays), strict=True)))
            return pack(None)

        return self.answer(restored)

    def call(self, name: str, arguments: tuple, keywords: dict[str, Any]) -> list[Any]:
        """What a script of the user's asks of environments by name: its own objects."""
        return self.environments.call(name, *arguments, **keywords)

    def set_attr(self, name: str, value: Any) -> None:
        self.environments.set_attr(name, value)


class RayEnvironments(HostEnvironments):
    """N environments of a source, in as many processes as Ray has processors for, but at most N.

    Args:
        source: of which `vectorization` is "ray".
        num_envs: N.
        like: the description of one of them.
    """

    def __init__(self, source: Source, num_envs: int, like: EnvSpec) -> None:
        self._source, self.spec, self._lost = source, replace(like, num_envs=num_envs), False
        self._asked: HostEnvironments | None = None  # about goals
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._share = cluster.Share(source.ray_address, min(num_envs, cores))
        count = max(1, min(num_envs, self._share.cores(cores)))
        ends = [num_envs * (i + 1) // count for i in range(count)]
        self._parts = [slice(a, b) for a, b in zip((0, *ends[:-1]), ends, strict=True)]
        self._processes = [self._process(part) for part in self._parts]
        self._seen = jax.tree.structure(spaces.example(like.observation_space))
        self._taken = 0

    def reset(
        self, key: jax.Array, start_key: jax.Array | None = None, group: int = 1
    ) -> tuple[PyTree, PyTree]:
        own = seeds(key if start_key is None else start_key, self.spec.num_envs, group)
        each = self._all("reset", lambda part: (pack(own[part]),))
        structure = jax.tree.structure((self._like, 0 if self.spec.masked else None))
        return together([structure.unflatten(arrays) for _, arrays in each])

    def step(self, action: PyTree) -> TimeStep:
        self.send(action)
        return self.receive()

    def send(self, action: PyTree) -> None:
        self._taken += 1
        leaves = jax.tree.leaves(action)
        self._calls = [
            process.ask("step", pack(None, [leaf[part] for leaf in leaves]))
            for process, part in zip(self._processes, self._parts, strict=True)
        ]

    def receive(self) -> TimeStep:
        answers = self._answers("step", self._calls)
        names = {name for own, _ in answers for name in own}
        timestep: TimeStep = together([self._timestep(own, names, arrays) for own, arrays in answers])
        for successor, of in sent.SUCCESSORS.items():
            if successor not in names:
                timestep = replace(timestep, **{successor: getattr(timestep, of)})
        over = np.flatnonzero(timestep.terminated | timestep.truncated)
        if self.on_end is not None and over.size:
            infos = self.infos
            for i in over:
                self.on_end(int(i), len(infos), infos[i])
        return timestep

    @property
    def infos(self) -> list[dict[str, Any]]:
        """Numbers and text of what they said; of an environment whose episode ended, of the step that ended it."""
        return [info for infos, _ in self._all("infos") for info in infos]

    @property
    def lost(self) -> bool:
        return self._lost

    @property
    def goals(self) -> Goals | None:
        if not self.spec.goals:
            return None
        self._asked = self._asked or self._source.one_process.host(1)
        return self._asked.goals

    def stored(self) -> dict[str, np.ndarray] | None:
        each = self._all("stored")
        if any(names is None for names, _ in each):
            return None
        return {
            f"{part.start + int(name.partition('/')[0])}/{name.partition('/')[2]}": array
            for part, (names, arrays) in zip(self._parts, each, strict=True)
            for name, array in zip(names, arrays, strict=True)
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        def own(part: slice) -> tuple[bytes]:
            found = {}
            for name, array in arrays.items():
                index, _, rest = name.partition("/")
                if part.start <= int(index) < part.stop:
                    found[f"{int(index) - part.start}/{rest}"] = array
            return (pack(list(found), list(found.values())),)

        self._all("restore", own)

    def close(self) -> None:
        self._lost = True
        for process in self._processes:
            process.end()
        self._share.close()
        if self._asked is not None:
            self._asked.close()

    def call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        calls = [(p, p.ask("call", name, arguments, keywords)) for p in self._processes]
        return [answer for process, call in calls for answer in process.answer(call)]

    def set_attr(self, name: str, value: Any) -> None:
        for process, call in [(p, p.ask("set_attr", name, value)) for p in self._processes]:
            process.answer(call)

    @property
    def _like(self) -> PyTree:
        return self._seen.unflatten([0] * self._seen.num_leaves)

    def _timestep(self, own: list[str], names: set[str], arrays: list[Any]) -> TimeStep:
        """That of one process, with all of the parts that any has."""
        timestep = jax.tree.structure(sent.timestep_like(own, self._like)).unflatten(arrays)
        missing = [name for name in sent.SUCCESSORS if name in names and name not in own]
        return replace(timestep, **{name: getattr(timestep, sent.SUCCESSORS[name]) for name in missing})

    def _process(self, part: slice) -> cluster.Process:
        given, count = self._source.given, part.stop - part.start
        of_part = given[part] if isinstance(given, list) else given
        written = sent.Written()
        sent.write(replace(self._source.one_process, given=of_part), written)
        told = {
            "version": __version__,
            "x64": bool(jax.config.jax_enable_x64),  # pyright: ignore[reportAttributeAccessIssue]
            "source": written.values,
            "spec": sent.described(self.spec),
            "first": part.start,
            "count": count,
        }
        return cluster.Process(
            self._share, Stepper, pack(told), written.objects, silence=self._source.env_timeout
        )

    def _all(
        self, method: str, arguments: Callable[[slice], tuple] = lambda part: ()
    ) -> list[tuple[Any, list[Any]]]:
        """What all processes answer to a call, with arguments that each part has of its own."""
        pairs = zip(self._processes, self._parts, strict=True)
        return self._answers(method, [process.ask(method, *arguments(part)) for process, part in pairs])

    def _answers(self, method: str, calls: list[Any]) -> list[tuple[Any, list[Any]]]:
        """Raises EnvironmentFault where a process is lost, and the first error that an environment raised."""
        waiting = [partial(p.answer, call) for p, call in zip(self._processes, calls, strict=True)]
        answers = []
        for answer, part in zip(waiting, self._parts, strict=True):
            try:
                answers.append(unpack(answer()))
            except cluster.ProcessLost as error:
                self._lost = True
                raise EnvironmentFault(
                    f"{self.spec.id}, copies {part.start} to {part.stop - 1}, {method} {self._taken:,}: {error}"
                ) from None
        for told, _ in answers:
            if isinstance(told, dict) and "error" in told:
                raise sent.raised(told)
        return answers


def together(parts: list[PyTree]) -> PyTree:
    """Trees of arrays, one after another along their first axis."""
    if len(parts) == 1:
        return parts[0]
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)
