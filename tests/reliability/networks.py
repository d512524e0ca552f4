"""Ray nodes in networks of their own on this machine, whose cables can be pulled: network namespaces of Linux.

This needs root and `ip` (iproute2).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

RAY = str(Path(sys.executable).with_name("ray"))
HEAD = "10.213.255.1"  # an address of this machine that every network can reach


@dataclass(frozen=True)
class Network:
    """A network namespace, and the cable from it to this machine: a pair of virtual interfaces."""

    name: str
    address: str

    def cut(self) -> None:
        """Lose every packet from now on, in both directions; no connection is closed."""
        _ip("link", "set", self.name, "down")

    def mend(self) -> None:
        _ip("link", "set", self.name, "up")

    @property
    def inside(self) -> list[str]:
        """What comes before a command that is to run in it."""
        return ["ip", "netns", "exec", self.name]


@contextmanager
def networks(count: int) -> Iterator[list[Network]]:
    """So many networks, which reach this machine at `HEAD`."""
    if os.geteuid() or shutil.which("ip") is None:
        raise RuntimeError("networks of one's own need root, and `ip` (iproute2)")
    with ExitStack() as made:
        _ip("address", "replace", f"{HEAD}/32", "dev", "lo")
        made.callback(_ip, "address", "delete", f"{HEAD}/32", "dev", "lo")
        yield [made.enter_context(_network(number)) for number in range(count)]


@contextmanager
def _network(number: int) -> Iterator[Network]:
    network = Network(f"operant{number}", f"10.213.{number}.2")
    gateway = f"10.213.{number}.1"
    name, inner = network.name, f"{network.name}in"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", name)
        _ip("address", "add", f"{gateway}/30", "dev", name)
        _ip("link", "set", name, "up")
        for words in (
            ("address", "add", f"{network.address}/30", "dev", inner),
            ("link", "set", inner, "up"),
            ("link", "set", "lo", "up"),
            ("route", "add", "default", "via", gateway),
        ):
            subprocess.run([*network.inside, "ip", *words], check=True)
        yield network
    finally:
        for pid in subprocess.run(
            ["ip", "netns", "pids", name], capture_output=True, text=True
        ).stdout.split():
            subprocess.run(["kill", "-9", pid])
        _ip("link", "delete", name)  # both ends of the cable
        _ip("netns", "delete", name)


@contextmanager
def ray_cluster(others: list[Network]) -> Iterator[None]:
    """A cluster of a head here, with room for one worker, and a node in each network, for two.

    Here it is joined as `auto`, with this user's token.
    """
    with socket.socket() as free:
        free.bind((HEAD, 0))
        address = f"{HEAD}:{free.getsockname()[1]}"
    port = address.partition(":")[2]
    head = f"--head --port {port} --node-ip-address {HEAD} --num-cpus 1 --include-dashboard false".split()
    subprocess.run([RAY, "get-auth-token", "--generate"], check=True, capture_output=True)
    with ExitStack() as running:
        running.enter_context(_node(head))
        for network in others:
            place = ["--address", address, "--node-ip-address", network.address, "--num-cpus", "2"]
            running.enter_context(_node(place, network.inside))
        yield


@contextmanager
def _node(arguments: list[str], inside: list[str] | None = None) -> Iterator[None]:
    """`ray start` with these arguments, until the end."""
    command = [*(inside or []), RAY, "start", *arguments, "--block", "--disable-usage-stats"]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment["RAY_AUTH_MODE"] = "token"
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            told = []
            for line in process.stdout:
                told.append(line)
                if "--block" in line:
                    break
            else:
                raise RuntimeError(f"{' '.join(command)} ended:\n{''.join(told)}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
