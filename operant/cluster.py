"""Ray, which keeps objects in processes of their own, on this machine or on many.

Whoever needs it takes a share. The first share starts it, or joins a cluster that there is; the last one that is given
back stops what was started. A script that has called `ray.init` by itself keeps what it has.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import socket
import tempfile
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from operant.version import __version__

LOOPBACK = "127.0.0.1"
CONTROL = "control"  # the group of calls that are answered while others are under way
POLL = 0.1  # seconds between two looks at whether a process is still there
SILENCE = 30.0  # seconds without a sign of life after which a process counts as lost
CONNECTING = 10.0  # seconds in which somebody answers at an address
ENDING = 10.0  # seconds in which calls end whose process has been ended
VARIABLE = "RAY_ADDRESS"  # where Ray itself looks for the address of a cluster
# Ray finds out which address a machine has in its network, and listens at all of them, unless it is told that there are
# no clusters on this system: as on Windows and macOS, whose firewalls would ask.
ONLY_HERE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


class ProcessLost(RuntimeError):
    """A process has ended, or gives no sign of life."""


def require(what: str) -> None:
    """Raise ImportError, naming the extra, where Ray is not installed."""
    if find_spec("ray") is None:
        raise ImportError(f"{what}: needs an extra: pip install 'operant-rl[distributed]'.")


def library() -> Any:
    """Ray itself, which is imported when it is first needed."""
    import ray  # pyright: ignore[reportMissingImports]

    return ray


class Share:
    """A share in Ray, until `close` or until nobody holds it."""

    def __init__(self, address: str | None, processes: int) -> None:
        """`address` is that of a cluster; None for what `RAY_ADDRESS` says, or else for Ray on this machine alone, with
        room for this number of processes. Raises ValueError where no cluster answers.
        """
        _ray.take(address, processes)
        self._giving_back = weakref.finalize(self, _ray.give_back)

    def close(self) -> None:
        self._giving_back()

    def cores(self, here: int) -> int:
        """Processors that the cluster says it has; `here` as many as this machine has."""
        return here if _ray.local else int(library().cluster_resources().get("CPU", 0))

    def cores_each(self, processes: int) -> int:
        """As many processors for each of this number of processes as leave room for all; one where there is none."""
        if _ray.local:
            return max(1, (os.cpu_count() or 1) // processes)
        nodes = [int(node["Resources"].get("CPU", 0)) for node in library().nodes() if node["Alive"]]
        fitting = (cores for cores in range(max(nodes), 1, -1) if sum(n // cores for n in nodes) >= processes)
        return next(fitting, 1)

    def lacks(self, processes: int) -> str | None:
        """What to say where the cluster has room for fewer processes, if it does."""
        cores = self.cores(processes)
        return None if cores >= processes else f"the Ray cluster has {cores} CPUs, and each takes one"


class _Ray:
    """How this process is connected with Ray; there is one of it."""

    def __init__(self) -> None:
        self._lock, self._shares = threading.RLock(), 0
        self._ours = False  # whether it was started or joined here
        self.local = False  # whether it was started here
        self.directory: Path | None = None  # that of what was started
        self._calls, self._ended = 0, threading.Condition()

    def take(self, address: str | None, processes: int) -> None:
        require("Ray")
        ray = library()
        with self._lock:
            if not ray.is_initialized():
                self._shares = 0
                with _own_handlers(), warnings.catch_warnings():
                    # JAX warns of forks, after which Ray at once executes another program.
                    warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
                    self._begin(address or os.environ.get(VARIABLE) or "local", processes)
            elif self.local and address not in (None, "local"):
                raise ValueError(
                    f"ray_address={address!r}: Ray runs on this machine alone already, for another agent: close it."
                )
            self._shares += 1

    def give_back(self) -> None:
        ray = library()
        with self._lock:
            self._shares -= 1
            if self._shares or not self._ours:
                return
            with self._ended:  # nobody may wait for an answer when Ray goes
                self._ended.wait_for(lambda: not self._calls, ENDING)
            with _own_handlers():
                ray.shutdown()
            self._ours = self.local = False
            if self.directory is not None:
                _remove(self.directory)
                self.directory = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """In this block somebody waits for an answer."""
        with self._ended:
            self._calls += 1
        try:
            yield
        finally:
            with self._ended:
                self._calls -= 1
                self._ended.notify_all()

    def _begin(self, address: str, processes: int) -> None:
        ray = library()
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if address != "local":
            require_listening(address)
            try:
                ray.init(address, **quiet)
            except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
                raise ValueError(
                    f"ray_address={address!r}: no Ray cluster can be joined there ({_first_line(error)}). Start one "
                    "with `ray start --head`, or leave the address out to start Ray on this machine. One that asks for "
                    "a token is joined with RAY_AUTH_MODE=token, and with the token that `ray get-auth-token` shows "
                    "on its head."
                ) from error
            self._ours = True
            return
        base = "/tmp" if os.path.isdir("/tmp") else None  # names of sockets must be short
        self.directory = Path(tempfile.mkdtemp(prefix="operant-ray-", dir=base))
        with _on_loopback():
            context: Any = ray.init(
                "local",
                num_cpus=processes,
                num_gpus=0,
                include_dashboard=False,
                _temp_dir=str(self.directory),
                **quiet,
            )
        self._ours = self.local = True
        if (found := context.address_info["node_ip_address"]) != LOOPBACK:
            self._shares = 1
            self.give_back()
            raise RuntimeError(
                f"Ray {ray.__version__} listens at {found}, and not at {LOOPBACK} alone: start it yourself, with `ray "
                "start --head`, and give its address as ray_address."
            )


_ray = _Ray()


def abandon() -> None:
    """This process ends at once, and with it Ray's processes, which the system ends: their files are removed."""
    if _ray.directory is not None:
        shutil.rmtree(_ray.directory, ignore_errors=True)


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
        room = {"num_cpus": 0 if _ray.local else cores, "scheduling_strategy": "SPREAD"}
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
        with _ray.call():
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


