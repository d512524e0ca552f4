"""Collecting ahead: the environments go on while what they gave before is learnt from, by the policy of before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from operant.engine.collect import ActorState
from operant.engine.collected import Collected
from operant.types import PyTree


class Fresh(NamedTuple):
    """An iteration's experience, not learnt from yet."""

    iteration: int
    lag: int  # how many updates of its policy will have been made before it is learnt from
    experience: list[Collected]  # by rounds
    memory: PyTree
    actor: ActorState  # where the environments stood after it
    acted: list | None  # the arrays of the run that acted, where it may be an earlier one than learns


class Worker:
    """A thread that does one thing at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "operant-learner")

    def begin(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """Begin some work: call what is returned to wait for its result, or its error."""
        return self._pool.submit(work).result
