"""The environments of all workers, as those who do not step them see them: W·N, those of the first worker first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from operant.envs.goals import Goals
from operant.envs.host import HostEnvironments
from operant.ops.metrics import Metrics
from operant.types import PyTree, TimeStep, Transition


class OfWorkers(HostEnvironments):
    """W times N environments, each N of which a worker steps."""

    closing: Callable[[], Any]  # lets nobody step them any more

    def reset(
        self, key: jax.Array, start_key: jax.Array | None = None, group: int = 1
    ) -> tuple[PyTree, PyTree]:
        raise NotImplementedError("each worker resets its own")

    def step(self, action: PyTree) -> TimeStep:
        raise NotImplementedError("each worker steps its own")

    @staticmethod
    def joined(each: Sequence[dict[str, np.ndarray] | None]) -> dict[str, np.ndarray] | None:
        """What each worker's stored, under names of all; None where one of them could not."""
        if any(one is None for one in each):
            return None
        return {f"{w}/{name}": array for w, one in enumerate(each) for name, array in (one or {}).items()}

    @staticmethod
    def of_one(arrays: Mapping[str, np.ndarray], worker: int) -> dict[str, np.ndarray]:
        """Of what `joined` put together, what is a worker's."""
        own = f"{worker}/"
        return {name.removeprefix(own): array for name, array in arrays.items() if name.startswith(own)}


class WorkerEnvironments(OfWorkers):
    """Those of workers in threads of this process."""

    def __init__(self, make: Callable[[], HostEnvironments], count: int) -> None:
        self._make, self._on_end = make, None
        self.closing = lambda: None
        self.parts = [make() for _ in range(count)]
        first = self.parts[0].spec
        self.spec = replace(first, num_envs=count * first.num_envs)

    def remake(self, worker: int) -> HostEnvironments:
        """New ones in place of a worker's, which are closed as far as that can be done."""
        with suppress(Exception):  # what is broken may not close
            self.parts[worker].close()
        self.parts[worker] = self._make()
        self._tell(worker)
        return self.parts[worker]

    @property
    def on_end(self) -> Callable[[int, int, dict[str, Any]], None] | None:
        return self._on_end

    @on_end.setter
    def on_end(  # pyright: ignore[reportIncompatibleVariableOverride] (told to every worker's)
        self, told: Callable[[int, int, dict[str, Any]], None] | None
    ) -> None:
        self._on_end = told
        for worker in range(len(self.parts)):
            self._tell(worker)

    def _tell(self, worker: int) -> None:
        told, first = self._on_end, worker * self.parts[worker].spec.num_envs
        if told is None:
            self.parts[worker].on_end = None
            return
        self.parts[worker].on_end = lambda index, _, info: told(first + index, self.spec.num_envs, info)

    @property
    def goals(self) -> Goals | None:
        return self.parts[0].goals

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics] | None:
        return self.parts[0].judge(experience)

    def stored(self) -> dict[str, np.ndarray] | None:
        return self.joined([part.stored() for part in self.parts])

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        for worker, part in enumerate(self.parts):
            part.restore(self.of_one(arrays, worker))

    @property
    def lost(self) -> bool:
        return all(part.lost for part in self.parts)

    def close(self) -> None:
        self.closing()
        for part in self.parts:
            part.close()

    def call(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        return [answer for part in self.parts for answer in part.call(name, *arguments, **keywords)]

    def set_attr(self, name: str, value: Any) -> None:
        for part in self.parts:
            part.set_attr(name, value)
