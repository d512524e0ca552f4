"""Objects that Ray keeps in processes of their own, on this machine or on others."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from operant.cluster.connection import RAY, Share, library
from operant.version import __version__

CONTROL = "control"  # the group of calls that are answered while others are under way
POLL = 0.1  # seconds between two looks at whether a process is still there
SILENCE = 30.0  # seconds without a sign of life after which a process counts as lost


class ProcessLost(RuntimeError):
    """A process has ended, or gives no sign of life."""


class Process:
    """An object of a class in a process of its own, which answers one call at a time.

    Its class has a method `ping`, which returns `about()` of its process and is answered at any time.

    Args:
        share: held as long as this.
        kind: the class, which a module of operant's has.
        arguments: bytes, or objects that Ray pickles.
        silence: seconds without a sign of life after which it counts as lost.
        cores: processors that it needs of a cluster.
    """

    def __init__(
        self, share: Share, kind: type, *arguments: Any, silence: float | None = None, cores: int = 1
    ) -> None:
        ray = library()
        self._share = share
        self.silence = SILENCE if silence is None else max(silence, SILENCE)
        made: Any = ray.remote(concurrency_groups={CONTROL: 1})(kind)
        # One that was started here has room for all; a cluster gives each processors of its own.
        room = {"num_cpus": 0 if RAY.local else cores, "scheduling_strategy": "SPREAD"}
        self._object = made.options(max_restarts=0, **room).remote(*arguments)
        self._born = self.at_once("ping")
        self._name = "its process"
        self._is_up = False
        self.ended = False

    def ask(self, method: str, *arguments: Any) -> Any:
        """Begin a call, whose answer is `answer`'s."""
        return getattr(self._object, method).remote(*arguments)

    def at_once(self, method: str, *arguments: Any) -> Any:
        """The same of a call that is answered while others are under way."""
        return getattr(self._object, method).options(concurrency_group=CONTROL).remote(*arguments)

    def answer(self, call: Any, waiting: Callable[[], Any] = lambda: None) -> Any:
        """What a call returns; `waiting()` is called now and then until it does.

        Raises ProcessLost where the process has ended, or does not say for `silence` seconds that it is alive, and
        whatever the call raises.
        """
        ray = library()
        with RAY.call():
            try:
                self._wait(call, waiting)
                return ray.get(call)
            except ray.exceptions.RayTaskError:  # which an error of the call's own is, too
                raise
            except ray.exceptions.RayActorError as error:
                self._look()
                self.end()
                lines = str(error).strip().splitlines()
                if any(
                    "creation task" in line for line in lines
                ):  # as where it cannot import what it is sent
                    raise ProcessLost(f"{self._name} could not begin: {lines[-1]}") from error
                raise ProcessLost(f"{self._name} has ended.") from None

    def said(self, call: Any) -> Any:
        """What a call returns, if it has returned; None where it has not, or where it never will."""
        ray = library()
        if not ray.wait([call], timeout=0)[0]:
            return None
        with suppress(Exception):  # which the next call will say
            return ray.get(call)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        ray = library()
        self.ended = True
        with suppress(Exception):  # as where Ray has been stopped already
            ray.kill(self._object)

    def _wait(self, call: Any, waiting: Callable[[], Any]) -> None:
        ray = library()
        heard, asked = time.monotonic(), None
        while not ray.wait([call], timeout=POLL)[0]:
            waiting()
            now = time.monotonic()
            if not self._is_up:  # it may wait for room, and what it imports takes a while
                heard = now
                self._look()
            elif asked is None and now - heard > self.silence / 4:
                asked = self.at_once("ping")
            elif asked is not None and ray.wait([asked], timeout=0)[0]:
                heard, asked = now, None
            elif now - heard > self.silence:
                self.end()
                raise ProcessLost(f"{self._name} has given no sign of life for {self.silence:g} s.")

    def _look(self) -> None:
        ray = library()
        if ray.wait([self._born], timeout=0)[0]:
            self._is_up = True
            with suppress(Exception):  # which the call under way will say as well
                told = json.loads(ray.get(self._born))
                self._name = f"its process {told['pid']} on {told['host']}"


def require_version(version: str) -> None:
    """Raise RuntimeError, in another process, where it has another operant than the one that trains."""
    if version != __version__:
        raise RuntimeError(
            f"operant {__version__} is installed where this process runs, and {version} where training does: install "
            "the same everywhere."
        )


def about() -> bytes:
    """What a process says of itself."""
    ray = library()
    told = {"pid": os.getpid(), "host": ray.util.get_node_ip_address()}
    return json.dumps(told | {"node": ray.get_runtime_context().get_node_id()}).encode()