def require_listening(address: str) -> None:
    """Raise ValueError where an address is none of Ray's, or nobody listens there: Ray itself would try for minutes."""
    place = re.fullmatch(r"(?P<host>[^/]+):(?P<port>\d{1,5})", address)
    if place is None:
        if address == "auto":
            return
        raise ValueError(
            f"ray_address={address!r}: must be HOST:PORT, as of `ray start --head`, or auto, on a machine that is "
            "part of the cluster."
        )
    try:
        socket.create_connection((place["host"].strip("[]"), int(place["port"])), timeout=CONNECTING).close()
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"ray_address={address!r}: nobody listens there ({error}). Start Ray there with `ray start --head`, or "
            "leave the address out to start it on this machine."
        ) from error


def about() -> bytes:
    """What a process says of itself."""
    ray = library()
    told = {"pid": os.getpid(), "host": ray.util.get_node_ip_address()}
    return json.dumps(told | {"node": ray.get_runtime_context().get_node_id()}).encode()


@contextmanager
def _on_loopback() -> Iterator[None]:
    """In this block Ray starts on the loopback address."""
    ray_constants = library()._private.ray_constants
    before, known = os.environ.get(ONLY_HERE), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[ONLY_HERE], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = known
        if before is None:
            del os.environ[ONLY_HERE]
        else:
            os.environ[ONLY_HERE] = before


@contextmanager
def _own_handlers() -> Iterator[None]:
    """What SIGTERM does is not changed by this block, as it would be by Ray."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # None: a handler that was not made in Python
            signal.signal(signal.SIGTERM, before)


def _remove(directory: Path) -> None:
    """Remove what Ray has written, of which a process that is ending may still write more."""
    until = time.monotonic() + ENDING
    while directory.exists() and time.monotonic() < until:
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(POLL if directory.exists() else 0)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
