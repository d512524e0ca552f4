"""How this process is connected with Ray: started here, or a cluster that is joined.

Whoever needs it takes a share. The first share starts it, or joins a cluster that there is; the last one that is given
back stops what was started. A script that has called `ray.init` by itself keeps what it has.
"""

from __future__ import annotations

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
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
CONNECTING = 10.0  # seconds in which somebody answers at an address
LOOK = 0.1  # seconds between two looks at whether files are gone
ENDING = 10.0  # seconds in which calls end whose process has been ended
VARIABLE = "RAY_ADDRESS"  # where Ray itself looks for the address of a cluster
# Ray finds out which address a machine has in its network, and listens at all of them, unless it is told that there are
# no clusters on this system: as on Windows and macOS, whose firewalls would ask.
ONLY_HERE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


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
        RAY.take(address, processes)
        self._giving_back = weakref.finalize(self, RAY.give_back)

    def close(self) -> None:
        self._giving_back()

    def cores(self, here: int) -> int:
        """Processors that the cluster says it has; `here` as many as this machine has."""
        return here if RAY.local else int(library().cluster_resources().get("CPU", 0))

    def cores_each(self, processes: int) -> int:
        """As many processors for each of this number of processes as leave room for all; one where there is none."""
        if RAY.local:
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


RAY = _Ray()


def abandon() -> None:
    """This process ends at once, and with it Ray's processes, which the system ends: their files are removed."""
    if RAY.directory is not None:
        shutil.rmtree(RAY.directory, ignore_errors=True)


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
        time.sleep(LOOK if directory.exists() else 0)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
